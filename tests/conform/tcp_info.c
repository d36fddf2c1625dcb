/*
 * What a connection tells of itself: TCP_INFO's counts of octets and its times, FIONREAD and SIOCOUTQ, while octets go both ways, while nobody reads,
 * and after a half was closed. Numbers of segments depend on the path: of them only what must be true of any.
 */
#include <linux/tcp.h>
#define _NETINET_TCP_H 1        /* libc's struct tcp_info ends before the counts */
#include "say.h"
#include <linux/sockios.h>

#define PIECE 1000
#define ROUNDS 100

static struct tcp_info info_of(int fd)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len));
	return i;
}

static int queue_of(int fd, unsigned long request)
{
	int n = -1;

	MUST(ioctl(fd, request, &n));
	return n;
}

/* The last acknowledgement may take its time. */
static struct tcp_info info_settled(int fd, uint64_t acked)
{
	struct tcp_info i = info_of(fd);

	for (long end = now_ms() + 5000; i.tcpi_bytes_acked < acked && now_ms() < end; i = info_of(fd))
		poll(NULL, 0, 5);
	return i;
}

static void say_counts(const char *who, int fd, uint64_t acked)
{
	struct tcp_info i = info_settled(fd, acked);
	char name[64];

	snprintf(name, sizeof(name), "%s sent acked received unsent", who);
	say(name, "%llu %llu %llu %u", (unsigned long long)i.tcpi_bytes_sent, (unsigned long long)i.tcpi_bytes_acked,
	    (unsigned long long)i.tcpi_bytes_received, i.tcpi_notsent_bytes);
	snprintf(name, sizeof(name), "%s segments are as many as it takes", who);
	say(name, "%d %d %d", i.tcpi_segs_out >= i.tcpi_data_segs_out, i.tcpi_segs_in >= i.tcpi_data_segs_in,
	    i.tcpi_data_segs_out * 65536ull >= i.tcpi_bytes_sent && i.tcpi_data_segs_in * 65536ull >= i.tcpi_bytes_received);
}

static void carry(int from, int to, size_t n)
{
	char buf[PIECE];

	memset(buf, 'x', sizeof(buf));
	MUST(send(from, buf, n, 0));
	MUST(recv(to, buf, n, MSG_WAITALL));
}

/* A machine may stand still for a moment: what takes too long is measured again. */
static void times(int *fd)
{
	struct tcp_info before = { 0 }, after = { 0 };

	for (int i = 0; i < 10; i++) {
		poll(NULL, 0, 300);
		before = info_of(fd[0]);
		carry(fd[0], fd[1], 10);
		after = info_of(fd[0]);
		if (after.tcpi_last_data_sent < 100)
			break;
	}
	say("idle for 300 ms", "%d %d", before.tcpi_last_data_sent >= 250, before.tcpi_last_data_recv >= 250);
	say("sent just now", "%d %d", after.tcpi_last_data_sent < 100, after.tcpi_last_data_recv >= 250);
	poll(NULL, 0, 300);
	carry(fd[1], fd[0], 10);
	after = info_of(fd[0]);
	say("received just now", "%d %d", after.tcpi_last_data_sent >= 250, after.tcpi_last_data_recv < 250);
}

/* Until nothing more is taken; then the other side reads it all. */
static void queues(int *fd)
{
	static char buf[65536];
	size_t written = 0, got = 0;
	ssize_t n;

	MUST(send(fd[0], buf, 5000, 0));
	say("FIONREAD of 5000", "%d", queue_of(fd[1], FIONREAD));
	MUST(recv(fd[1], buf, 2000, 0));
	say("FIONREAD of the rest", "%d", queue_of(fd[1], FIONREAD));
	MUST(recv(fd[1], buf, 3000, MSG_WAITALL));
	say("FIONREAD of nothing", "%d", queue_of(fd[1], FIONREAD));
	while ((n = send(fd[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		written += (size_t)n;
	say_rc("full", n);
	say("SIOCOUTQ when full", "%d", queue_of(fd[0], SIOCOUTQ) > 0);
	say("notsent when full", "%d", info_of(fd[0]).tcpi_notsent_bytes > 0);
	while (got < written && (n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	say("all of it", "%d", got == written);
	for (long end = now_ms() + 5000; queue_of(fd[0], SIOCOUTQ) > 0 && now_ms() < end;)
		poll(NULL, 0, 5);
	say("SIOCOUTQ when empty", "%d", queue_of(fd[0], SIOCOUTQ));
	say("octets", "%d", info_of(fd[0]).tcpi_bytes_sent == written + ROUNDS * PIECE + 5000);
	say("octets received", "%d", info_of(fd[1]).tcpi_bytes_received == written + ROUNDS * PIECE + 5000);
}

static void all(int family)
{
	int fd[2];

	say_about("%s", family_text(family));
	tcp_pair(family, fd);
	for (int i = 0; i < ROUNDS; i++) {
		carry(fd[0], fd[1], PIECE);
		if (i % 2)
			carry(fd[1], fd[0], PIECE / 2);
	}
	say_counts("connecting side", fd[0], ROUNDS * PIECE + 1);
	say_counts("accepting side", fd[1], ROUNDS * PIECE / 4);
	queues(fd);
	times(fd);
	MUST(shutdown(fd[0], SHUT_WR));
	carry(fd[1], fd[0], 10);
	uint64_t sent = info_of(fd[0]).tcpi_bytes_sent;
	say("received after the half-close", "%llu", (unsigned long long)info_of(fd[0]).tcpi_bytes_received);
	say("SYN and FIN among the acked", "%llu", (unsigned long long)(info_settled(fd[0], sent + 2).tcpi_bytes_acked - sent));
	close(fd[0]);
	close(fd[1]);
}

static void say_defaults(const char *who, int fd)
{
	struct tcp_info i = info_of(fd);

	say_about("%s", who);
	say("state", "%d", i.tcpi_state);
	say("rto ato rtt rttvar", "%u %u %u %u", i.tcpi_rto, i.tcpi_ato, i.tcpi_rtt, i.tcpi_rttvar);
	say("mss: send receive advertised", "%u %u %u", i.tcpi_snd_mss, i.tcpi_rcv_mss, i.tcpi_advmss);
	say("cwnd ssthresh reordering pmtu", "%u %u %u %u", i.tcpi_snd_cwnd, i.tcpi_snd_ssthresh, i.tcpi_reordering, i.tcpi_pmtu);
	say("min rtt", "%u", i.tcpi_min_rtt);
	say("pacing rates", "%llx %llx", (unsigned long long)i.tcpi_pacing_rate, (unsigned long long)i.tcpi_max_pacing_rate);
	say("queue", "%u %u", i.tcpi_unacked, i.tcpi_sacked);
	say("delivery rate", "%llu %d", (unsigned long long)i.tcpi_delivery_rate, i.tcpi_delivery_rate_app_limited);
}

/* Without what Linux remembers of earlier connections to the same address: the threshold, how far segments were reordered. */
static void say_handshake(const char *who, int fd)
{
	struct tcp_info i = info_of(fd);

	say_about("%s", who);
	say("segments in out, with text", "%u %u %u %u", i.tcpi_segs_in, i.tcpi_segs_out, i.tcpi_data_segs_in, i.tcpi_data_segs_out);
	say("delivered, octets acked", "%u %llu", i.tcpi_delivered, (unsigned long long)i.tcpi_bytes_acked);
	say("times limited", "%llu %llu %llu", (unsigned long long)i.tcpi_busy_time, (unsigned long long)i.tcpi_rwnd_limited,
	    (unsigned long long)i.tcpi_sndbuf_limited);
	say("cwnd", "%u", i.tcpi_snd_cwnd);
	say("mss: send receive advertised; mtu", "%u %u %u; %u", i.tcpi_snd_mss, i.tcpi_rcv_mss, i.tcpi_advmss, i.tcpi_pmtu);
	say("windows: receive's threshold and space, send", "%u %u %u", i.tcpi_rcv_ssthresh, i.tcpi_rcv_space, i.tcpi_snd_wnd);
	say("options", "%d", i.tcpi_options);
	say("delivery rate", "%llu %d", (unsigned long long)i.tcpi_delivery_rate, i.tcpi_delivery_rate_app_limited);
}

/* What a socket without a connection tells, and what a handshake leaves behind. */
static void beginnings(int family)
{
	int listener = listening(family, 7), fd = MUST(socket(family, SOCK_STREAM, 0)), child;

	say_defaults("fresh", fd);
	say_defaults("listening", listener);
	close(fd);
	fd = connected_to(family, SOCK_STREAM, port_of(listener));
	child = MUST(accept(listener, NULL, NULL));
	say_handshake("connected", fd);
	say_handshake("accepted", child);
	close(child);
	close(fd);
	close(listener);
}

/* TCP_INQ: what is left comes beside each message. */
static void say_left(const char *name, int fd, size_t len)
{
	union { struct cmsghdr align; char octets[64]; } control;
	char buf[100];
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int left = -1;

	say_rc(name, recvmsg(fd, &m, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		memcpy(&left, CMSG_DATA(c), sizeof(left));
		say("control", "level %d type %d len %zu: %d", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, left);
	}
	say("control length", "%zu", (size_t)m.msg_controllen);
}

static void inq(int family)
{
	int fd[2];

	tcp_pair(family, fd);
	say_about("%s inq", family_text(family));
	MUST(send(fd[0], "0123456789", 10, 0));
	wait_for(fd[1], POLLIN);
	say_left("not asked for", fd[1], 2);
	set_int(fd[1], IPPROTO_TCP, TCP_INQ, 1);
	say_left("two", fd[1], 2);
	say_left("all", fd[1], 100);
	MUST(send(fd[0], "abc", 3, 0));
	close(fd[0]);
	wait_for(fd[1], POLLRDHUP);
	say_left("one", fd[1], 1);
	say_left("last", fd[1], 100);
	say_left("end", fd[1], 100);
	set_int(fd[1], IPPROTO_TCP, TCP_INQ, 0);
	say_left("no more", fd[1], 100);
	close(fd[1]);
}

int main(void)
{
	say_start();
	beginnings(AF_INET);
	beginnings(AF_INET6);
	all(AF_INET);
	all(AF_INET6);
	inq(AF_INET);
	inq(AF_INET6);
	return 0;
}
