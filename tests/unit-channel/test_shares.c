/* What one program can take from the others of its network: not all of anything, not the engine's time. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "fixture.h"

static int64_t ask(struct tclient *c, struct rpc_request q)
{
	struct rpc_reply reply;
	return t_request(c, &q, NULL, 0, &reply, NULL, NULL);
}

/* Passes a descriptor along with a request, and does not wait for the answer. */
static void pass(struct tclient *c, struct rpc_request q, const void *in, size_t len, int fd)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct iovec iov[2] = {{&q, sizeof q}, {(void *)in, len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
	q.in_len = (uint32_t)len;
	control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
	assert_int_equal(sendmsg(c->fd, &m, MSG_NOSIGNAL), sizeof q + len);
}

static int64_t answer(struct tclient *c)
{
	struct rpc_reply reply;
	ssize_t n = recv(c->fd, &reply, sizeof reply, MSG_TRUNC);
	return n < (ssize_t)sizeof reply ? -ECONNRESET : reply.result;
}

/* ---- Unix sockets ---- */

static int64_t with_name(struct tsock *s, enum rpc_op op, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	memcpy(a.sun_path + 1, name, strlen(name));
	return t_call(s, op, 0, 0, &a, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

/* Of datagrams, with an abstract name. */
static struct tsock named_socket(struct tclient *c, const char *name)
{
	struct tsock s = t_socket(c, AF_UNIX, SOCK_DGRAM);
	assert_int_equal(with_name(&s, RPC_BIND, name), 0);
	return s;
}

/* The same, connected to itself. */
static struct tsock loop_socket(struct tclient *c, const char *name)
{
	struct tsock s = named_socket(c, name);
	assert_int_equal(with_name(&s, RPC_CONNECT, name), 0);
	return s;
}

/* To whom it is connected to. */
static int64_t pass_on(struct tsock *s, const int *fds, size_t n)
{
	struct { struct rpc_send h; char data; } in = {{.data_len = 1}, 'x'};
	return t_pass(s, RPC_SEND, &in, sizeof in.h + 1, fds, n);
}

/* ---- time ---- */

/* Of the kernel's: with octets that nobody will read, and a close that waits for that. */
static int lingering(int *ret_listener)
{
	static const char octets[1 << 16];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	*ret_listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*ret_listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(*ret_listener, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(listen(*ret_listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	while (send(fd, octets, sizeof octets, MSG_DONTWAIT) > 0) {}
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 10000}, sizeof(struct linger)), 0);
	return fd;
}

/* Neither what a call has no use for, nor what a message carried that nobody read. An engine that waits makes this test time out. */
static void test_lingering_descriptors(void **state)
{
	struct fixture *f = *state;
	for (int in_message = 0; in_message < 2; in_message++) {
		int listener, fd = lingering(&listener);
		struct tsock s = loop_socket(&f->h1, "loop");
		kill(f->lab.engine, SIGSTOP);
		struct { struct rpc_send h; char data; } in = {{.data_len = 1}, 'x'};
		struct rpc_request send = {.op = RPC_SEND, .channel = s.channel, .generation = s.generation}, sync = {.op = RPC_SYNC};
		pass(&f->h1, in_message ? send : sync, &in, in_message ? sizeof in.h + 1 : 0, fd);
		close(fd);
		kill(f->lab.engine, SIGCONT);
		assert_int_equal(answer(&f->h1), in_message);
		t_close(&s);
		assert_int_equal(ask(&f->h2, (struct rpc_request){.op = RPC_SYNC}), 0);
		close(listener);
	}
}

static long engine_sleeps(const struct fixture *f)
{
	char path[64], line[200];
	long n = -1;
	snprintf(path, sizeof path, "/proc/%d/status", (int)f->lab.engine);
	FILE *s = fopen(path, "r");
	while (fgets(line, sizeof line, s)) sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	fclose(s);
	return n;
}

/* The engine looks after a datagram that nobody reads ever more seldom: after a while there are seconds in which it does not wake. */
static void test_unread_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	struct tsock to = t_socket(&f->h1, AF_INET, SOCK_DGRAM), from = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	long before = 0, after = 1;
	char buf[8];
	assert_int_equal(t_bind(&to, "127.0.0.1", 5000), 0);
	assert_int_equal(t_sendto(&from, "127.0.0.1", 5000, "a", 1), 1);
	for (int i = 0; i < 30 && before != after; i++) {
		before = engine_sleeps(f);
		usleep(1200000);
		after = engine_sleeps(f);
	}
	assert_int_equal(before, after);
	assert_int_equal(t_recv(&to, buf, sizeof buf), 1);
	t_close(&to);
	t_close(&from);
}

/* ---- bells ---- */

static long count_of(struct tclient *c, const char *name)
{
	char out[1000], key[64];
	assert_int_equal(t_verb(c, out, sizeof out, "show counts"), 0);
	snprintf(key, sizeof key, "name=%s\tvalue#", name);
	const char *at = strstr(out, key);
	assert_non_null(at);
	return atol(at + strlen(key));
}

static int64_t set_make(struct tclient *c) { return ask(c, (struct rpc_request){.op = RPC_BELL, .arg = {BELL_OF_SET}}); }
static int64_t set_leave(struct tclient *c, int64_t set) { return ask(c, (struct rpc_request){.op = RPC_BELL_FREE, .arg = {set}}); }

/* The word says up to where others look. Whoever makes it small keeps no bell by that. */
static void test_bells_used_is_a_lie(void **state)
{
	struct fixture *f = *state;
	int64_t sets[5];
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) assert_true((sets[i] = set_make(&f->h1)) > 0);
	shared_set32(&f->h1.arena->bells_used, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) assert_int_equal(set_leave(&f->h1, sets[i]), 0);
	assert_int_equal(count_of(&f->h2, "bells"), 0);
}

/* ---- another program that takes all it can get ---- */

struct taker { pid_t pid; int hold; int64_t got; };

/* Asks until it is refused: how often it was not; or how it was refused, if not as expected. */
static int64_t take_all(int64_t (*take)(struct tclient *), struct tclient *c, int64_t refusal)
{
	int64_t n = 0, r;
	while ((r = take(c)) > 0) n++;
	return r == refusal ? n : r;
}

static const struct lab *lab_of_taker;

/* Keeps what it has got until taker_end. */
static struct taker taker_start(const struct lab *l, int64_t (*take)(struct tclient *), int64_t refusal)
{
	struct taker t;
	int said[2], hold[2];
	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(hold), 0);
	t.pid = fork();
	if (t.pid == 0) {
		struct tclient c;
		char octet;
		close(hold[1]);
		lab_of_taker = l;
		t_hello(&c, l, 1);
		int64_t n = take_all(take, &c, refusal);
		bool told = write(said[1], &n, sizeof n) == sizeof n;
		_exit(told && read(hold[0], &octet, 1) == 0 ? 0 : 1);
	}
	close(said[1]);
	close(hold[0]);
	t.hold = hold[1];
	assert_int_equal(read(said[0], &t.got, sizeof t.got), sizeof t.got);
	close(said[0]);
	return t;
}

static void taker_end(struct taker *t)
{
	int status;
	close(t->hold);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	assert_int_equal(status, 0);
}

/* The anchor stays open. */
static int64_t take_socket(struct tclient *c)
{
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_INET, SOCK_STREAM}};
	struct rpc_reply reply;
	int fd = -1;
	int64_t r = t_request(c, &q, NULL, 0, &reply, NULL, &fd);
	return r < 0 ? r : 1;
}

/* The sets of epoll files: the file has its lock, and the client says that it uses it no more. */
static int64_t take_set(struct tclient *c)
{
	static int epoll = -1;
	if (epoll < 0) epoll = epoll_create1(EPOLL_CLOEXEC);
	int64_t set = set_make(c);
	if (set < 0) return set;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(c->arena->set_locks + (uint64_t)set), .l_len = 1};
	if (fcntl(epoll, F_OFD_SETLK, &lock) < 0) return -errno;
	return set_leave(c, set) == 0 ? 1 : -EPROTO;
}

/* The program needs no descriptor for it. */
static int64_t take_bell(struct tclient *c) { return ask(c, (struct rpc_request){.op = RPC_BELL}); }

static int64_t take_door(struct tclient *c)
{
	struct rpc_request q = {.op = RPC_DOOR};
	struct rpc_reply reply;
	int fd = -1;
	int64_t r = t_request(c, &q, "h1", 2, &reply, NULL, &fd);
	return r < 0 ? r : 1;
}

/* Ten descriptors in flight, in a message to itself. */
static int64_t take_rights(struct tclient *c)
{
	static struct tsock s;
	char name[16];
	int fds[10];
	snprintf(name, sizeof name, "%d", (int)getpid());
	if (s.generation == 0) s = loop_socket(c, name);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) fds[i] = c->doorbell;
	return pass_on(&s, fds, ARRAY_SIZE(fds));
}

/* A socket that is bound to a path, whose inode the engine holds. */
static int64_t take_inode(struct tclient *c)
{
	static uint64_t n;
	static int node = -1;
	struct { sa_family_t family; char path[2]; uint64_t dev, ino; } __attribute__((packed)) name = {AF_UNIX, "/", (uint64_t)getpid(), ++n};
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_UNIX, SOCK_STREAM}};
	struct rpc_reply reply;
	struct tsock s = {.c = c, .fd = -1};
	if (node < 0) node = open("/", O_PATH | O_CLOEXEC);
	int64_t r = t_request(c, &q, NULL, 0, &reply, NULL, &s.fd);
	if (r < 0) return r;
	s.channel = reply.channel;
	s.generation = reply.generation;
	r = t_pass(&s, RPC_BIND, &name, sizeof name, &node, 1);
	return r < 0 ? r : 1;
}

/* One more connection of the same program's. */
static int64_t take_hello(struct tclient *c)
{
	int pair[2];
	struct rpc_reply reply;
	(void)c;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
	struct tclient door = {.fd = lab_of_taker->doors[1]};
	pass(&door, (struct rpc_request){.op = RPC_HELLO, .arg = {getpid()}}, NULL, 0, pair[1]);
	close(pair[1]);
	return recv(pair[0], &reply, sizeof reply, MSG_TRUNC) > 0 ? 1 : -ECONNRESET;
}

static const struct { int64_t (*take)(struct tclient *); int64_t refusal; uint32_t fds; } takers[] = {
	{take_socket, -ENFILE, 1}, {take_bell, -ENFILE, 1}, {take_door, -ENFILE, 1}, {take_rights, -ETOOMANYREFS, 10},
	{take_inode, -ENFILE, 2}, {take_hello, -ECONNRESET, 2},
};

/* Of 300 descriptors whoever asks alone gets half, whatever for, and the next one half of the rest. What it gives back others can have. */
static void test_descriptors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++) {
		struct fixture f = {0};
		lab_start_small(&f.lab, "single,2", 0, 400);
		for (int again = 0; again < 2; again++) {
			struct taker first = taker_start(&f.lab, takers[i].take, takers[i].refusal);
			struct taker second = taker_start(&f.lab, take_socket, -ENFILE);
			struct taker third = taker_start(&f.lab, takers[i].take, takers[i].refusal);
			assert_in_range(first.got * takers[i].fds, 140, 150);
			assert_in_range(second.got, 70, 80);
			assert_in_range(third.got * takers[i].fds, 20, 40);
			taker_end(&third);
			taker_end(&second);
			taker_end(&first);
		}
		assert_int_equal(lab_end(&f.lab), 0);
	}
}

/* A set is its maker's until it is gone; and however many connections a program has, it is one. */
static void test_bells(void **state)
{
	struct fixture *f = *state;
	struct taker t = taker_start(&f->lab, take_set, -ENOSPC);
	assert_int_equal(t.got, BELL_MAX / 2);
	assert_int_equal(take_all(set_make, &f->h1, -ENOSPC), BELL_MAX / 4);
	assert_int_equal(take_all(set_make, &f->h2, -ENOSPC), 0);
	taker_end(&t);
	assert_int_equal(take_all(set_make, &f->h2, -ENOSPC), BELL_MAX / 4);
}

/* ---- sockets in flight ---- */

/* The socket that a message carries. */
static struct tsock receive(struct tsock *s)
{
	struct rpc_request recv = {.op = RPC_RECV, .channel = s->channel, .generation = s->generation, .arg = {0, 9, 200}}, identify = {.op = RPC_IDENTIFY};
	struct rpc_reply reply;
	struct tsock got = {.c = s->c, .fd = -1};
	struct stat st;
	assert_int_equal(t_request(s->c, &recv, NULL, 0, &reply, NULL, &got.fd), 1);
	assert_int_equal(fstat(got.fd, &st), 0);
	identify.arg[0] = (int64_t)st.st_ino;
	assert_int_equal(t_request(s->c, &identify, NULL, 0, &reply, NULL, NULL), 0);
	got.channel = reply.channel;
	got.generation = reply.generation;
	return got;
}

/* Nobody can receive them: they end with their last descriptor, however they lie in each other's queues. */
static void test_circles_in_flight(void **state)
{
	struct fixture *f = *state;
	long before = count_of(&f->h2, "sockets");
	struct tsock one = loop_socket(&f->h1, "one"), a = named_socket(&f->h1, "a"), b = named_socket(&f->h1, "b");
	assert_int_equal(with_name(&a, RPC_CONNECT, "b"), 0);
	assert_int_equal(with_name(&b, RPC_CONNECT, "a"), 0);
	assert_int_equal(pass_on(&one, &one.fd, 1), 1);
	assert_int_equal(pass_on(&a, (int[]){a.fd, one.fd, f->h1.doorbell}, 3), 1);
	assert_int_equal(pass_on(&b, (int[]){b.fd, one.fd}, 2), 1);
	assert_int_equal(count_of(&f->h2, "sockets"), before + 3);
	t_close(&one);
	t_close(&a);
	assert_int_equal(count_of(&f->h2, "sockets"), before + 3);
	t_close(&b);
	assert_int_equal(count_of(&f->h2, "sockets"), before);
	assert_int_equal(count_of(&f->h2, "stack sockets"), 0);
}

/* What somebody can receive stays, and is the same socket when it comes, also to who has another descriptor of it. */
static void test_reachable_in_flight(void **state)
{
	struct fixture *f = *state;
	long before = count_of(&f->h2, "sockets");
	struct tsock held = loop_socket(&f->h1, "held"), inner = loop_socket(&f->h1, "inner");
	assert_int_equal(pass_on(&inner, &inner.fd, 1), 1);
	assert_int_equal(pass_on(&inner, &held.fd, 1), 1);
	assert_int_equal(pass_on(&held, &inner.fd, 1), 1);
	t_close(&inner);
	assert_int_equal(count_of(&f->h2, "sockets"), before + 2);
	struct tsock first = receive(&held), second = receive(&first), again = receive(&second);
	assert_int_equal(first.channel, inner.channel);
	assert_int_equal(second.channel, inner.channel);
	assert_int_equal(again.channel, held.channel);
	t_close(&held);
	t_close(&first);
	assert_int_equal(count_of(&f->h2, "sockets"), before + 2);
	assert_int_equal(pass_on(&again, &second.fd, 1), 1);
	t_close(&second);
	assert_int_equal(count_of(&f->h2, "sockets"), before + 2);
	t_close(&again);
	assert_int_equal(count_of(&f->h2, "sockets"), before);
}

/* ---- no descriptors at all ---- */

static long engine_ticks(const struct lab *l)
{
	char path[64];
	long user = -1, system = -1;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)l->engine);
	FILE *s = fopen(path, "r");
	assert_int_equal(fscanf(s, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system), 2);
	fclose(s);
	return user + system;
}

/* Whoever knocks while there are none waits, and nobody is busy with that; then it comes in. */
static void test_listener_without_descriptors(void **state)
{
	struct lab l, by_listener;
	struct tclient c;
	struct rlimit usual, none;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = sizeof a;
	(void)state;
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0), visitor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a.sun_family), 0);   /* any name */
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(listen(listener, 5), 0);
	lab_start_open(&l, "single,2", listener);
	assert_int_equal(prlimit(l.engine, RLIMIT_NOFILE, NULL, &usual), 0);
	none = (struct rlimit){1, usual.rlim_max};
	assert_int_equal(prlimit(l.engine, RLIMIT_NOFILE, &none, NULL), 0);
	assert_int_equal(connect(visitor, (struct sockaddr *)&a, len), 0);
	long before = engine_ticks(&l);
	usleep(500000);
	assert_in_range(engine_ticks(&l) - before, 0, 5);
	assert_int_equal(prlimit(l.engine, RLIMIT_NOFILE, &usual, NULL), 0);
	by_listener = l;
	by_listener.doors[0] = visitor;
	t_hello(&c, &by_listener, 0);
	t_end(&c);
	close(visitor);
	close(listener);
	assert_int_equal(lab_end(&l), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_lingering_descriptors), T(test_unread_wakes_nobody), T(test_bells_used_is_a_lie), T(test_bells),
		T(test_circles_in_flight), T(test_reachable_in_flight),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_listener_without_descriptors),
	};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
