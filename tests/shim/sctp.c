/*
 * SCTP as programs see it, of both styles. This kernel may have none to compare with: what is expected is RFC 6458's and <linux/sctp.h>'s.
 */
#include "check.h"
#include <linux/sctp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

static int sctp(int type)
{
	int fd = socket(AF_INET, type, IPPROTO_SCTP);
	CHECK(fd >= 0);
	return fd;
}

static int listener(int type, struct sockaddr_in *ret)
{
	int fd = sctp(type);
	socklen_t len = sizeof *ret;
	*ret = loopback(0);
	CHECK(bind(fd, (struct sockaddr *)ret, sizeof *ret) == 0 && listen(fd, 5) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)ret, &len) == 0 && ret->sin_port != 0);
	return fd;
}

static void pair_of(int pair[2])
{
	struct sockaddr_in a;
	int l = listener(SOCK_STREAM, &a);
	pair[0] = sctp(SOCK_STREAM);
	CHECK(connect(pair[0], (struct sockaddr *)&a, sizeof a) == 0);
	pair[1] = accept(l, NULL, NULL);
	CHECK(pair[1] >= 0 && close(l) == 0);
}

static int events_of(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static ssize_t message(int fd, void *buf, size_t len, int *ret_flags)
{
	struct iovec iov = {buf, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &m, 0);
	*ret_flags = m.msg_flags;
	return n;
}

/* ---- one-to-one ---- */

static void kinds(void)
{
	CHECK(socket(AF_INET, SOCK_DGRAM, IPPROTO_SCTP) == -1 && errno == EPROTONOSUPPORT);
	CHECK(socket(AF_INET, SOCK_SEQPACKET, IPPROTO_TCP) == -1 && errno == EPROTONOSUPPORT);
	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_SCTP), v;
	socklen_t len = sizeof v;
	CHECK(fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len) == 0 && v == IPPROTO_SCTP);
	CHECK(close(fd) == 0);
	/* What is closed is no TCP socket's beginning. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len) == 0 && v == IPPROTO_TCP && close(fd) == 0);
}

static void messages(void)
{
	int pair[2], flags, n;
	char buf[16];
	pair_of(pair);
	CHECK(send(pair[0], "first", 5, 0) == 5 && write(pair[0], "second one", 10) == 10);
	CHECK(ioctl(pair[1], FIONREAD, &n) == 0 && n == 5);
	CHECK(events_of(pair[1]) == (POLLIN | POLLOUT) && events_of(pair[0]) == POLLOUT);
	CHECK(message(pair[1], buf, sizeof buf, &flags) == 5 && flags & MSG_EOR);
	CHECK(message(pair[1], buf, 4, &flags) == 4 && !(flags & MSG_EOR));
	CHECK(message(pair[1], buf, sizeof buf, &flags) == 6 && flags & MSG_EOR && memcmp(buf, "nd one", 6) == 0);
	CHECK(recv(pair[1], buf, sizeof buf, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	CHECK(send(pair[0], "", 0, 0) == -1 && errno == EINVAL);
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	CHECK(getpeername(pair[1], (struct sockaddr *)&a, &len) == 0 && a.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(close(pair[0]) == 0);
	CHECK(recv(pair[1], buf, sizeof buf, 0) == 0 && events_of(pair[1]) & POLLRDHUP);
	signal(SIGPIPE, SIG_IGN);
	CHECK(send(pair[1], "x", 1, 0) == -1 && (errno == EPIPE || errno == ESHUTDOWN));
	CHECK(close(pair[1]) == 0);
}

/* More than the buffers hold, against a reader in another process. */
static void much(void)
{
	static char buf[30000];
	enum { ROUNDS = 200 };
	int pair[2];
	pair_of(pair);
	pid_t child = fork();
	if (child == 0) {
		close(pair[0]);
		for (int i = 0; i < ROUNDS; i++) {
			size_t got = 0;
			for (int flags = 0; !(flags & MSG_EOR);) {
				ssize_t n = message(pair[1], buf + got, sizeof buf - got, &flags);
				CHECK(n > 0);
				got += (size_t)n;
			}
			CHECK(got == sizeof buf && buf[0] == (char)i && buf[sizeof buf - 1] == (char)i);
		}
		CHECK(recv(pair[1], buf, 1, 0) == 0);
		_exit(0);
	}
	close(pair[1]);
	for (int i = 0; i < ROUNDS; i++) {
		memset(buf, i, sizeof buf);
		CHECK(send(pair[0], buf, sizeof buf, 0) == sizeof buf);
	}
	CHECK(shutdown(pair[0], SHUT_WR) == 0);
	child_ends_well(child);
	CHECK(close(pair[0]) == 0);
}

static void nonblocking(void)
{
	struct sockaddr_in a;
	int l = listener(SOCK_STREAM, &a), fd = sctp(SOCK_STREAM | SOCK_NONBLOCK), err = -1;
	socklen_t len = sizeof err;
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == -1 && errno == EINPROGRESS);
	struct pollfd p = {fd, POLLOUT, 0};
	CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLOUT);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0);
	CHECK(close(l) == 0 && close(fd) == 0);
	/* Nobody is there any more. */
	fd = sctp(SOCK_STREAM);
	CHECK(events_of(fd) == 0);             /* by now the listener is closed, too */
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == -1 && errno == ECONNREFUSED);
	CHECK(recv(fd, &err, 1, 0) == -1 && errno == ENOTCONN);
	CHECK(send(fd, &err, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && close(fd) == 0);
	/* Room is waited for: a full socket is not writable, and is again once the peer reads. */
	int pair[2];
	static char buf[20000];
	pair_of(pair);
	while (send(pair[0], buf, sizeof buf, MSG_DONTWAIT) > 0) {}
	CHECK(errno == EAGAIN && !(events_of(pair[0]) & POLLOUT));
	for (int i = 0; i < 10000 && !(events_of(pair[0]) & POLLOUT); i++) CHECK(recv(pair[1], buf, sizeof buf, 0) > 0);
	CHECK(events_of(pair[0]) & POLLOUT && close(pair[0]) == 0 && close(pair[1]) == 0);
}

/* ---- one-to-many ---- */

static void control_put(struct msghdr *m, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((char *)m->msg_control + m->msg_controllen);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = IPPROTO_SCTP, .cmsg_type = type};
	memcpy(CMSG_DATA(c), data, len);
	m->msg_controllen += CMSG_SPACE(len);
}

static ssize_t send_to(int fd, const struct sockaddr_in *to, const char *text, const struct sctp_sndinfo *info)
{
	char control[CMSG_SPACE(sizeof *info)] = "";
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = (void *)to, .msg_namelen = to ? sizeof *to : 0, .msg_control = control};
	control_put(&m, SCTP_SNDINFO, info, sizeof *info);
	return sendmsg(fd, &m, 0);
}

struct got { char data[512]; ssize_t n; int flags; struct sctp_rcvinfo info; struct sockaddr_in from; };
static struct got receive(int fd)
{
	struct got g = {.n = 0};
	char control[256];
	struct iovec iov = {g.data, sizeof g.data};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &g.from, .msg_namelen = sizeof g.from, .msg_control = control,
			   .msg_controllen = sizeof control};
	g.n = recvmsg(fd, &m, 0);
	g.flags = m.msg_flags;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); g.n >= 0 && c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_SCTP && c->cmsg_type == SCTP_RCVINFO) memcpy(&g.info, CMSG_DATA(c), sizeof g.info);
	return g;
}

static int change_of(const struct got *g)
{
	struct sctp_assoc_change c;
	CHECK(g->n == sizeof c && g->flags & MSG_NOTIFICATION);
	memcpy(&c, g->data, sizeof c);
	CHECK(c.sac_type == SCTP_ASSOC_CHANGE);
	return c.sac_state;
}

static void one_to_many(void)
{
	struct sockaddr_in a;
	int server = listener(SOCK_SEQPACKET, &a), client = sctp(SOCK_SEQPACKET), on = 1;
	struct sctp_event_subscribe events = {.sctp_association_event = 1};
	struct got g;
	CHECK(setsockopt(server, IPPROTO_SCTP, SCTP_EVENTS, &events, sizeof events) == 0);
	CHECK(setsockopt(server, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) == 0);
	CHECK(send_to(client, &a, "hello", &(struct sctp_sndinfo){.snd_sid = 3, .snd_ppid = htonl(46)}) == 5);
	g = receive(server);
	CHECK(change_of(&g) == SCTP_COMM_UP);
	g = receive(server);
	CHECK(g.n == 5 && memcmp(g.data, "hello", 5) == 0 && g.info.rcv_sid == 3 && ntohl(g.info.rcv_ppid) == 46);
	CHECK(send_to(server, NULL, "answer", &(struct sctp_sndinfo){.snd_assoc_id = g.info.rcv_assoc_id}) == 6);
	CHECK(receive(client).n == 6);
	/* An association gets a descriptor of its own. */
	sctp_peeloff_arg_t peel = {.associd = g.info.rcv_assoc_id};
	socklen_t len = sizeof peel;
	int own = getsockopt(server, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &peel, &len);
	CHECK(own >= 0 && own == peel.sd && own != server);
	CHECK(send_to(client, &a, "to you", &(struct sctp_sndinfo){0}) == 6);
	g = receive(own);
	CHECK(g.n == 6 && send(own, "bye", 3, 0) == 3);
	CHECK(receive(client).n == 3 && close(own) == 0);
	peel.associd = 1000;
	CHECK(getsockopt(server, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &peel, &len) == -1 && errno == EINVAL);
	/* sctp_connectx(): the answer is the association's number. */
	int x = sctp(SOCK_SEQPACKET);
	CHECK(setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, &a, sizeof a) > 2);
	CHECK(setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, &a, sizeof a) == -1 && errno == EISCONN);
	g = receive(server);
	CHECK(change_of(&g) == SCTP_COMM_UP && close(x) == 0);
	g = receive(server);
	CHECK(change_of(&g) == SCTP_SHUTDOWN_COMP);
	CHECK(close(client) == 0 && close(server) == 0);
}

/* Streams that begin anew: both ends must have said that they may. */
static void reconfigured(void)
{
	struct sockaddr_in a;
	int l = listener(SOCK_STREAM, &a), fd = sctp(SOCK_STREAM), on = 1;
	struct sctp_assoc_value value = {.assoc_value = 1};
	struct sctp_event event = {.se_type = SCTP_STREAM_RESET_EVENT, .se_on = 1};
	struct sctp_reset_streams reset = {.srs_flags = SCTP_STREAM_RESET_OUTGOING};
	struct sctp_stream_reset_event told;
	struct got g;
	for (int i = 0; i < 2; i++) {
		int s = i ? l : fd;
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_RECONFIG_SUPPORTED, &value, sizeof value) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &value, sizeof value) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) == 0);
	}
	CHECK(setsockopt(fd, IPPROTO_SCTP, SCTP_RESET_STREAMS, &reset, sizeof reset) == -1 && errno == EINVAL);
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	int peer = accept(l, NULL, NULL);
	CHECK(peer >= 0 && send(fd, "one", 3, 0) == 3 && send(fd, "two", 3, 0) == 3);
	CHECK(receive(peer).n == 3);
	g = receive(peer);
	CHECK(g.n == 3 && g.info.rcv_ssn == 1);
	CHECK(setsockopt(fd, IPPROTO_SCTP, SCTP_RESET_STREAMS, &reset, sizeof reset) == 0);
	for (int i = 0; i < 2; i++) {
		g = receive(i ? peer : fd);
		CHECK(g.n == sizeof told && g.flags & MSG_NOTIFICATION);
		memcpy(&told, g.data, sizeof told);
		CHECK(told.strreset_type == SCTP_STREAM_RESET_EVENT);
		CHECK(told.strreset_flags == (i ? SCTP_STREAM_RESET_INCOMING_SSN : SCTP_STREAM_RESET_OUTGOING_SSN));
	}
	CHECK(send(fd, "anew", 4, 0) == 4);
	g = receive(peer);
	CHECK(g.n == 4 && g.info.rcv_ssn == 0);
	CHECK(close(fd) == 0 && close(peer) == 0 && close(l) == 0);
}

/* DATA that both ends want authenticated, with keys that they share by number. */
static void authenticated(void)
{
	struct sockaddr_in a;
	int l = listener(SOCK_STREAM, &a), fd = sctp(SOCK_STREAM);
	struct sctp_assoc_value value = {.assoc_value = 1};
	struct sctp_authchunk data = {0};
	struct { struct { sctp_assoc_t sca_assoc_id; uint16_t sca_keynumber, sca_keylength; } h; char key[6]; } key = {
		{.sca_keynumber = 3, .sca_keylength = 6}, "secret"};
	struct sctp_authkeyid id = {.scact_keynumber = 3};
	struct { struct { sctp_assoc_t gauth_assoc_id; uint32_t gauth_number_of_chunks; } h; uint8_t types[4]; } peer = {.h = {0}};
	socklen_t len = sizeof peer;
	CHECK(setsockopt(fd, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &data, sizeof data) == -1 && errno == EACCES);
	for (int i = 0; i < 2; i++) {
		int s = i ? l : fd;
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_AUTH_SUPPORTED, &value, sizeof value) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &data, sizeof data) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_AUTH_KEY, &key, sizeof key) == 0);
		CHECK(setsockopt(s, IPPROTO_SCTP, SCTP_AUTH_ACTIVE_KEY, &id, sizeof id) == 0);
	}
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	int y = accept(l, NULL, NULL);
	CHECK(y >= 0 && send(fd, "text", 4, 0) == 4 && receive(y).n == 4 && send(y, "back", 4, 0) == 4 && receive(fd).n == 4);
	CHECK(getsockopt(fd, IPPROTO_SCTP, SCTP_PEER_AUTH_CHUNKS, &peer, &len) == 0 && len == sizeof peer.h + 1);
	CHECK(peer.h.gauth_number_of_chunks == 1 && peer.types[0] == 0);
	CHECK(setsockopt(fd, IPPROTO_SCTP, SCTP_AUTH_DELETE_KEY, &id, sizeof id) == -1 && errno == EINVAL);
	CHECK(close(fd) == 0 && close(y) == 0 && close(l) == 0);
}

int main(void)
{
	kinds();
	messages();
	much();
	nonblocking();
	one_to_many();
	reconfigured();
	authenticated();
	return 0;
}
