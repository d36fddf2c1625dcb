/* The engine end to end, from a process that speaks its calls itself: what the shim stands on. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "fixture.h"

/* The address of a host as text. */
static const char *host_addr(struct fixture *f, size_t host)
{
	static char buf[2][ADDR_TEXT_MAX];
	for (size_t i = 0; i < f->lab.topo.n_ifs; i++)
		if (f->lab.topo.ifs[i].host == host) return addr_text(buf[host], &f->lab.topo.ifs[i].v4.addr);
	return NULL;
}

/* A listener on h2 and a connection from c to it. */
static void tcp_pair(struct fixture *f, struct tclient *c, struct tsock *a, struct tsock *b)
{
	struct tsock l = t_socket(&f->h2, AF_INET, SOCK_STREAM);
	assert_int_equal(t_bind(&l, "0.0.0.0", 80), 0);
	assert_int_equal(t_call(&l, RPC_LISTEN, 10, 0, NULL, 0), 0);
	*a = t_socket(c, AF_INET, SOCK_STREAM);
	assert_int_equal(t_connect(a, host_addr(f, 1), 80), 0);
	assert_true(t_wait(&l, EPOLLIN));
	assert_int_equal(t_accept(&l, b), 0);
	t_close(&l);
}

static void test_udp_loopback_is_synchronous(void **state)
{
	struct fixture *f = *state;
	struct tsock a = t_socket(&f->h1, AF_INET, SOCK_DGRAM), b = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	char buf[100];
	assert_int_equal(t_bind(&b, "127.0.0.1", 53), 0);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(t_sendto(&a, "127.0.0.1", 53, &i, sizeof i), sizeof i);
		assert_int_equal(t_recv_now(&b, buf, sizeof buf), sizeof i);
		assert_memory_equal(buf, &i, sizeof i);
	}
	assert_int_equal(t_recv_now(&b, buf, sizeof buf), -EAGAIN);
	t_close(&a);
	t_close(&b);
}

/* Datagrams that nobody reads are bounded by the receive buffer, and reading makes room again. */
static void test_udp_receive_buffer(void **state)
{
	struct fixture *f = *state;
	struct tsock a = t_socket(&f->h1, AF_INET, SOCK_DGRAM), b = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	static char buf[65536];
	int got[2] = {0};
	assert_int_equal(t_bind(&b, "127.0.0.1", 53), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) assert_int_equal(t_sendto(&a, "127.0.0.1", 53, buf, 1000), 1000);
		while (t_recv_now(&b, buf, sizeof buf) == 1000) got[round]++;
	}
	assert_in_range(got[0], 50, 400);
	assert_in_range(got[1], got[0] - 1, got[0] + 1);
	assert_int_equal(t_sendto(&a, "127.0.0.1", 53, buf, 60000), 60000);
	assert_int_equal(t_recv_now(&b, buf, sizeof buf), 60000);
	t_close(&a);
	t_close(&b);
}

static void test_udp_port_unreachable(void **state)
{
	struct fixture *f = *state;
	struct tsock a = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	assert_int_equal(t_connect(&a, "127.0.0.1", 9), 0);
	assert_int_equal(t_sendto(&a, NULL, 0, "x", 1), 1);
	assert_true(t_poll(&a) & EPOLLERR);
	assert_int_equal(t_call(&a, RPC_TAKE_ERROR, 0, 0, NULL, 0), ECONNREFUSED);
	assert_false(t_poll(&a) & EPOLLERR);
	t_close(&a);
}

static uint8_t octet(uint64_t i) { return (uint8_t)(i * 2654435761u >> 15); }

static void send_pattern(struct tsock *s, size_t total)
{
	static uint8_t buf[50000];
	for (size_t at = 0; at < total;) {
		size_t n = MIN(sizeof buf, total - at);
		for (size_t i = 0; i < n; i++) buf[i] = octet(at + i);
		if (t_write(s, buf, n) != n) _exit(3);
		at += n;
	}
}

static void expect_pattern(struct tsock *s, size_t total)
{
	static uint8_t buf[70000];
	size_t at = 0;
	for (ssize_t n; (n = t_recv(s, buf, sizeof buf)) != 0; at += (size_t)n) {
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++) assert_int_equal(buf[i], octet(at + (size_t)i));
	}
	assert_int_equal(at, total);
}

static void test_tcp_between_hosts(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	const size_t total = 20 << 20;
	tcp_pair(f, &f->h1, &a, &b);
	pid_t pid = fork();
	if (pid == 0) {
		struct tclient c;
		t_hello(&c, &f->lab, 0);
		a.c = &c;
		send_pattern(&a, total);
		_exit(t_call(&a, RPC_SHUTDOWN, SHUT_WR, 0, NULL, 0) == 0 ? 0 : 4);
	}
	expect_pattern(&b, total);
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(t_write(&b, "back", 4), 4);
	char buf[8];
	assert_int_equal(t_recv(&a, buf, sizeof buf), 4);
	t_close(&a);
	t_close(&b);
}

/* What a program wrote before it went arrives, and then the end; whoever holds the descriptor besides keeps the socket alive. */
static void test_hangup_sends_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	tcp_pair(f, &f->h1, &a, &b);
	int copy = dup(a.fd);
	static uint8_t buf[10000];
	for (size_t i = 0; i < sizeof buf; i++) buf[i] = octet(i);
	assert_int_equal(t_write(&a, buf, 5000), 5000);
	close(a.fd);
	assert_int_equal(t_write(&a, buf + 5000, 5000), 5000);
	close(copy);
	expect_pattern(&b, 10000);
	t_close(&b);
}

/* As much as is taken without anybody reading: the stack's buffers are full, and the ring is; then the end. */
static void test_hangup_with_everything_full(void **state)
{
	struct fixture *f = *state;
	static uint8_t buf[100000];
	for (int round = 0; round < 5; round++) {
		struct tsock a, b;
		size_t total = 0;
		tcp_pair(f, &f->h1, &a, &b);
		for (int idle = 0; idle < 20;) {
			for (size_t i = 0; i < sizeof buf; i++) buf[i] = octet(total + i);
			size_t n = t_write_now(&a, buf, sizeof buf);
			total += n;
			idle = n == 0 ? idle + 1 : 0;
			if (n == 0) usleep(2000);
		}
		assert_true(total > 400000);
		if (round % 2) t_close(&a);
		else assert_int_equal(t_call(&a, RPC_SHUTDOWN, SHUT_WR, 0, NULL, 0), 0);
		expect_pattern(&b, total);
		if (round % 2 == 0) t_close(&a);
		t_close(&b);
	}
}

static void test_unread_data_resets(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	char buf[8];
	tcp_pair(f, &f->h1, &a, &b);
	assert_int_equal(t_write(&a, "hello", 5), 5);
	assert_true(t_wait(&b, EPOLLIN));
	t_close(&b);
	assert_true(t_wait(&a, EPOLLIN));
	assert_int_equal(t_recv(&a, buf, sizeof buf), -ECONNRESET);
	t_close(&a);
}

static void test_connect_refused(void **state)
{
	struct fixture *f = *state;
	struct tsock a = t_socket(&f->h1, AF_INET, SOCK_STREAM);
	assert_int_equal(t_connect(&a, host_addr(f, 1), 99), -ECONNREFUSED);
	t_close(&a);
}

/* Connect over loopback, then accept without waiting: always there. */
static void test_loopback_accept_is_synchronous(void **state)
{
	struct fixture *f = *state;
	struct tsock l = t_socket(&f->h1, AF_INET, SOCK_STREAM);
	assert_int_equal(t_bind(&l, "127.0.0.1", 80), 0);
	assert_int_equal(t_call(&l, RPC_LISTEN, 10, 0, NULL, 0), 0);
	for (int i = 0; i < 500; i++) {
		struct tsock a = t_socket(&f->h1, AF_INET, SOCK_STREAM), b;
		char buf[4];
		assert_int_equal(t_connect(&a, "127.0.0.1", 80), 0);
		assert_int_equal(t_accept(&l, &b), 0);
		assert_int_equal(t_write(&a, "ping", 4), 4);
		assert_int_equal(t_recv_now(&b, buf, 4), 4);
		t_close(&b);
		t_close(&a);
	}
	t_close(&l);
}

static void test_killed_client(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	char buf[8];
	int p[2];
	tcp_pair(f, &f->h1, &a, &b);
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* Dies with a lock of a socket that it shares. */
		struct tclient c;
		t_hello(&c, &f->lab, 0);
		chan_trylock(&arena_channel(c.arena, a.channel)->tx.lock, c.id);
		if (write(p[1], "", 1) != 1) _exit(1);
		pause();
	}
	assert_int_equal(read(p[0], buf, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(t_write(&a, "hi", 2), 2);
	assert_int_equal(t_recv(&b, buf, sizeof buf), 2);
	close(p[0]);
	close(p[1]);
	t_close(&a);
	assert_int_equal(t_recv(&b, buf, sizeof buf), 0);
	t_close(&b);
}

static void test_identify(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->h1, AF_INET6, SOCK_STREAM);
	struct stat st;
	struct rpc_request q = {.op = RPC_IDENTIFY};
	struct rpc_reply reply;
	assert_int_equal(fstat(s.fd, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	q.arg[0] = (int64_t)st.st_ino;
	assert_int_equal(t_request(&f->h2, &q, NULL, 0, &reply, NULL, NULL), 0);
	assert_int_equal(reply.channel, s.channel);
	assert_int_equal(reply.generation, s.generation);
	t_close(&s);
	t_sync(&f->h1);
	assert_int_equal(t_call(&s, RPC_GETSOCKNAME, 0, 0, NULL, 0), -EBADF);
	assert_int_equal(t_request(&f->h2, &q, NULL, 0, &reply, NULL, NULL), -ENOTSOCK);
}

/* true when the spare one served */
static bool ask_with_spare(struct tclient *c, uint32_t spare, struct rpc_reply *reply)
{
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_INET6, SOCK_STREAM, 0}, .spare = spare};
	int fd = -1;
	assert_int_equal(t_request(c, &q, NULL, 0, reply, NULL, &fd), 0);
	assert_int_equal(fd < 0, reply->channel == spare);
	if (fd >= 0) close(fd);
	return fd < 0;
}

/* An anchor that a client has kept serves that client again, and nobody else; in between there is another socket of the same kind. */
static void test_spare(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->h1, AF_INET, SOCK_STREAM), again = s;
	struct channel *ch = arena_channel(f->h1.arena, s.channel);
	struct rpc_reply reply;
	assert_false(ask_with_spare(&f->h1, s.channel, &reply));
	atomic_fetch_or(&ch->flags, CHF_CLOSED);
	t_ring(&f->h1, s.channel);
	t_sync(&f->h1);
	again.generation = shared_get32(&ch->generation);
	assert_true(again.generation != 0 && again.generation != s.generation);
	assert_int_equal(t_call(&s, RPC_GETSOCKNAME, 0, 0, NULL, 0), -EBADF);
	assert_false(ask_with_spare(&f->h2, s.channel, &reply));
	assert_true(ask_with_spare(&f->h1, s.channel, &reply));
	assert_int_equal(ch->domain, AF_INET6);
	assert_int_equal(t_call(&again, RPC_GETSOCKNAME, 0, 0, NULL, 0), -EBADF);
	again.generation = reply.generation;
	assert_int_equal(t_call(&again, RPC_GETSOCKNAME, 0, 0, NULL, 0), 0);
	assert_false(ask_with_spare(&f->h1, s.channel, &reply));
	t_close(&again);
	t_sync(&f->h1);
	assert_int_equal(t_call(&again, RPC_GETSOCKNAME, 0, 0, NULL, 0), -EBADF);
}

static void test_bell(void **state)
{
	struct fixture *f = *state;
	struct tsock a = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	struct rpc_request q = {.op = RPC_BELL};
	struct rpc_reply reply;
	struct rpc_watch w = {a.channel, a.generation};
	uint64_t count;
	int fd;
	int64_t i = t_request(&f->h1, &q, NULL, 0, &reply, NULL, &fd);
	assert_true(i > 0);
	struct bell *b = arena_bell(f->h1.arena, (uint32_t)i);
	q = (struct rpc_request){.op = RPC_WATCH, .arg = {i}};
	assert_int_equal(t_bind(&a, "127.0.0.1", 53), 0);
	assert_int_equal(t_request(&f->h1, &q, &w, sizeof w, &reply, NULL, NULL), 1);
	assert_int_equal(bell_take(b, 0), a.channel);
	assert_int_equal(bell_take(b, 0), 0);
	bell_arm(b, BELL_EVENTFD);
	assert_int_equal(t_sendto(&a, "127.0.0.1", 53, "x", 1), 1);
	assert_int_equal(read(fd, &count, 8), 8);
	assert_int_equal(bell_take(b, 0), a.channel);
	close(fd);
	t_close(&a);
}

static bool readable_soon(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, 10000) == 1;
}

/* Killed between taking a sleeper's word and waking it. */
static void test_ringer_dies(void **state)
{
	struct fixture *f = *state;
	struct tclient dying;
	struct rpc_request q = {.op = RPC_BELL};
	struct rpc_reply reply;
	uint64_t claim;
	int fd;
	int64_t i = t_request(&f->h1, &q, NULL, 0, &reply, NULL, &fd);
	assert_true(i > 0);
	struct bell *b = arena_bell(f->h1.arena, (uint32_t)i);
	t_hello(&dying, &f->lab, 0);
	bell_arm(b, BELL_EVENTFD);
	assert_int_equal(bell_ring(b, dying.id, &claim), BELL_EVENTFD);
	uint32_t seq = shared_get32(&b->seq);
	t_end(&dying);
	assert_true(readable_soon(fd));
	assert_true(shared_get32(&b->seq) != seq);
	close(fd);
}

struct lock_waiter { struct chan_lock *lock; uint32_t id; int told; };

static void *lock_wait(void *arg)
{
	struct lock_waiter *w = arg;
	chan_lock(w->lock, w->id, t_futex);
	chan_unlock(w->lock, t_futex);
	assert_int_equal(write(w->told, "", 1), 1);
	return NULL;
}

/* Killed while it held the lock of a shared socket, or after it had let it go and before it woke the next one in line. */
static void test_lock_holder_dies(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->h1, AF_INET, SOCK_STREAM);
	struct channel *c = arena_channel(f->h1.arena, s.channel);
	atomic_fetch_or(&c->flags, CHF_SHARED);
	for (int let_go = 0; let_go < 2; let_go++) {
		struct tclient dying;
		struct lock_waiter w = {&c->rx.lock, f->h1.id, 0};
		pthread_t thread;
		int p[2];
		t_hello(&dying, &f->lab, 0);
		assert_int_equal(pipe(p), 0);
		w.told = p[1];
		assert_true(chan_trylock(w.lock, dying.id));
		pthread_create(&thread, NULL, lock_wait, &w);
		while (!(shared_get32(&w.lock->word) & LOCK_CONTENDED)) usleep(1000);
		usleep(20000);     /* asleep by now, most likely: a test that would see nothing is no failure */
		if (let_go) shared_swap32(&w.lock->word, 0);
		t_end(&dying);
		assert_true(readable_soon(p[0]));
		pthread_join(thread, NULL);
		close(p[0]);
		close(p[1]);
	}
	t_close(&s);
}

/* Where the direct path can't be left for want of memory, both ends are reset, and nobody else is harmed. */
static void test_no_segment_to_part_with(void **state)
{
	(void)state;
	/* Index 0 is none, two are written to, and then none, or one, is left. */
	for (uint32_t segments = 3; segments <= 4; segments++) {
		struct fixture f = {0};
		struct tsock a, b;
		char out[4000], buf[8];
		lab_start_small(&f.lab, "single,2", segments, 0);
		t_hello(&f.h1, &f.lab, 0);
		t_hello(&f.h2, &f.lab, 1);
		tcp_pair(&f, &f.h1, &a, &b);
		assert_int_equal(t_write(&a, "direct", 6), 6);
		assert_int_equal(t_recv(&b, buf, sizeof buf), 6);
		assert_int_equal(t_verb(&f.h1, out, sizeof out, "set h1 delay 1ms"), 0);
		assert_int_equal(t_recv(&a, buf, sizeof buf), -ECONNRESET);
		assert_int_equal(t_recv(&b, buf, sizeof buf), -ECONNRESET);
		assert_int_equal(t_call(&a, RPC_GETSOCKNAME, 0, 0, NULL, 0), 0);
		t_close(&a);
		t_close(&b);
		t_end(&f.h1);
		t_end(&f.h2);
		assert_int_equal(lab_end(&f.lab), 0);
	}
}

static void test_refused_and_files(void **state)
{
	struct fixture *f = *state;
	char out[4000];
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_CAN, SOCK_RAW, 0}};
	struct rpc_reply reply;
	assert_true(t_request(&f->h1, &q, NULL, 0, &reply, NULL, NULL) < 0);
	t_request(&f->h1, &q, NULL, 0, &reply, NULL, NULL);
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "refused"), 0);
	assert_string_equal(out, "test: socket(AF_CAN, SOCK_RAW, 0): EAFNOSUPPORT\n");
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "set h1 delay 10ms for 1s"), 0);
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "show net"), 0);
	assert_non_null(strstr(out, "delay 10ms"));
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "set h7 delay 10ms"), -ENOENT);
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "set h1 dleay 10ms"), -EINVAL);
	q = (struct rpc_request){.op = RPC_FILE};
	static char file[RPC_OUT_MAX];
	memset(file, 0, sizeof file);
	assert_int_equal(t_request(&f->h1, &q, "/etc/hosts", 10, &reply, file, NULL), 0);
	assert_non_null(strstr(file, "h2\n"));
	assert_int_equal(t_request(&f->h1, &q, "/etc/passwd", 11, &reply, file, NULL), -ENOENT);
}

static void test_cut_for_a_while(void **state)
{
	struct fixture *f = *state;
	char out[400], buf[8];
	struct tsock a, b;
	tcp_pair(f, &f->h1, &a, &b);
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "cut h1 / h2 for 300ms"), 0);
	assert_int_equal(t_write(&a, "late", 4), 4);
	usleep(100000);
	assert_int_equal(t_recv_now(&b, buf, sizeof buf), -EAGAIN);
	assert_int_equal(t_recv(&b, buf, sizeof buf), 4);
	t_close(&a);
	t_close(&b);
}

static size_t engine_fds(const struct fixture *f)
{
	char path[64];
	size_t n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)f->lab.engine);
	DIR *d = opendir(path);
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

/* What is in use, but for connections that rightly linger in the stack (TIME-WAIT). */
static void counts(struct fixture *f, char *out, size_t size)
{
	assert_int_equal(t_verb(&f->h1, out, size, "show counts"), 0);
	char *line = strstr(out, "stack sockets"), *end = strchr(line, '\n');
	memmove(line, end + 1, strlen(end));
}

/* Children that are killed in the middle of everything leave nothing behind. */
static void test_nothing_is_left(void **state)
{
	struct fixture *f = *state;
	char before[400], after[400];
	size_t fds = engine_fds(f);
	counts(f, before, sizeof before);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct tclient c;
			t_hello(&c, &f->lab, 0);
			struct fixture mine = {.lab = f->lab, .h1 = c, .h2 = c};
			for (;;) {
				struct tsock l = t_socket(&c, AF_INET, SOCK_STREAM), a = t_socket(&mine.h1, AF_INET, SOCK_STREAM), b;
				t_call(&l, RPC_SETSOCKOPT, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
				t_bind(&l, "127.0.0.1", 80);
				t_call(&l, RPC_LISTEN, 5, 0, NULL, 0);
				if (t_connect(&a, "127.0.0.1", 80) < 0 || t_accept(&l, &b) < 0) _exit(1);
				static uint8_t data[100000];
				t_write(&a, data, sizeof data);
				t_recv(&b, data, sizeof data / 3);
				t_close(&l);
				t_close(&a);
				t_close(&b);
			}
		}
		usleep((useconds_t)(rand() % 20000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	for (int i = 0; i < 100; i++) {
		counts(f, after, sizeof after);
		if (strcmp(before, after) == 0 && engine_fds(f) == fds) break;
		usleep(20000);
	}
	assert_string_equal(before, after);
	assert_int_equal(engine_fds(f), fds);
}

static long engine_ticks(const struct fixture *f)
{
	char path[64];
	long user = -1, system = -1;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)f->lab.engine);
	FILE *s = fopen(path, "r");
	assert_int_equal(fscanf(s, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system), 2);
	fclose(s);
	return user + system;
}

static void test_idle_uses_no_cpu(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	tcp_pair(f, &f->h1, &a, &b);
	long before = engine_ticks(f);
	usleep(500000);
	assert_in_range(engine_ticks(f) - before, 0, 1);
	t_close(&a);
	t_close(&b);
}

static bool in_memory(const void *page)
{
	unsigned char in;
	assert_int_equal(mincore((void *)(uintptr_t)page, 4096, &in), 0);
	return in & 1;
}

/* What nothing happens in for a while holds no pages; what is written then arrives, and those pages go, too. */
static void test_idle_holds_no_pages(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	char text[] = "first", buf[16] = {0};
	tcp_pair(f, &f->h1, &a, &b);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(t_write(&a, text, sizeof text), sizeof text);
		assert_int_equal(t_recv(&b, buf, sizeof buf), sizeof text);
		assert_string_equal(buf, text);
		struct segment *s = arena_segment(f->h1.arena, shared_get32(&arena_channel(f->h1.arena, a.channel)->tx.write_seg));
		const uint8_t *page = arena_data(f->h1.arena, s->page);
		assert_true(in_memory(page));
		for (int i = 0; i < 1000 && in_memory(page); i++) usleep(10000);
		assert_false(in_memory(page));
		memcpy(text, "again", sizeof text);
	}
	t_close(&a);
	t_close(&b);
}

/* It may have been killed over a moment with a lock in hand. */
static void test_engine_killed(void **state)
{
	struct fixture *f = *state;
	struct tsock a, b;
	struct lock_waiter w;
	pthread_t thread;
	int p[2];
	tcp_pair(f, &f->h1, &a, &b);
	assert_int_equal(pipe(p), 0);
	w = (struct lock_waiter){&arena_channel(f->h1.arena, a.channel)->tx.lock, f->h1.id, p[1]};
	assert_true(chan_trylock(w.lock, LOCK_ENGINE));
	pthread_create(&thread, NULL, lock_wait, &w);
	while (!(shared_get32(&w.lock->word) & LOCK_CONTENDED)) usleep(1000);
	kill(f->lab.engine, SIGKILL);
	for (int i = 0; i < 100 && !shared_get32(&f->h1.arena->dead); i++) usleep(10000);
	assert_true(shared_get32(&f->h1.arena->dead));
	assert_true(readable_soon(p[0]));
	pthread_join(thread, NULL);
	close(p[0]);
	close(p[1]);
	int64_t r = t_call(&a, RPC_GETSOCKNAME, 0, 0, NULL, 0);
	assert_true(r == -EPIPE || r == -ECONNRESET);     /* the latter if it died with something of ours unread */
	t_close(&a);
	t_close(&b);
	lab_end(&f->lab);
	lab_start(&f->lab, "single,2");
}

static void test_programs_and_down(void **state)
{
	struct fixture *f = *state;
	char out[400];
	pid_t pid = fork();
	if (pid == 0) {
		struct tclient c;
		t_hello(&c, &f->lab, 1);
		pause();
	}
	usleep(200000);
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "show programs"), 0);
	char want[64];
	snprintf(want, sizeof want, "program\thost=h2\tname=test\tpid#%d\tstarted#", (int)pid);
	assert_non_null(strstr(out, want));
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "down"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_udp_loopback_is_synchronous), T(test_udp_receive_buffer), T(test_udp_port_unreachable), T(test_tcp_between_hosts),
		T(test_hangup_sends_what_was_written), T(test_hangup_with_everything_full), T(test_unread_data_resets),
		T(test_connect_refused), T(test_loopback_accept_is_synchronous),
		T(test_killed_client), T(test_identify),
		T(test_spare), T(test_bell), T(test_ringer_dies), T(test_lock_holder_dies), T(test_no_segment_to_part_with),
		T(test_refused_and_files), T(test_cut_for_a_while), T(test_nothing_is_left), T(test_idle_uses_no_cpu),
		T(test_idle_holds_no_pages), T(test_engine_killed),
		T(test_programs_and_down),
	};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
