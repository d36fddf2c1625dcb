/*
 * kill -9 at random moments under load: kills COUNT SEED. Servers and clients that exchange checked octets are killed COUNT times and begun anew;
 * beside them a pair that nobody kills must go on without a mistake, though the killed clients talk to its server, too, and may die while they wake it.
 * At the end all are gone; the script counts what the engine still holds.
 */
#include "accept.h"
#include <sys/mman.h>
#include <sys/prctl.h>

#define SERVERS 4
#define CLIENTS 8
#define WORKERS (SERVERS + CLIENTS)

static unsigned ports[SERVERS + 1];       /* the last: of the server that nobody kills */

/* A child that ends with its parent, so that a failure leaves nobody behind. */
static pid_t child(void)
{
	pid_t pid = MUST(fork());

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* A server echoes. */
static void serve(int l)
{
	char buf[30000];
	int e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = l };

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, l, &ev));
	for (;;) {
		if (epoll_wait(e, &ev, 1, -1) != 1)
			_exit(1);
		if (ev.data.fd == l) {
			int a = accept(l, NULL, NULL);
			struct epoll_event add = { .events = EPOLLIN, .data.fd = a };

			if (a >= 0)
				epoll_ctl(e, EPOLL_CTL_ADD, a, &add);
			continue;
		}
		ssize_t n = recv(ev.data.fd, buf, sizeof(buf), MSG_DONTWAIT);
		if ((n <= 0 && !(n < 0 && errno == EAGAIN)) || (n > 0 && !send_all(ev.data.fd, buf, (size_t)n)))
			close(ev.data.fd);
	}
}

/* One exchange of n octets; false when the other side went away. A wrong octet is never forgiven. */
static bool exchange(int fd, size_t n, uint64_t seed)
{
	static unsigned char sent[60000], got[60000];
	size_t k;

	octets_fill(sent, n, seed);
	if (!send_all(fd, sent, n))
		return false;
	k = recv_all(fd, got, n);
	if (memcmp(sent, got, k) != 0)
		fail("octets changed on the way");
	return k == n;
}

static void ask(uint64_t seed)
{
	uint64_t s = number_seed(seed);

	for (;;) {
		size_t which = number(&s) % (SERVERS + 1);
		int family = which == SERVERS ? AF_INET6 : AF_INET, fd = socket(family, SOCK_STREAM, 0);
		union name n = name_lo(family, ports[which]);

		if (fd < 0)
			fail("socket: %s", strerror(errno));
		if (connect(fd, &n.sa, name_len(family)) == 0)
			for (uint64_t i = number(&s) % 20; i > 0 && exchange(fd, number(&s) % 60000, number(&s)); i--)
				;
		close(fd);
	}
}

/* The pair that is left alone: counts its exchanges in *ret, and how long the slowest took. */
struct watch { volatile uint64_t exchanges, slowest_ms; };
static void steady(struct watch *w, int l)
{
	int fd;
	pid_t pid;

	if ((pid = child()) == 0)
		serve(l);
	fd = connected_to(AF_INET6, SOCK_STREAM, port_of(l));
	for (uint64_t i = 0;; i++) {
		long before = now_ms();

		if (!exchange(fd, 1 + i % 20000, i))
			fail("the pair that nobody killed was parted: %s", strerror(errno));
		uint64_t took = (uint64_t)(now_ms() - before);
		if (took > w->slowest_ms)
			w->slowest_ms = took;
		w->exchanges++;
	}
}

static pid_t worker(int i, const int *l, uint64_t seed)
{
	pid_t pid = child();

	if (pid == 0) {
		for (int k = 0; k < SERVERS; k++)
			if (k != i)
				close(l[k]);
		if (i < SERVERS)
			serve(l[i]);
		ask(seed);
	}
	return pid;
}

/* In the second half a killed server's listening socket goes too, and the next one binds the same port again. */
static int listen_again(int l, unsigned port)
{
	union name n = name_lo(AF_INET, port);

	if (l >= 0)
		close(l);
	l = MUST(socket(AF_INET, SOCK_STREAM, 0));
	set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	for (long limit = now_ms() + 3000; bind(l, &n.sa, sizeof(n.in)) < 0; poll(NULL, 0, 2))
		if (errno != EADDRINUSE || now_ms() > limit)      /* a child that was just forked may still hold the old one */
			fail("bind to the port of a killed server: %s", strerror(errno));
	MUST(listen(l, 64));
	return l;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 30), half;
	uint64_t s = number_seed((uint64_t)argument(argc, argv, 2, 1)), before;
	struct watch *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int l[SERVERS], steady_l = listening(AF_INET6, 64), status;
	pid_t pid[WORKERS], pair, ended;

	alarm(600);
	setpgid(0, 0);
	for (int i = 0; i < SERVERS; i++) {
		l[i] = listen_again(-1, 0);
		ports[i] = port_of(l[i]);
	}
	ports[SERVERS] = port_of(steady_l);
	if ((pair = child()) == 0) {
		for (int i = 0; i < SERVERS; i++)
			close(l[i]);
		steady(w, steady_l);
	}
	close(steady_l);
	for (int i = 0; i < WORKERS; i++)
		pid[i] = worker(i, l, number(&s));
	half = count / 2;
	for (long k = 0; k < count; k++) {
		struct timespec moment = { 0, (long)(number(&s) % 20000000) };
		int i = (int)(number(&s) % WORKERS);

		nanosleep(&moment, NULL);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		if (!WIFSIGNALED(status))
			fail("worker %d had ended with status %d", i, WEXITSTATUS(status));
		if (i < SERVERS && k >= half)
			l[i] = listen_again(l[i], ports[i]);
		pid[i] = worker(i, l, number(&s));
		if (waitpid(pair, &status, WNOHANG) != 0)
			fail("after kill %ld the pair that nobody killed ended", k);
	}
	before = w->exchanges;
	for (long limit = now_ms() + 2000; w->exchanges < before + 3 && now_ms() < limit;)
		poll(NULL, 0, 5);
	if (w->exchanges < before + 3)
		fail("the pair that nobody killed stands still after %lu exchanges", before);
	if (w->slowest_ms > 5000)
		fail("the pair that nobody killed waited %lu ms", w->slowest_ms);
	signal(SIGTERM, SIG_IGN);
	for (int i = 0; i < WORKERS; i++)
		kill(pid[i], SIGKILL);
	kill(0, SIGTERM);
	while ((ended = wait(&status)) > 0 || errno == EINTR)
		;
	return 0;
}
