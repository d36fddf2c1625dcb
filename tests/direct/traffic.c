/*
 * Checksummed traffic both ways while somebody changes the links underneath: traffic serve PORT | traffic ADDRESS PORT SEED SECONDS PAIRS.
 * PORT is a path for Unix sockets, and ADDRESS then -: there it is the ends that change what can go directly (ancillary.h). With seqpacket: or dgram: before
 * the path they are sockets of messages, of which each has to come as it was sent; those of datagrams are pairs, and need no server.
 *
 * Every octet of a connection is a function of its seed, its direction and its place, so that each receiver knows at once what is lost, repeated,
 * reordered or another connection's. Both ends send and receive at the same time, in pieces of all sizes, by all means: threads, processes that share
 * the socket, blocking and non-blocking calls, poll and epoll. A connection ends in one of the ways of enum ending. The first that is wrong, or
 * that stands still for a minute, ends everything with a line that says where.
 */
#include "../accept/accept.h"
#include "ancillary.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <poll.h>
#include <sys/un.h>
#include <time.h>

#define PATIENCE_S 60
#define PIECE_MAX 100000

enum ending {
	CLEAN,          /* the client half-closes when it has sent all; the server sends the rest, then closes */
	EARLY,          /* the client half-closes before it has received anything */
	RESET,          /* the client lingers for 0 s in the middle */
	KILLED,         /* its process is killed in the middle */
	STOPPED,        /* its process stands still for a while */
	SHARED,         /* forked children of either side take turns in sending and in receiving */
	ENDINGS
};
static const char *const ending_names[] = {"clean", "early", "reset", "killed", "stopped", "shared"};

struct plan { uint64_t seed; uint32_t up, down, ending, slow, pair; };   /* the first octets of a connection */

static uint64_t octets_of(uint64_t seed, uint64_t word)
{
	uint64_t x = (seed ^ word * 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
	return (x ^ x >> 31) * 0x94d049bb133111ebull;
}

static unsigned char octet_at(uint64_t seed, uint64_t i) { return (unsigned char)(octets_of(seed, i / 8) >> i % 8 * 8); }

/* One direction at one end. What several processes share of it stands in shared memory. */
struct way {
	pthread_mutex_t turn;
	_Atomic uint64_t at, moved, passed;        /* passed: descriptors */
	uint64_t seed, end;
	const char *name;
	int fd;
	bool may_break;
	const struct plan *plan;
};

static struct place { int type; struct sockaddr_storage a; socklen_t len; } place = {.type = SOCK_STREAM};
static bool is_unix(void) { return place.a.ss_family == AF_UNIX; }

/* A message's length follows from its place, so that its receiver knows that, too. */
static size_t message_at(const struct way *w)
{
	uint64_t dice = octets_of(~w->seed, w->at), left = (w->seed == w->plan->seed ? w->plan->up : w->plan->down) - w->at;
	size_t n = 1 + dice % (dice >> 40 & 3 ? 3000 : PIECE_MAX);
	return n < left ? n : (size_t)left;
}

static void way_fail(const struct way *w, const char *what)
{
	fail("%s: %s at %llu of %llu, %s, seed %llx: %s", w->name, what, (unsigned long long)w->at, (unsigned long long)w->end,
	     ending_names[w->plan->ending], (unsigned long long)w->plan->seed, strerror(errno));
}

/* A reset is sent once, and the network may lose it: then the other end may wait for ever, as with Linux. */
static void stuck(const struct way *w, const char *what)
{
	if (w->may_break) _exit(0);
	way_fail(w, what);
}

static void ready_wait(const struct way *w, short events, uint64_t *dice)
{
	int fd = w->fd;
	if (number(dice) % 2) {
		struct pollfd p = {fd, events, 0};
		if (poll(&p, 1, PATIENCE_S * 1000) == 0) stuck(w, "poll has waited for a minute");
		return;
	}
	int e = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = (uint32_t)events | (number(dice) % 2 ? EPOLLET : 0u)};
	if (e < 0 || epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) < 0) fail("epoll: %s", strerror(errno));
	if (epoll_wait(e, &ev, 1, PATIENCE_S * 1000) == 0) stuck(w, "epoll_wait has waited for a minute");
	close(e);
}

static bool is_break(int err) { return err == ECONNRESET || err == EPIPE; }

/* One piece out: false when the connection is broken. */
static bool send_piece(struct way *w, uint64_t *dice, unsigned char *buf)
{
	size_t n = 1 + number(dice) % (number(dice) % 4 ? 3000 : PIECE_MAX);
	if (n > w->end - w->at) n = w->end - w->at;
	if (place.type != SOCK_STREAM) n = message_at(w);
	for (size_t i = 0; i < n; i++) buf[i] = octet_at(w->seed, w->at + i);
	for (size_t sent = 0; sent < n;) {
		bool now = number(dice) % 3 == 0;
		int flags = MSG_NOSIGNAL | (now ? MSG_DONTWAIT : 0);
		bool special = is_unix() && number(dice) % 32 == 0;
		ssize_t r = special ? special_send(w->fd, buf + sent, n - sent, flags, (struct note){w->seed, w->at, w->passed})
				    : send(w->fd, buf + sent, n - sent, flags);
		if (r > 0 && r != (ssize_t)n && place.type != SOCK_STREAM) way_fail(w, "a message was cut");
		if (r > 0) {
			w->passed += special;
			sent += (size_t)r;
			w->at += (uint64_t)r;
			w->moved++;
		} else if (errno == EAGAIN && now) ready_wait(w, POLLOUT, dice);
		else if (w->may_break && is_break(errno)) return false;
		else if (errno != EINTR) way_fail(w, "send");
	}
	return true;
}

/* One piece in: 1; 0 at the end; -1 when the connection is broken. */
static int recv_piece(struct way *w, uint64_t *dice, unsigned char *buf)
{
	size_t n = place.type != SOCK_STREAM ? PIECE_MAX : 1 + number(dice) % (number(dice) % 4 ? 3000 : PIECE_MAX);
	bool now = number(dice) % 3 == 0;
	if (place.type == SOCK_DGRAM && w->at == w->end) return 0;     /* no end comes */
	if (number(dice) % 16 == 0) recv(w->fd, buf, n, MSG_PEEK | MSG_DONTWAIT);
	struct note last = {w->seed, w->at, w->passed};
	ssize_t r = is_unix() ? special_recv(w->fd, buf, n, now ? MSG_DONTWAIT : 0, &last) : recv(w->fd, buf, n, now ? MSG_DONTWAIT : 0);
	if (r == SPECIAL_WRONG) way_fail(w, "a descriptor in a wrong place");
	w->passed = last.passed;
	if (is_unix() && number(dice) % 64 == 0) special_option(w->fd, dice);
	if (r < 0 && errno == EAGAIN && now) {
		ready_wait(w, POLLIN, dice);
		return 1;
	}
	if (r < 0 && errno == EINTR) return 1;
	if (r < 0 && w->may_break && is_break(errno)) return -1;
	if (r < 0) way_fail(w, "recv");
	if (r > 0 && place.type != SOCK_STREAM && r != (ssize_t)message_at(w)) way_fail(w, "a message of another length");
	for (ssize_t i = 0; i < r; i++)
		if (buf[i] != octet_at(w->seed, w->at + (uint64_t)i)) way_fail(w, "a wrong octet");
	w->at += (uint64_t)r;
	w->moved++;
	if (w->at > w->end) way_fail(w, "more than was sent");
	return r > 0;
}

static void turn_take(struct way *w)
{
	if (pthread_mutex_lock(&w->turn) == EOWNERDEAD) pthread_mutex_consistent(&w->turn);
}

static void *way_send(void *arg)
{
	struct way *w = arg;
	uint64_t dice = number_seed(w->seed ^ (uint64_t)getpid());
	unsigned char *buf = malloc(PIECE_MAX);
	for (bool more = true; more;) {
		turn_take(w);
		more = w->at < w->end && send_piece(w, &dice, buf);
		pthread_mutex_unlock(&w->turn);
		if (w->plan->slow && number(&dice) % 64 == 0) usleep(1000);
	}
	free(buf);
	return NULL;
}

static void *way_recv(void *arg)
{
	struct way *w = arg;
	uint64_t dice = number_seed(~w->seed ^ (uint64_t)getpid());
	unsigned char *buf = malloc(PIECE_MAX);
	for (int more = 1; more > 0;) {
		turn_take(w);
		more = recv_piece(w, &dice, buf);
		pthread_mutex_unlock(&w->turn);
		if (w->plan->slow && number(&dice) % 64 == 0) usleep(1000);
	}
	free(buf);
	return NULL;
}

static void way_init(struct way *w, const struct plan *p, int fd, bool up, const char *name)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&w->turn, &a);
	w->seed = up ? p->seed : ~p->seed;
	w->end = up ? p->up : p->down;
	w->name = name;
	w->fd = fd;
	w->plan = p;
	w->may_break = p->ending == RESET || p->ending == KILLED;
}

/* Fails when nothing has moved for long. */
static void *watch(void *arg)
{
	struct way *w = arg;
	uint64_t before = 0;
	for (int idle = 0; idle < PATIENCE_S; idle++, sleep(1)) {
		uint64_t moved = w[0].moved + w[1].moved;
		if (moved != before) idle = 0;
		before = moved;
	}
	if (w->may_break) stuck(w, "");
	fail("%s stands still: sent %llu of %llu, received %llu of %llu, %s, seed %llx", w->name, (unsigned long long)w[0].at, (unsigned long long)w[0].end,
	     (unsigned long long)w[1].at, (unsigned long long)w[1].end, ending_names[w->plan->ending], (unsigned long long)w->plan->seed);
}

static void share(struct way *w, void *(*work)(void *), pid_t *pid)
{
	*pid = fork();
	if (*pid != 0) return;
	work(w);
	_exit(0);
}

/* Both directions of one end at once; w[0] is sent, w[1] received. */
static void both(struct way *w, bool half_close)
{
	pthread_t sender, watcher;
	pid_t helper[2] = {0};
	int status;
	pthread_create(&watcher, NULL, watch, w);
	if (w->plan->ending == SHARED) {
		share(&w[0], way_send, &helper[0]);
		share(&w[1], way_recv, &helper[1]);
	}
	pthread_create(&sender, NULL, way_send, &w[0]);
	if (w->plan->ending == EARLY && half_close) {
		pthread_join(sender, NULL);
		shutdown(w->fd, SHUT_WR);
		way_recv(&w[1]);
	} else if (half_close) {
		/* The end of what we send is what the other side waits for; its own end comes after. */
		pthread_t receiver;
		pthread_create(&receiver, NULL, way_recv, &w[1]);
		pthread_join(sender, NULL);
		if (helper[0] > 0) waitpid(helper[0], &status, 0);
		shutdown(w->fd, SHUT_WR);
		pthread_join(receiver, NULL);
	} else {
		way_recv(&w[1]);
		pthread_join(sender, NULL);
		if (helper[0] > 0) waitpid(helper[0], &status, 0);
	}
	if (helper[1] > 0 && (waitpid(helper[1], &status, 0) != helper[1] || status != 0)) fail("%s: a helper failed", w->name);
	pthread_cancel(watcher);
	pthread_join(watcher, NULL);
	for (int i = 0; i < 2; i++)
		if (!w[i].may_break && w[i].at != w[i].end) way_fail(&w[i], i == 0 ? "not all was sent" : "not all arrived");
}

static struct way *ways_new(void)
{
	return mmap(NULL, 2 * sizeof(struct way), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* ---- the server: a process for each connection ---- */

static _Noreturn void serve_one(int fd)
{
	struct plan p;
	struct way *w = ways_new();
	if (recv_all(fd, &p, sizeof p) != sizeof p) _exit(0);   /* killed or reset before it said what it wanted */
	way_init(&w[0], &p, fd, false, "server");
	way_init(&w[1], &p, fd, true, "server");
	both(w, false);
	close(fd);
	_exit(0);
}

static int serve(void)
{
	int l = socket(place.a.ss_family, place.type, 0), status;
	if (bind(l, (struct sockaddr *)&place.a, place.len) < 0 || listen(l, 64) < 0) fail("listen: %s", strerror(errno));
	for (;;) {
		int fd = accept(l, NULL, NULL);
		if (fd < 0) fail("accept: %s", strerror(errno));
		if (fork() == 0) {
			close(l);
			serve_one(fd);
		}
		close(fd);
		while (waitpid(-1, &status, WNOHANG) > 0)
			if (status != 0) fail("a server ended with %#x", (unsigned)status);
	}
}

/* ---- the client ---- */

static int connect_to(void)
{
	int fd = socket(place.a.ss_family, place.type, 0);
	while (connect(fd, (const struct sockaddr *)&place.a, place.len) < 0) {
		if (errno != ETIMEDOUT && errno != EINTR) fail("connect: %s", strerror(errno));
		close(fd);
		fd = socket(place.a.ss_family, place.type, 0);
	}
	return fd;
}

/* A server of our own at the other end of a pair. */
static int pair_open(pid_t *ret_server)
{
	int fd[2];
	if (socketpair(AF_UNIX, place.type, 0, fd) < 0) fail("socketpair: %s", strerror(errno));
	*ret_server = fork();
	if (*ret_server == 0) {
		close(fd[0]);
		serve_one(fd[1]);
	}
	close(fd[1]);
	return fd[0];
}

static void converse(const struct plan *p)
{
	struct way *w = ways_new();
	struct linger now = {1, 0};
	pid_t server = 0;
	int fd = p->pair ? pair_open(&server) : connect_to(), status;
	if (!send_all(fd, p, sizeof *p)) fail("the plan was not sent: %s", strerror(errno));
	way_init(&w[0], p, fd, true, "client");
	way_init(&w[1], p, fd, false, "client");
	if (p->ending == RESET) {
		w[0].end = p->up / 2;
		way_send(&w[0]);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	} else {
		both(w, true);
	}
	close(fd);
	if (server > 0 && (waitpid(server, &status, 0) != server || status != 0))
		fail("the server at the other end of a pair ended with %#x", (unsigned)status);
	munmap(w, 2 * sizeof *w);
}

/* In a process of its own, which may be killed or stopped. */
static void converse_apart(const struct plan *p, uint64_t *dice)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		converse(p);
		_exit(0);
	}
	usleep((useconds_t)(number(dice) % 30000));
	if (p->ending == STOPPED) {
		kill(pid, SIGSTOP);
		usleep((useconds_t)(number(dice) % 60000));
		kill(pid, SIGCONT);
	} else {
		kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	if (p->ending == STOPPED && status != 0) _exit(1);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pair(uint64_t seed, double end, _Atomic uint64_t *done)
{
	uint64_t dice = number_seed(seed);
	while (now_s() < end) {
		uint32_t size = number(&dice) % 8 == 0 ? 8000000 : number(&dice) % 2 ? 300000 : 3000;
		struct plan p = {.seed = number(&dice), .up = (uint32_t)number(&dice) % size, .down = (uint32_t)number(&dice) % size,
				 .ending = (uint32_t)(number(&dice) % ENDINGS), .slow = number(&dice) % 4 == 0, .pair = is_unix() && number(&dice) % 3 == 0};
		if (place.type == SOCK_DGRAM) p.pair = 1;
		if (place.type == SOCK_DGRAM && (p.ending == RESET || p.ending == KILLED)) p.ending = SHARED;   /* nobody would learn of it */
		if (p.ending == KILLED || p.ending == STOPPED) converse_apart(&p, &dice);
		else converse(&p);
		done[p.ending]++;
	}
	_exit(0);
}

static void place_read(const char *address, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool is_path = strchr(port, '/') != NULL;
	if (strncmp(port, "seqpacket:", 10) == 0) place.type = SOCK_SEQPACKET;
	if (strncmp(port, "dgram:", 6) == 0) place.type = SOCK_DGRAM;
	if (is_path) port = strchr(port, '/');
	strncpy(un.sun_path, port, sizeof un.sun_path - 1);
	if (!is_path && inet_pton(AF_INET, address, &in.sin_addr) != 1) fail("%s is no address", address);
	place.len = is_path ? sizeof un : sizeof in;
	memcpy(&place.a, is_path ? (void *)&un : &in, place.len);
}

int main(int argc, char **argv)
{
	if (argc < 6 && (argc != 3 || strcmp(argv[1], "serve") != 0)) fail("usage: traffic serve PORT | traffic ADDRESS PORT SEED SECONDS PAIRS");
	place_read(argc == 3 ? "0.0.0.0" : argv[1], argv[2]);
	if (argc == 3) return serve();
	_Atomic uint64_t *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double end = now_s() + atof(argv[4]);
	int status, failed = 0;
	/* The server is being started, too. */
	for (int fd = -1, tries = 0; tries < 500 && place.type != SOCK_DGRAM; tries++, usleep(10000)) {
		fd = socket(place.a.ss_family, place.type, 0);
		bool there = connect(fd, (struct sockaddr *)&place.a, place.len) == 0;
		close(fd);
		if (there) break;
	}
	for (int i = 0; i < atoi(argv[5]); i++)
		if (fork() == 0) pair((uint64_t)(atoll(argv[3]) * 1000 + i), end, done);
	while (wait(&status) > 0) failed |= status;
	for (int i = 0; i < ENDINGS; i++) printf("%s %llu%s", ending_names[i], (unsigned long long)done[i], i == ENDINGS - 1 ? "\n" : ", ");
	return failed != 0;
}
