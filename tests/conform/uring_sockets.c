/* io_uring on sockets: what operations complete with, at once or when something comes; polls; a conversation in chains. */
#include "say_uring.h"

static void connections(int family)
{
	union name n = { 0 };
	socklen_t len = sizeof(n);
	int l = listening(family, 5), c = MUST(socket(family, SOCK_STREAM, 0));
	struct io_uring_cqe e;
	say_about("connections %s", family_text(family));
	struct io_uring_sqe *a = data(IORING_OP_ACCEPT, l, &n, 0, 1);
	a->addr2 = (unsigned long)&len;
	a->accept_flags = SOCK_CLOEXEC;
	say_result("accept waits", ring_submit(&ring, 0));
	union name to = name_lo(family, port_of(l));
	data(IORING_OP_CONNECT, c, &to, 0, 2)->off = name_len(family);
	say_result("connect", ring_submit(&ring, 2));
	int s = -1, connected = -1;
	for (int i = 0; i < 2; i++) {
		ring_take(&ring, &e);
		*(e.user_data == 1 ? &s : &connected) = e.res;
	}
	say("accepted", "%d connected %d", s >= 0, connected);
	say_name("peer", &n, len);
	say("close on exec", "%d", fcntl(s, F_GETFD));
	char buf[64] = "";
	data(IORING_OP_SEND, c, "hello", 5, 1);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 2);
	run(2);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(c, "later", 5, 0));
	say_cqes(1);
	say("read", "%.5s", buf);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1)->msg_flags = MSG_DONTWAIT;
	run(1);
	data(IORING_OP_RECV, s, buf, 6, 1)->msg_flags = MSG_WAITALL;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(c, "one", 3, 0));
	MUST(send(c, "two", 3, 0));
	say_cqes(1);
	say("read", "%.6s", buf);
	data(IORING_OP_READ, s, buf, sizeof(buf), 1);
	data(IORING_OP_WRITE, c, "written", 7, 2);
	run(2);
	set_nonblocking(s);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	data(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 2);
	run(2);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	run(1);
	sqe(IORING_OP_CLOSE, s, 1);
	run(1);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	run(1);
	close(c);
	/* Nobody listens. */
	c = MUST(socket(family, SOCK_STREAM, 0));
	to = name_lo(family, port_closed(family, SOCK_STREAM));
	data(IORING_OP_CONNECT, c, &to, 0, 1)->off = name_len(family);
	run(1);
	close(c);
	close(l);
}

static void broken(void)
{
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("broken connection");
	close(fd[1]);
	MUST(send(fd[0], "x", 1, MSG_NOSIGNAL));
	wait_for(fd[0], POLLHUP);
	data(IORING_OP_SEND, fd[0], "hello", 5, 1);
	run(1);
	data(IORING_OP_SEND, fd[0], "hello", 5, 1);
	run(1);
	close(fd[0]);
	say_about("not a socket");
	int p[2];
	MUST(pipe(p));
	data(IORING_OP_SEND, p[1], "hello", 5, 1);
	run(1);
	data(IORING_OP_RECV, p[0], p, 5, 1);
	run(1);
	data(IORING_OP_ACCEPT, p[0], NULL, 0, 1);
	run(1);
	sqe(IORING_OP_SHUTDOWN, p[0], 1);
	run(1);
	close(p[0]);
	close(p[1]);
	int s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	data(IORING_OP_ACCEPT, s, NULL, 0, 1);
	run(1);
	data(IORING_OP_RECV, s, p, 5, 1);
	run(1);
	close(s);
	data(IORING_OP_SOCKET, AF_INET, NULL, 0, 1)->off = 99;
	run(1);
	data(IORING_OP_SOCKET, AF_INET, NULL, 0, 1)->off = SOCK_STREAM | 0x10000000;
	run(1);
}

static void many_accepts(void)
{
	int l = listening(AF_INET, 8), c[3];
	struct io_uring_cqe e;
	say_about("multishot accept");
	sqe(IORING_OP_ACCEPT, l, 1)->ioprio = IORING_ACCEPT_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++)
		c[i] = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	for (int i = 0; i < 3; i++) {
		while (!ring_take(&ring, &e))
			MUST(raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
		say("accepted", "%d flags %x", e.res >= 0, e.flags);
		close(e.res);
		close(c[i]);
	}
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	close(l);
}

static void datagrams(void)
{
	int fd[2];
	char buf[16] = "", control[64];
	union name from = { 0 };
	udp_pair(AF_INET, fd);
	struct iovec iov = { buf, sizeof(buf) }, out = { (void *)"message", 7 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct msghdr o = { .msg_iov = &out, .msg_iovlen = 1 };
	say_about("messages");
	data(IORING_OP_RECVMSG, fd[1], &m, 1, 1);
	data(IORING_OP_SENDMSG, fd[0], &o, 1, 2);
	run(2);
	say_name("from", &from, m.msg_namelen);
	say("control", "%zu flags %x", m.msg_controllen, m.msg_flags);
	iov.iov_len = 3;
	m.msg_namelen = sizeof(from);
	data(IORING_OP_SENDMSG, fd[0], &o, 1, 1);
	data(IORING_OP_RECVMSG, fd[1], &m, 1, 2);
	run(2);
	say("flags", "%x", m.msg_flags);
	data(IORING_OP_SENDMSG, fd[0], (void *)8, 1, 1);
	run(1);
	struct io_uring_sqe *e = data(IORING_OP_SEND_ZC, fd[0], "zero copy", 9, 1);
	e->flags = 0;
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 2);
	run(3);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 2);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 3);
	run(2);
	e = sqe(IORING_OP_ASYNC_CANCEL, fd[1], 3);
	e->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	run(2);
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)77, 0, 3);
	run(1);
	sqe(IORING_OP_ASYNC_CANCEL, -1, 3)->cancel_flags = IORING_ASYNC_CANCEL_ANY;
	run(1);
	close(fd[0]);
	close(fd[1]);
}

/* What a request waits on stays open whatever the program closes. */
static void closed_meanwhile(void)
{
	int fd[2];
	char buf[16] = "";
	tcp_pair(AF_INET, fd);
	say_about("closed meanwhile");
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	say_result("submitted", ring_submit(&ring, 0));
	close(fd[1]);
	say_poll("the peer", fd[0]);
	MUST(send(fd[0], "still", 5, 0));
	say_cqes(1);
	say("read", "%.5s", buf);
	say("the peer sees the end", "%d", wait_for(fd[0], POLLIN));
	close(fd[0]);
}

static void socket_polls(void)
{
	int fd[2];
	char buf[16];
	tcp_pair(AF_INET, fd);
	say_about("polls of sockets");
	sqe(IORING_OP_POLL_ADD, fd[0], 1)->poll_events = POLLIN | POLLOUT;
	run(1);
	struct io_uring_sqe *e = sqe(IORING_OP_POLL_ADD, fd[1], 1);
	e->poll_events = POLLIN;
	e->len = IORING_POLL_ADD_MULTI;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++) {
		MUST(send(fd[0], "a", 1, 0));
		say_cqes(1);
		MUST(recv(fd[1], buf, sizeof(buf), 0));
	}
	e = data(IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI, 2);
	e->off = 5;
	run_to_end(1);
	MUST(send(fd[0], "a", 1, 0));
	say_cqes(1);
	data(IORING_OP_POLL_REMOVE, -1, (void *)5, 0, 2);
	run_to_end(2);
	sqe(IORING_OP_POLL_ADD, fd[1], 1)->poll_events = POLLRDHUP;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(shutdown(fd[0], SHUT_WR));
	say_cqes(1);
	close(fd[0]);
	close(fd[1]);
}

/* A whole conversation in one chain. */
static void conversation(void)
{
	int l = listening(AF_INET, 5), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	union name to = name_lo(AF_INET, port_of(l));
	char buf[16] = "", sent[4096];
	memset(sent, 'x', sizeof(sent));
	struct __kernel_timespec t = { .tv_nsec = 10000000 };
	struct io_uring_getevents_arg a_while = { .ts = (unsigned long)&t };
	say_about("conversation");
	struct io_uring_sqe *e = data(IORING_OP_CONNECT, c, &to, 0, 1);
	e->off = name_len(AF_INET);
	e->flags = IOSQE_IO_LINK;
	data(IORING_OP_SEND, c, "ask", 3, 2)->flags = IOSQE_IO_LINK;
	data(IORING_OP_RECV, c, buf, 6, 3)->flags = IOSQE_IO_LINK;
	data(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 4);
	say_result("submitted", ring_submit(&ring, 0));
	int s = MUST(accept(l, NULL, NULL));
	char got[16];
	MUST(recv(s, got, 3, MSG_WAITALL));
	MUST(send(s, "answer", 6, 0));
	say_cqes(4);
	say("read", "%.6s then %zd", buf, recv(s, got, sizeof(got), 0));
	/* Full until the peer reads. */
	set_nonblocking(s);
	set_nonblocking(c);
	while (send(s, sent, sizeof(sent), 0) > 0)
		continue;
	data(IORING_OP_SEND, s, sent, sizeof(sent), 1);
	say_result("submitted", ring_submit(&ring, 0));
	say("full", "%u", ring_ready(&ring));
	struct io_uring_cqe q;
	while (ring_ready(&ring) == 0) {
		while (recv(c, sent, sizeof(sent), 0) > 0)
			continue;
		raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &a_while, sizeof(a_while));
	}
	ring_take(&ring, &q);
	say("sent", "%d", q.res > 0);
	close(c);
	close(s);
	close(l);
}

static void message_stream(void)
{
	static char room[4][128];
	int fd[2];
	struct io_uring_cqe c;
	struct msghdr m = { .msg_namelen = sizeof(struct sockaddr_in) };
	udp_pair(AF_INET, fd);
	say_about("multishot recvmsg");
	struct io_uring_sqe *e = data(IORING_OP_PROVIDE_BUFFERS, 4, room, 128, 1);
	e->buf_group = 8;
	run(1);
	e = data(IORING_OP_RECVMSG, fd[1], &m, 1, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 8;
	e->ioprio = IORING_RECV_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 2; i++) {
		MUST(send(fd[0], "datagram", 8, 0));
		while (!ring_take(&ring, &c))
			MUST(raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
		struct io_uring_recvmsg_out *o = (struct io_uring_recvmsg_out *)room[c.flags >> 16];
		say("cqe", "%d flags %x: name %u control %u payload %u flags %x", c.res, c.flags & 3, o->namelen, o->controllen, o->payloadlen, o->flags);
		say("payload", "%.8s", room[c.flags >> 16] + sizeof(*o) + sizeof(struct sockaddr_in));
	}
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	close(fd[0]);
	close(fd[1]);
}

static void spliced(void)
{
	int fd[2], p[2];
	char buf[16] = "";
	tcp_pair(AF_INET, fd);
	MUST(pipe(p));
	say_about("splice");
	MUST(send(fd[0], "through", 7, 0));
	struct io_uring_sqe *e = sqe(IORING_OP_SPLICE, p[1], 1);
	e->off = e->splice_off_in = (unsigned long)-1;
	e->splice_fd_in = fd[1];
	e->len = 100;
	run(1);
	say("read", "%zd %.7s", read(p[0], buf, sizeof(buf)), buf);
	e = sqe(IORING_OP_SPLICE, fd[0], 1);
	e->off = e->splice_off_in = (unsigned long)-1;
	e->splice_fd_in = p[0];
	e->len = 100;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(p[1], "back", 4));
	say_cqes(1);
	say("read", "%zd %.4s", recv(fd[1], buf, sizeof(buf), 0), buf);
	close(p[0]);
	close(p[1]);
	close(fd[0]);
	close(fd[1]);
}

/* Unix sockets are the kernel's, and are waited for as such. */
static void local(void)
{
	int fd[2];
	char buf[16] = "";
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	say_about("unix");
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	data(IORING_OP_READ, fd[0], buf, sizeof(buf), 2);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_SEND, fd[0], "one", 3, 3);
	data(IORING_OP_WRITE, fd[1], "two", 3, 4);
	run(4);
	data(IORING_OP_RECV, fd[1], buf, 6, 1)->msg_flags = MSG_WAITALL;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(fd[0], "abc", 3, 0));
	close(fd[0]);
	say_cqes(1);
	close(fd[1]);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_ring();
	connections(AF_INET);
	connections(AF_INET6);
	broken();
	many_accepts();
	datagrams();
	closed_meanwhile();
	socket_polls();
	conversation();
	message_stream();
	spliced();
	local();
	ring_close(&ring);
	return 0;
}
