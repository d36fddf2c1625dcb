/* A program without the shim: see client.h. */
#include "client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "channel/atomic.h"
#include "engine/engine.h"

#define PATIENCE_S 10

static void need(bool ok, const char *what)
{
	if (ok) return;
	perror(what);
	abort();
}

long t_futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout) { return syscall(SYS_futex, word, op, val, timeout, NULL, 0); }

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a lab ---- */

static void start(struct lab *l, const char *shape, struct engine_config c, uint32_t descriptors)
{
	char err[200] = "";
	int ready[2], pairs[16][2], ours[16];
	need(topo_shape(&l->topo, shape, err, sizeof err) == 0, err);
	need(pipe(ready) == 0, "pipe");
	for (size_t i = 0; i < l->topo.n_hosts; i++) {
		need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs[i]) == 0, "socketpair");
		ours[i] = pairs[i][0];
		l->doors[i] = pairs[i][1];
	}
	l->engine = fork();
	need(l->engine >= 0, "fork");
	if (l->engine == 0) {
		struct rlimit few = {descriptors, descriptors};
		c.topo = &l->topo;
		c.seed = 1;
		c.doors = ours;
		c.owner = -1;
		c.ready_fd = ready[1];
		need(descriptors == 0 || setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
		int status = engine_run(&c);
		topo_free(&l->topo);
		exit(status);
	}
	close(ready[1]);
	for (size_t i = 0; i < l->topo.n_hosts; i++) close(pairs[i][0]);
	char octet;
	need(read(ready[0], &octet, 1) == 1, "the engine did not start");
	close(ready[0]);
}

void lab_start(struct lab *l, const char *shape) { lab_start_small(l, shape, 0, 0); }

void lab_start_small(struct lab *l, const char *shape, uint32_t segments, uint32_t descriptors)
{
	start(l, shape, (struct engine_config){.segments = segments, .listener = -1}, descriptors);
}

void lab_start_open(struct lab *l, const char *shape, int listener) { start(l, shape, (struct engine_config){.listener = listener}, 0); }

int lab_end(struct lab *l)
{
	int status = -1;
	for (size_t i = 0; i < l->topo.n_hosts; i++) close(l->doors[i]);
	waitpid(l->engine, &status, 0);
	topo_free(&l->topo);
	return status;
}

/* ---- a client ---- */

static int fds_take(struct msghdr *m, int *fds, int max)
{
	int n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len && n < max; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	return n;
}

static ssize_t reply_receive(int fd, struct rpc_reply *reply, void *out, size_t size, int *fds, int *ret_n_fds)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int) * 4)]; } control;
	struct iovec iov[2] = {{reply, sizeof *reply}, {out, size}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n;
	do n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof *reply) return -ECONNRESET;
	*ret_n_fds = fds_take(&m, fds, 4);
	return n - (ssize_t)sizeof *reply;
}

void t_hello(struct tclient *c, const struct lab *l, size_t host)
{
	int pair[2], fds[4], n_fds = 0;
	struct rpc_request q = {.op = RPC_HELLO, .in_len = 5, .arg = {getpid()}};
	struct rpc_reply reply;
	struct rpc_hello hello;
	struct iovec iov[2] = {{&q, sizeof q}, {"test", 5}};
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
	need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), &pair[1], sizeof(int));
	need(sendmsg(l->doors[host], &m, MSG_NOSIGNAL) > 0, "hello");
	close(pair[1]);
	need(reply_receive(pair[0], &reply, &hello, sizeof hello, fds, &n_fds) == sizeof hello && n_fds == 2, "welcome");
	c->fd = pair[0];
	c->id = hello.client;
	c->desk = hello.desk;
	c->doorbell = fds[1];
	c->arena = mmap(NULL, hello.arena_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fds[0], 0);
	need(c->arena != MAP_FAILED && c->arena->magic == ARENA_MAGIC, "arena");
	close(fds[0]);
}

void t_end(struct tclient *c)
{
	munmap(c->arena, ARENA_SIZE);
	close(c->fd);
	close(c->doorbell);
}

struct passed { const int *fds; size_t n; };

static int64_t request(struct tclient *c, struct rpc_request *q, const void *in, size_t in_len, struct passed p, struct rpc_reply *reply,
		       void *out, int *ret_fd)
{
	int fds[4], n_fds = 0;
	struct iovec iov[2] = {{q, sizeof *q}, {(void *)in, in_len}};
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int) * RPC_RIGHTS_MAX)]; } control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	if (p.n > 0) {
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(p.n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), p.fds, p.n * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(p.n * sizeof(int));
	}
	q->in_len = (uint32_t)in_len;
	if (sendmsg(c->fd, &m, MSG_NOSIGNAL) < 0) return -errno;
	ssize_t n = reply_receive(c->fd, reply, out, out ? RPC_OUT_MAX : 0, fds, &n_fds);
	if (n < 0) return n;
	for (int i = ret_fd ? 1 : 0; i < n_fds; i++) close(fds[i]);
	if (ret_fd) *ret_fd = n_fds > 0 ? fds[0] : -1;
	return reply->result;
}

int64_t t_request(struct tclient *c, struct rpc_request *q, const void *in, size_t in_len, struct rpc_reply *reply, void *out, int *ret_fd)
{
	return request(c, q, in, in_len, (struct passed){0}, reply, out, ret_fd);
}

int64_t t_verb(struct tclient *c, char *out, size_t size, const char *words)
{
	static char all[RPC_OUT_MAX];
	char in[200];
	struct rpc_request q = {.op = RPC_VERB};
	struct rpc_reply reply = {0};
	size_t len = strlen(words) + 1;
	memcpy(in, words, len);
	for (size_t i = 0; i < len; i++)
		if (in[i] == ' ') in[i] = 0;
	int64_t r = t_request(c, &q, in, len, &reply, all, NULL);
	size_t n = MIN(size - 1, reply.out_len);
	memcpy(out, all, n);
	out[n] = 0;
	return r;
}

void t_ring(struct tclient *c, uint32_t channel)
{
	arena_mark_dirty(c->arena, channel);
	if (arena_ring(c->arena, false)) need(write(c->doorbell, &(uint64_t){1}, 8) == 8, "doorbell");
}

void t_sync(struct tclient *c)
{
	struct rpc_request q = {.op = RPC_SYNC};
	struct rpc_reply reply;
	t_request(c, &q, NULL, 0, &reply, NULL, NULL);
}

/* ---- sockets ---- */

static struct channel *chan(struct tsock *s) { return arena_channel(s->c->arena, s->channel); }

struct tsock t_socket(struct tclient *c, int domain, int type)
{
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {domain, type, 0}};
	struct rpc_reply reply = {0};
	struct tsock s = {.c = c, .fd = -1};
	int64_t r = t_request(c, &q, NULL, 0, &reply, NULL, &s.fd);
	errno = (int)-r;
	need(r >= 0 && s.fd >= 0, "socket");
	s.channel = reply.channel;
	s.generation = reply.generation;
	return s;
}

void t_pair(struct tclient *c, int type, struct tsock ret[2])
{
	struct rpc_request q = {.op = RPC_PAIR, .arg = {type}};
	struct rpc_reply reply = {0};
	struct rpc_pair second = {0};
	int fds[4], n_fds = 0;
	need(send(c->fd, &q, sizeof q, MSG_NOSIGNAL) == sizeof q, "a pair is asked for");
	need(reply_receive(c->fd, &reply, &second, sizeof second, fds, &n_fds) == sizeof second && n_fds == 2, "pair");
	ret[0] = (struct tsock){.c = c, .fd = fds[0], .channel = reply.channel, .generation = reply.generation};
	ret[1] = (struct tsock){.c = c, .fd = fds[1], .channel = second.channel, .generation = second.generation};
}

int64_t t_call(struct tsock *s, enum rpc_op op, int64_t arg0, int64_t arg1, const void *in, size_t in_len)
{
	static char out[RPC_OUT_MAX];
	struct rpc_request q = {.op = op, .channel = s->channel, .generation = s->generation, .arg = {arg0, arg1}};
	struct rpc_reply reply;
	return t_request(s->c, &q, in, in_len, &reply, out, NULL);
}

int64_t t_pass(struct tsock *s, enum rpc_op op, const void *in, size_t in_len, const int *fds, size_t n)
{
	struct rpc_request q = {.op = op, .channel = s->channel, .generation = s->generation};
	struct rpc_reply reply;
	return request(s->c, &q, in, in_len, (struct passed){fds, n}, &reply, NULL, NULL);
}

static socklen_t address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	need(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1, text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof *v6;
}

int64_t t_bind(struct tsock *s, const char *addr, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = address(addr, port, &a);
	return t_call(s, RPC_BIND, 0, 0, &a, len);
}

int64_t t_connect(struct tsock *s, const char *addr, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = address(addr, port, &a);
	for (;;) {
		int64_t r = t_call(s, RPC_CONNECT, 0, 0, &a, len);
		if (r != -EINPROGRESS && r != -EALREADY) return r;
		double end = now_s() + PATIENCE_S;
		while (shared_get32(&chan(s)->state) & CHS_CONNECTING) {
			uint32_t seq = shared_get32(&chan(s)->tx.seq);
			struct timespec t = {1, 0};
			if (now_s() > end) return -ETIMEDOUT;
			atomic_fetch_add(&chan(s)->tx.waiters, 1);
			if (shared_get32(&chan(s)->state) & CHS_CONNECTING) t_futex(&chan(s)->tx.seq, FUTEX_WAIT, seq, &t);
			atomic_fetch_sub(&chan(s)->tx.waiters, 1);
		}
	}
}

int64_t t_accept(struct tsock *s, struct tsock *ret)
{
	struct rpc_request q = {.op = RPC_ACCEPT, .channel = s->channel, .generation = s->generation};
	struct rpc_reply reply;
	char out[RPC_OUT_MAX];
	int fd;
	int64_t r = t_request(s->c, &q, NULL, 0, &reply, out, &fd);
	if (r < 0) return r;
	*ret = (struct tsock){.c = s->c, .fd = fd, .channel = reply.channel, .generation = reply.generation};
	return 0;
}

int64_t t_sendto(struct tsock *s, const char *addr, uint16_t port, const void *data, size_t len)
{
	static uint8_t in[RPC_IN_MAX];
	struct sockaddr_storage a;
	struct rpc_send h = {.name_len = addr ? address(addr, port, &a) : 0, .data_len = (uint32_t)len};
	memcpy(in, &h, sizeof h);
	memcpy(in + sizeof h, &a, h.name_len);
	memcpy(in + sizeof h + h.name_len, data, len);
	return t_call(s, RPC_SEND, 0, 0, in, sizeof h + h.name_len + len);
}

static ssize_t recv_stream(struct tsock *s, void *buf, size_t len)
{
	/* State before ring: what came before the end is in the ring when the end is seen. */
	uint32_t state = shared_get32(&chan(s)->state);
	chan_lock(&chan(s)->rx.lock, s->c->id, t_futex);
	size_t n = chan_read(s->c->arena, chan(s), buf, len, 0, false, &(struct handover){0});
	chan_unlock(&chan(s)->rx.lock, t_futex);
	if (n > 0) t_ring(s->c, s->channel);
	if (n > 0) return (ssize_t)n;
	if (state & CHS_ERROR) return -t_call(s, RPC_TAKE_ERROR, 0, 0, NULL, 0);
	return state & CHS_EOF ? 0 : state & CHS_GONE ? -ENETDOWN : -EAGAIN;
}

static ssize_t recv_record(struct tsock *s, void *buf, size_t len)
{
	struct record r;
	chan_lock(&chan(s)->rx.lock, s->c->id, t_futex);
	bool got = chan_read_record(s->c->arena, chan(s), &r, NULL, 0, NULL, 0, buf, len, false);
	chan_unlock(&chan(s)->rx.lock, t_futex);
	if (got) t_ring(s->c, s->channel);
	return got ? (ssize_t)MIN(r.data_len, len) : -EAGAIN;
}

ssize_t t_recv_now(struct tsock *s, void *buf, size_t len)
{
	bool stream = shared_get32(&chan(s)->state) & CHS_STREAM;
	ssize_t n = stream ? recv_stream(s, buf, len) : recv_record(s, buf, len);
	if (n != -EAGAIN || arena_synced(s->c->arena)) return n;
	t_sync(s->c);
	return stream ? recv_stream(s, buf, len) : recv_record(s, buf, len);
}

static void sleep_on(struct direction *d, uint32_t seq, struct tsock *s, uint32_t events)
{
	struct timespec t = {1, 0};
	atomic_fetch_add(&d->waiters, 1);
	if (!(t_poll(s) & events)) t_futex(&d->seq, FUTEX_WAIT, seq, &t);
	atomic_fetch_sub(&d->waiters, 1);
}

uint32_t t_poll(struct tsock *s) { return channel_poll(s->c->arena, chan(s)); }

bool t_wait(struct tsock *s, uint32_t events)
{
	double end = now_s() + PATIENCE_S;
	struct direction *d = events & EPOLLIN ? &chan(s)->rx : &chan(s)->tx;
	events |= EPOLLERR | EPOLLHUP;
	for (;;) {
		uint32_t seq = shared_get32(&d->seq);
		if (t_poll(s) & events) return true;
		if (now_s() > end) return false;
		sleep_on(d, seq, s, events);
	}
}

ssize_t t_recv(struct tsock *s, void *buf, size_t len)
{
	for (;;) {
		ssize_t n = t_recv_now(s, buf, len);
		if (n != -EAGAIN) return n;
		if (!t_wait(s, EPOLLIN)) return -ETIMEDOUT;
	}
}

size_t t_write_now(struct tsock *s, const void *data, size_t len)
{
	chan_lock(&chan(s)->tx.lock, s->c->id, t_futex);
	size_t n = chan_write(s->c->arena, chan(s), data, len, &(struct handover){0});
	chan_unlock(&chan(s)->tx.lock, t_futex);
	t_ring(s->c, s->channel);
	return n;
}

size_t t_write(struct tsock *s, const void *data, size_t len)
{
	size_t done = 0;
	while (done < len && shared_get32(&chan(s)->state) & CHS_SENDABLE) {
		size_t n = t_write_now(s, (const uint8_t *)data + done, len - done);
		if (n == 0 && !t_wait(s, EPOLLOUT)) break;
		done += n;
	}
	return done;
}

void t_close(struct tsock *s) { close(s->fd); }
