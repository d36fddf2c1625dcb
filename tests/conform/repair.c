/*
 * TCP_REPAIR: a connection is looked into, taken down without a word to its peer, and set up again by a socket that was never connected, as programs do
 * that move processes. Who asks has CAP_NET_ADMIN.
 */
#include <linux/tcp.h>
#define _NETINET_TCP_H 1
#include "say.h"
#include <linux/sockios.h>

enum { NO_WINDOW_PROBE = -1 };
enum { MSS = 2, SCALE = 3, SACK = 4, STAMPS = 8 };      /* kinds of options of a segment */

static int repair(int fd, int how) { return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &how, sizeof(how)); }
static int choose(int fd, int queue) { return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)); }

static unsigned option(int fd, int name)
{
	unsigned v = 0;
	socklen_t len = sizeof(v);

	MUST(getsockopt(fd, IPPROTO_TCP, name, &v, &len));
	return v;
}

static void say_queues(const char *text, int fd)
{
	int in = -1, out = -1, unsent = -1;

	if (ioctl(fd, SIOCINQ, &in) < 0 || ioctl(fd, SIOCOUTQ, &out) < 0 || ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
		say(text, "%s", say_errno(errno));
	else
		say(text, "in %d, out %d, unsent %d", in, out, unsent);
}

static void say_read(const char *text, int fd, size_t room, int flags)
{
	char octets[64] = "";
	long n = recv(fd, octets, room, flags | MSG_DONTWAIT);

	if (n < 0)
		say_rc(text, n);
	else
		say(text, "%ld \"%.*s\"", n, (int)n, octets);
}

/* ---- who may, and when ---- */

static void rules(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0)), l = listening(family, 1), udp = MUST(socket(family, SOCK_DGRAM, 0)), v = 1;
	struct tcp_repair_window w = {0};
	struct tcp_repair_opt o = {0};
	socklen_t len = sizeof(w);

	say_about("%s rules", family_text(family));
	say_option("not in repair", fd, IPPROTO_TCP, TCP_REPAIR);
	say_option("its queue", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
	say_option("its sequence number", fd, IPPROTO_TCP, TCP_QUEUE_SEQ);
	say_rc("its window", getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	say_option("its options", fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS);
	say_set_option("a queue", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	say_set_option("a sequence number", fd, IPPROTO_TCP, TCP_QUEUE_SEQ, 5);
	say_rc("a window", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)));
	say_rc("options", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &o, sizeof(o)));
	say_set_option("a time stamp", fd, IPPROTO_TCP, TCP_TIMESTAMP, 1000);
	for (int how = -3; how < 4; how++) {
		say_about("%s rules of %d", family_text(family), how);
		say_set_option("set", fd, IPPROTO_TCP, TCP_REPAIR, how);
		say_option("get", fd, IPPROTO_TCP, TCP_REPAIR);
		say_option("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
		say_option("the queue", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
	}
	say_about("%s rules", family_text(family));
	say_rc("too short", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &v, 3));
	say_rc("of a listener", repair(l, 1));
	say_rc("of a datagram socket", repair(udp, 1));
	say_rc("on", repair(fd, 1));
	say_option("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
	for (int q = -1; q < 5; q++) {
		say_about("%s rules of queue %d", family_text(family), q);
		say_set_option("set", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, q);
		say_option("get", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
		say_option("sequence number", fd, IPPROTO_TCP, TCP_QUEUE_SEQ);
		say_set_option("another", fd, IPPROTO_TCP, TCP_QUEUE_SEQ, 1000 + q);
		say_option("sequence number now", fd, IPPROTO_TCP, TCP_QUEUE_SEQ);
		say_read("read", fd, 10, 0);
		say_read("peek", fd, 10, MSG_PEEK);
		say_rc("send", send(fd, "x", 1, MSG_DONTWAIT));
	}
	say_about("%s rules in repair", family_text(family));
	say_rc("window", getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	say("window", "%u %u %u %u, %u octets", w.snd_wnd, w.max_window, w.rcv_wnd, w.rcv_wup, len);
	len = 10;
	say_rc("window into too little", getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	say_rc("short window", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w) - 1));
	say_rc("shorter window", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, 3));
	say_rc("long window", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w) + 1));
	w = (struct tcp_repair_window){.snd_wnd = 10, .max_window = 9};
	say_rc("more than its most", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)));
	say_rc("options unconnected", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &o, sizeof(o)));
	say_rc("short options", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &o, 3));
	say_set_option("a time stamp", fd, IPPROTO_TCP, TCP_TIMESTAMP, 100000);
	v = (int)option(fd, TCP_TIMESTAMP);
	say("its time stamp", "%s", v >= 100000 && v < 105000 && v % 2 == 0 ? "as set" : "another");
	say_rc("off", repair(fd, 0));
	say_option("SO_REUSEADDR off", fd, SOL_SOCKET, SO_REUSEADDR);
	close(fd);
	close(l);
	close(udp);
}

/* ---- looking into one ---- */

static void looking(int family)
{
	int fd[2], out;
	struct tcp_repair_window w = {0};
	struct tcp_repair_opt mss = {MSS, 1000};
	socklen_t len = sizeof(w);

	tcp_pair(family, fd);
	say_about("%s looking", family_text(family));
	MUST(send(fd[1], "incoming", 8, 0));
	MUST(send(fd[0], "out", 3, 0));
	wait_for(fd[0], POLLIN);
	say_rc("on", repair(fd[0], 1));
	say_rc("nothing more", repair(fd[0], 1));
	say_queues("queues", fd[0]);
	say_read("read", fd[0], 10, 0);
	say_read("peek of no queue", fd[0], 10, MSG_PEEK);
	say_rc("send to no queue", send(fd[0], "x", 1, 0));
	say_rc("send of nothing", send(fd[0], "x", 0, 0));
	say_poll("poll", fd[0]);
	MUST(choose(fd[0], TCP_RECV_QUEUE));
	unsigned in = option(fd[0], TCP_QUEUE_SEQ);
	say_read("peek", fd[0], 20, MSG_PEEK);
	say_read("peek of a part", fd[0], 3, MSG_PEEK);
	say_read("read of the queue", fd[0], 20, 0);
	say_set_option("its number", fd[0], IPPROTO_TCP, TCP_QUEUE_SEQ, 7);
	MUST(choose(fd[0], TCP_SEND_QUEUE));
	unsigned before = option(fd[0], TCP_QUEUE_SEQ);
	say_read("peek of what is sent", fd[0], 20, MSG_PEEK);
	say_set_option("number of what is sent", fd[0], IPPROTO_TCP, TCP_QUEUE_SEQ, 7);
	say_rc("window", getsockopt(fd[0], IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	say("the window it offers", "%s", w.rcv_wnd > 0 && w.rcv_wup - in + 8 <= 8 ? "fits its number" : "does not");
	say("the window of its peer", "%s", w.snd_wnd > 0 && w.max_window >= w.snd_wnd ? "there" : "none");
	say_rc("options, when it has sent", setsockopt(fd[0], IPPROTO_TCP, TCP_REPAIR_OPTIONS, &mss, sizeof(mss)));
	w.rcv_wup = in + 1;
	say_rc("window of what has not come", setsockopt(fd[0], IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)));
	w.rcv_wup = in;
	w.snd_wl1 = in + w.rcv_wnd + 1;
	say_rc("window learnt of what can't come", setsockopt(fd[0], IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)));
	/* It is said to be sent, but is not. */
	say_rc("send", send(fd[0], "unheard", 7, 0));
	say("its number", "%u more", option(fd[0], TCP_QUEUE_SEQ) - before);
	ioctl(fd[0], SIOCOUTQNSD, &out);
	say("unsent", "%d", out);
	say_read("peer", fd[1], 20, 0);
	say_rc("off", repair(fd[0], 0));
	say_read("read after it", fd[0], 20, 0);
	say_rc("send after it", send(fd[0], " of", 3, 0));
	char text[32];
	size_t n = 0;
	for (long r; n < 10 && (r = recv(fd[1], text + n, sizeof(text) - n, 0)) > 0;)
		n += (size_t)r;
	say("peer", "%.*s", (int)n, text);
	close(fd[0]);
	say_read("peer at the end", fd[1], 20, 0);
	close(fd[1]);
}

/* ---- receiving what a program brings ---- */

static void bringing(int family)
{
	int fd[2];
	static char many[200000];

	tcp_pair(family, fd);
	say_about("%s bringing", family_text(family));
	MUST(repair(fd[0], 1));
	MUST(choose(fd[0], TCP_RECV_QUEUE));
	unsigned before = option(fd[0], TCP_QUEUE_SEQ);
	say_rc("send", send(fd[0], "brought", 7, 0));
	say("its number", "%u more", option(fd[0], TCP_QUEUE_SEQ) - before);
	say_queues("queues", fd[0]);
	say_rc("too many", send(fd[0], many, sizeof(many), 0));
	say_rc("with an urgent one", send(fd[0], "u", 1, MSG_OOB));
	MUST(repair(fd[0], NO_WINDOW_PROBE));
	say_read("read", fd[0], 7, 0);
	close(fd[0]);
	close(fd[1]);
}

/* More than one of the other's calls could carry. */
static void peeking_at_many(int family)
{
	int fd[2];
	static char many[180000], seen[sizeof(many) + 1];

	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = (char)(i * 7 + i / 256);
	tcp_pair(family, fd);
	say_about("%s peeking at many", family_text(family));
	set_int(fd[0], SOL_SOCKET, SO_RCVBUF, 1 << 20);
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 1 << 20);
	MUST(repair(fd[0], 1));
	for (int queue = TCP_RECV_QUEUE; queue <= TCP_SEND_QUEUE; queue++) {
		MUST(choose(fd[0], queue));
		for (size_t at = 0; at < sizeof(many); at += 60000)
			say_rc("send", send(fd[0], many + at, 60000, 0));
		memset(seen, 0, sizeof(seen));
		long n = say_rc("peek", recv(fd[0], seen, sizeof(seen), MSG_PEEK));
		say("the same", "%d", n == sizeof(many) && memcmp(many, seen, sizeof(many)) == 0);
		say_rc("peek at the half", recv(fd[0], seen, sizeof(many) / 2, MSG_PEEK));
	}
	close(fd[0]);
	close(fd[1]);
}

/* ---- moving ---- */

struct moved {
	union name local, peer;
	unsigned in, out, mss;
	struct tcp_info info;
	struct tcp_repair_window window;
	char unread[64], unheard[64];
	int unread_len, unheard_len;
	unsigned stamp;
};

static struct moved take_down(int fd)
{
	struct moved m = {0};
	socklen_t len = sizeof(m.local);

	MUST(repair(fd, 1));
	MUST(getsockname(fd, &m.local.sa, &len));
	len = sizeof(m.peer);
	MUST(getpeername(fd, &m.peer.sa, &len));
	len = sizeof(m.info);
	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &m.info, &len));
	len = sizeof(m.window);
	MUST(getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &m.window, &len));
	m.stamp = option(fd, TCP_TIMESTAMP);
	m.mss = option(fd, TCP_MAXSEG);
	MUST(ioctl(fd, SIOCINQ, &m.unread_len));
	MUST(ioctl(fd, SIOCOUTQ, &m.unheard_len));
	MUST(choose(fd, TCP_RECV_QUEUE));
	m.in = option(fd, TCP_QUEUE_SEQ) - (unsigned)m.unread_len;
	if (m.unread_len)
		MUST(recv(fd, m.unread, (size_t)m.unread_len, MSG_PEEK));
	MUST(choose(fd, TCP_SEND_QUEUE));
	m.out = option(fd, TCP_QUEUE_SEQ) - (unsigned)m.unheard_len;
	if (m.unheard_len)
		MUST(recv(fd, m.unheard, (size_t)m.unheard_len, MSG_PEEK));
	close(fd);
	return m;
}

static void say_agreed(const char *text, int fd, const struct tcp_info *before)
{
	struct tcp_info i = {0};
	socklen_t len = sizeof(i);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len));
	bool same = i.tcpi_snd_wscale == before->tcpi_snd_wscale && i.tcpi_rcv_wscale == before->tcpi_rcv_wscale;
	say(text, "options %x, scales %s, segments %s", i.tcpi_options, same ? "as before" : "not", i.tcpi_snd_mss < 1300 ? "for everybody" : "large");
}

static int set_up(int family, const struct moved *m)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0));
	struct tcp_repair_opt o[] = {
		{MSS, m->mss}, {SCALE, m->info.tcpi_snd_wscale | (unsigned)m->info.tcpi_rcv_wscale << 16},
		{SACK, 0}, {STAMPS, 0},
	};
	struct tcp_repair_opt wide = {SCALE, 15}, odd = {SACK, 1}, unknown = {77, 1};

	say_rc("on", repair(fd, 1));
	set_int(fd, IPPROTO_TCP, TCP_TIMESTAMP, (int)m->stamp);
	say_rc("bind", bind(fd, &m->local.sa, name_len(family)));
	MUST(choose(fd, TCP_RECV_QUEUE));
	set_int(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)m->in);
	MUST(choose(fd, TCP_SEND_QUEUE));
	set_int(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)m->out);
	say_rc("connect", connect(fd, &m->peer.sa, name_len(family)));
	say_state("state", fd);
	say_agreed("agreed at first", fd, &m->info);
	say("the number kept", "%d", option(fd, TCP_QUEUE_SEQ) == m->out);
	say_set_option("another number", fd, IPPROTO_TCP, TCP_QUEUE_SEQ, 7);
	say_rc("too wide", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &wide, sizeof(wide)));
	say_rc("odd", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &odd, sizeof(odd)));
	say_rc("unknown", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &unknown, sizeof(unknown)));
	say_rc("options", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, sizeof(o)));
	say_agreed("agreed", fd, &m->info);
	MUST(choose(fd, TCP_RECV_QUEUE));
	if (m->unread_len)
		say_rc("unread", send(fd, m->unread, (size_t)m->unread_len, 0));
	MUST(choose(fd, TCP_SEND_QUEUE));
	if (m->unheard_len)
		say_rc("unheard", send(fd, m->unheard, (size_t)m->unheard_len, 0));
	say_rc("window", setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &m->window, sizeof(m->window)));
	say_queues("queues", fd);
	say_rc("off", repair(fd, 0));
	say_option("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
	return fd;
}

static void moving(int family, bool accepted)
{
	int fd[2], l = listening(family, 1), mine, peer;

	fd[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd[1] = MUST(accept(l, NULL, NULL));
	mine = fd[accepted];
	peer = fd[!accepted];
	say_about("%s moving the one that %s", family_text(family), accepted ? "accepted" : "connected");
	MUST(send(peer, "before the move", 15, 0));
	MUST(send(mine, "heard", 5, 0));
	wait_for(mine, POLLIN);
	say_read("peer before", peer, 20, 0);
	struct moved m = take_down(mine);
	say("taken", "%d unread, %d unheard", m.unread_len, m.unheard_len);
	say_state("peer's state", peer);
	say_poll("peer's poll", peer);
	mine = set_up(family, &m);
	say_state("peer's state", peer);
	say_peername("whose peer", mine);
	say_read("unread", mine, 20, 0);
	say_rc("send", send(mine, "after", 5, 0));
	wait_for(peer, POLLIN);
	say_read("peer", peer, 20, 0);
	say_rc("peer's send", send(peer, "and back", 8, 0));
	wait_for(mine, POLLIN);
	say_read("read", mine, 20, 0);
	shutdown(mine, SHUT_WR);
	wait_for(peer, POLLIN);
	say_read("peer at the end", peer, 20, 0);
	close(peer);
	wait_for(mine, POLLIN);
	say_read("the end", mine, 20, 0);
	close(mine);
	close(l);
}

/* ---- binding and connecting where others are ---- */

static void names(int family)
{
	int l = listening(family, 1), fd[2], again;
	union name n = name_lo(family, port_of(l)), peer = name_lo(family, 9);
	socklen_t len = sizeof(n);

	say_about("%s names", family_text(family));
	again = MUST(socket(family, SOCK_STREAM, 0));
	say_rc("bind", bind(again, &n.sa, name_len(family)));
	MUST(repair(again, 1));
	say_rc("bind in repair", bind(again, &n.sa, name_len(family)));
	say_rc("connect to nobody", connect(again, &peer.sa, name_len(family)));
	say_state("state", again);
	say_rc("once more", connect(again, &peer.sa, name_len(family)));
	say_poll("poll", again);
	say_rc("to AF_UNSPEC", connect(again, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
	say_error("its error", again);
	say_state("state then", again);
	say_option("in repair", again, IPPROTO_TCP, TCP_REPAIR);
	close(again);
	fd[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd[1] = MUST(accept(l, NULL, NULL));
	again = MUST(socket(family, SOCK_STREAM, 0));
	MUST(repair(again, 1));
	MUST(getsockname(fd[0], &n.sa, &len));
	say_rc("bind to one that is connected", bind(again, &n.sa, name_len(family)));
	n = name_lo(family, port_of(l));
	say_rc("connect to the same", connect(again, &n.sa, name_len(family)));
	say_rc("off", repair(again, NO_WINDOW_PROBE));
	close(again);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

/* What is accepted is in repair as its listener is. */
static void inherited(int family)
{
	int l = bound(family, SOCK_STREAM), client, fd;

	say_about("%s inherited", family_text(family));
	MUST(repair(l, 1));
	say_rc("listen", listen(l, 1));
	say_rc("on again", repair(l, 1));
	client = connected_to(family, SOCK_STREAM, port_of(l));
	fd = MUST(accept(l, NULL, NULL));
	say_option("accepted", fd, IPPROTO_TCP, TCP_REPAIR);
	say_option("its queue", fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
	say_option("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
	MUST(send(client, "first", 5, 0));
	wait_for(fd, POLLIN);
	say_read("read", fd, 20, 0);
	say_rc("off", repair(fd, NO_WINDOW_PROBE));
	say_read("read after it", fd, 20, 0);
	say_rc("send", send(fd, "answer", 6, 0));
	wait_for(client, POLLIN);
	say_read("peer", client, 20, 0);
	MUST(repair(fd, 1));
	close(fd);
	say_poll("peer's poll", client);
	close(client);
	close(l);
}

int main(void)
{
	static void (*const parts[])(int family) = {rules, looking, bringing, peeking_at_many, names, inherited};
	static const int families[] = {AF_INET, AF_INET6};

	say_start();
	for (size_t f = 0; f < 2; f++) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			parts[i](families[f]);
		moving(families[f], false);
		moving(families[f], true);
	}
	return 0;
}
