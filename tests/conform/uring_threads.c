/*
 * One ring of io_uring and several threads: all submit and wait, one closes what another waits on, and signals come. Where the kernel refuses io_uring the
 * program ends with 77.
 */
#include "say_uring.h"
#include <pthread.h>
#include <sys/syscall.h>

#define THREADS 4
#define ROUNDS 150

/* Until the thread sleeps, which the program's own other threads do in a wait only. */
static void asleep(pid_t thread)
{
	char path[64], text[256];
	for (;;) {
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
		int fd = MUST(open(path, O_RDONLY));
		ssize_t n = MUST(read(fd, text, sizeof(text) - 1));
		close(fd);
		text[n] = 0;
		if (strstr(text, ") S "))
			return;
		sched_yield();
	}
}

struct waiter { pid_t thread; long result; };

static void *waits(void *arg)
{
	struct waiter *w = arg;
	__atomic_store_n(&w->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	w->result = raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	return NULL;
}

static pthread_t start(struct waiter *w)
{
	pthread_t t;
	*w = (struct waiter){ 0 };
	if (pthread_create(&t, NULL, waits, w) != 0)
		exit(1);
	while (__atomic_load_n(&w->thread, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	asleep(w->thread);
	return t;
}

/* A wait under way keeps the ring, and what is on it. */
static void closed_meanwhile(void)
{
	struct waiter w;
	struct io_uring_cqe c = { 0 };
	int p[2];
	char b;
	MUST(pipe(p));
	say_about("closed during a wait");
	MUST(ring_open(&ring, 8, NULL));
	data(IORING_OP_READ, p[0], &b, 1, 7);
	say_result("submitted", ring_submit(&ring, 0));
	pthread_t t = start(&w);
	raw6(SYS_close, ring.fd, 0, 0, 0, 0, 0);
	struct rawring other;   /* the making of one looks for those that were closed */
	MUST(ring_open(&other, 4, NULL));
	ring_close(&other);
	MUST(write(p[1], "a", 1));
	pthread_join(t, NULL);
	say_result("the wait", w.result);
	ring_take(&ring, &c);
	say("taken", "%d for %u", c.res, (unsigned)c.user_data);
	ring_unmap(&ring);
	close(p[0]);
	say("the pipe breaks", "%d", wait_for(p[1], POLLERR));
	close(p[1]);
}

static void caught(int sig) { (void)sig; }

static void interrupted(int flags, const char *name)
{
	struct waiter w;
	struct sigaction sa = { .sa_handler = caught, .sa_flags = flags };
	say_about("a signal during a wait%s", name);
	MUST(sigaction(SIGUSR1, &sa, NULL));
	MUST(ring_open(&ring, 8, NULL));
	pthread_t t = start(&w);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	say_result("the wait", w.result);
	t = start(&w);
	sqe(IORING_OP_NOP, -1, 1);
	say_result("submitted", ring_submit(&ring, 0));
	pthread_join(t, NULL);
	say_result("the wait", w.result);
	say_cqes(1);
	ring_close(&ring);
}

/* ---- a thread that ends with a ring registered ---- */

static void *registers(void *arg)
{
	struct io_uring_rsrc_update up = { .offset = -1U, .data = (unsigned long)ring.fd };
	*(long *)arg = raw_register(ring.fd, IORING_REGISTER_RING_FDS, &up, 1);
	return NULL;
}

static void ended_with_it(void)
{
	pthread_t t;
	long result = 0;
	int p[2];
	char b;
	MUST(pipe(p));
	say_about("registered by a thread that ends");
	MUST(ring_open(&ring, 8, NULL));
	data(IORING_OP_READ, p[0], &b, 1, 7);
	say_result("submitted", ring_submit(&ring, 0));
	if (pthread_create(&t, NULL, registers, &result) != 0)
		exit(1);
	pthread_join(t, NULL);
	say_result("register", result);
	ring_close(&ring);
	close(p[0]);
	say("the pipe breaks", "%d", wait_for(p[1], POLLERR));
	close(p[1]);
}

/* ---- all at once ---- */

static pthread_mutex_t submitting = PTHREAD_MUTEX_INITIALIZER, taking = PTHREAD_MUTEX_INITIALIZER;
static int wrong, taken;

static void take(void)
{
	struct io_uring_cqe c;
	pthread_mutex_lock(&taking);
	while (ring_take(&ring, &c)) {
		taken++;
		wrong += c.res != 1;
	}
	pthread_mutex_unlock(&taking);
}

static void *takes_part(void *arg)
{
	int *p = arg;
	char b[2];
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&submitting);
		data(IORING_OP_READ, p[0], &b[0], 1, 1);
		data(IORING_OP_WRITE, p[1], "x", 1, 2);
		MUST(ring_submit(&ring, 0));
		pthread_mutex_unlock(&submitting);
		while (raw_enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0) == -EINTR)
			continue;
		take();
	}
	return NULL;
}

static void all_at_once(void)
{
	pthread_t t[THREADS];
	int pipes[THREADS][2], want = 2 * THREADS * ROUNDS;
	say_about("all at once");
	MUST(ring_open(&ring, 32, NULL));
	for (int i = 0; i < THREADS; i++) {
		MUST(pipe(pipes[i]));
		if (pthread_create(&t[i], NULL, takes_part, pipes[i]) != 0)
			exit(1);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	while (taken < want) {
		MUST((int)raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
		take();
	}
	say("taken", "%d wrong %d left %u", taken, wrong, ring_ready(&ring));
	ring_close(&ring);
	for (int i = 0; i < THREADS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

int main(void)
{
	say_start();
	say_about("io_uring");
	int err = ring_open(&ring, 4, NULL);
	if (err < 0) {
		printf("the kernel refuses io_uring: %s\n", say_errno(-err));
		return 77;
	}
	ring_close(&ring);
	closed_meanwhile();
	interrupted(0, "");
	interrupted(SA_RESTART, ", to be restarted");
	ended_with_it();
	all_at_once();
	return 0;
}
