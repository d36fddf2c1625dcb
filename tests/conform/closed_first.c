/*
 * A peer that another process has closed, alone: what a read that waits is told, and that all that comes after finds the connection as that FIN, or reset,
 * left it. Each many times, for what is told too early or too late is so sometimes.
 */
#include "say.h"

#define ROUNDS 30

enum way { AT_ONCE, AFTER_OCTETS, UNREAD, RESET, WAYS };
static const char *const ways[WAYS] = { "closed at once", "closed after octets", "closed with octets unread", "closed to reset" };
enum by { RECV, POLL, POLL_SET, BYS };          /* what waits for it */
static const char *const bys[BYS] = { "recv", "poll", "poll of two" };
enum then { READS, WRITES, POLLS, SHUTS, STATES, CLOSES, AGAIN, THENS };
static const char *const thens[THENS] = { "reads", "writes", "polls", "shuts", "asks", "closes", "connects again" };

static int go[2];                       /* a reset waits for a word, or it would come before connect has returned, sometimes */

/* ---- the one that closes ---- */

static void close_as(int fd, enum way way)
{
	struct linger now = { 1, 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (way == AFTER_OCTETS)
		MUST(send(fd, "last", 4, 0));
	if (way == UNREAD)
		MUST(poll(&p, 1, -1));
	if (way == RESET) {
		MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
		MUST(read(go[0], &c, 1));
	}
	close(fd);
}

static void closer(int family, enum way way, int told)
{
	int l = listening(family, 5);
	unsigned port = port_of(l);

	MUST(write(told, &port, sizeof(port)));
	for (;;)
		close_as(MUST(accept(l, NULL, NULL)), way);
}

/* ---- the one that reads ---- */

struct found { char text[256]; };

__attribute__((format(printf, 2, 3))) static void note(struct found *f, const char *fmt, ...)
{
	size_t len = strlen(f->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text + len, sizeof(f->text) - len, fmt, ap);
	va_end(ap);
}

static void note_rc(struct found *f, const char *what, long rc)
{
	if (rc < 0)
		note(f, "%s %s, ", what, say_errno(errno));
	else
		note(f, "%s %ld, ", what, rc);
}

static void note_error(struct found *f, int fd)
{
	int e = 0;
	socklen_t len = sizeof(e);

	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len));
	note(f, "error %s, ", say_errno(e));
}

/* The last ACK may be on its way. */
static void note_state(struct found *f, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int tries = 0;

	while (MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) == 0 && info.tcpi_state == TCP_LAST_ACK && tries++ < 500)
		poll(NULL, 0, 10);
	note(f, "state %d, ", info.tcpi_state);
}

static void note_poll(struct found *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = SAY_POLL_ALL };

	MUST(poll(&p, 1, 0));
	note(f, "poll %x, ", p.revents);
}

/* An address that no other process has ports of. */
static union name name_own(unsigned port)
{
	char text[32];

	snprintf(text, sizeof(text), "127.%d.%d.%d", 1 + getpid() / 65536 % 250, getpid() / 256 % 256, 1 + getpid() % 254);
	return name_of(AF_INET, text, port);
}

/* Where the other has ended it first, this end keeps nothing of the connection: its port is free, as soon as the last ACK has come. */
static void note_port(struct found *f, int fd)
{
	union name n = name_own(port_of(fd));
	int again = MUST(socket(AF_INET, SOCK_STREAM, 0)), tries = 0;

	note_rc(f, "close", close(fd));
	while (bind(again, &n.sa, name_len(AF_INET)) < 0 && errno == EADDRINUSE && tries++ < 500)
		poll(NULL, 0, 10);
	note(f, "port %s, ", tries < 500 ? "free" : "in use");
	close(again);
}

static void await(int fd, enum by by)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { go[1], POLLIN, 0 } };

	if (by != RECV)
		MUST(poll(p, by == POLL ? 1 : 2, -1));
}

static void note_all(struct found *f, int fd, enum way way, enum by by)
{
	char c[8];
	long n = 1;

	if (way == RESET)
		MUST(write(go[1], "", 1));
	while (n > 0) {
		await(fd, by);
		note_rc(f, "recv", n = recv(fd, c, sizeof(c), 0));
	}
}

static void connect_again(struct found *f, int family, int fd, unsigned port, enum way way, enum by by)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	union name n = name_lo(family, port);

	note_rc(f, "forget", connect(fd, &nobody, sizeof(nobody)));
	note_poll(f, fd);
	note_rc(f, "connect", connect(fd, &n.sa, name_len(family)));
	note_all(f, fd, way, by);
}

static void go_on(struct found *f, int family, int fd, unsigned port, enum way way, enum by by, enum then then)
{
	char c[8];

	if (then == READS)
		note_rc(f, "recv", recv(fd, c, sizeof(c), MSG_DONTWAIT)), note_rc(f, "recv", recv(fd, c, sizeof(c), 0));
	if (then == WRITES)
		note_rc(f, "send", send(fd, "x", 1, 0)), note_rc(f, "recv", recv(fd, c, sizeof(c), 0)), note_rc(f, "send", send(fd, "x", 1, 0));
	if (then == POLLS)
		note_poll(f, fd);
	if (then == SHUTS)
		note_rc(f, "shutdown", shutdown(fd, SHUT_WR)), note_poll(f, fd);
	if (then == AGAIN && way != UNREAD)
		connect_again(f, family, fd, port, way, by);
	if (then == CLOSES && family == AF_INET)
		note_port(f, fd);
	else
		note_error(f, fd), note_state(f, fd), close(fd);
}

static void one(struct found *f, int family, unsigned port, enum way way, enum by by, enum then then)
{
	union name n = name_lo(family, port), own = name_own(0);
	int fd = MUST(socket(family, SOCK_STREAM, 0));

	f->text[0] = 0;
	if (family == AF_INET)
		MUST(bind(fd, &own.sa, name_len(family)));
	MUST(connect(fd, &n.sa, name_len(family)));
	if (way == UNREAD)
		MUST(send(fd, "ab", 2, 0));
	note_all(f, fd, way, by);
	go_on(f, family, fd, port, way, by, then);
}

static void all(int family, unsigned port, enum way way, enum by by)
{
	struct found first, found;

	for (enum then then = 0; then < THENS; then++) {
		int same = 0;

		one(&first, family, port, way, by, then);
		say(thens[then], "%s", first.text);
		for (int i = 0; i < ROUNDS; i++) {
			one(&found, family, port, way, by, then);
			same += strcmp(first.text, found.text) == 0;
		}
		say("as the first", "%d", same);
	}
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int told[2];
	unsigned port;

	say_start();
	MUST(pipe(told));
	MUST(pipe(go));
	for (int i = 0; i < 2; i++)
		for (enum way way = 0; way < WAYS; way++) {
			pid_t child = MUST(fork());

			if (child == 0)
				closer(families[i], way, told[1]);
			MUST(read(told[0], &port, sizeof(port)));
			for (enum by by = 0; by < BYS; by++) {
				say_about("%s %s, awaited by %s", family_text(families[i]), ways[way], bys[by]);
				all(families[i], port, way, by);
			}
			kill(child, SIGKILL);
			MUST(waitpid(child, NULL, 0));
		}
	return 0;
}
