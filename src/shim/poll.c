/*
 * poll and select over descriptors of both kinds.
 *
 *     look:   ours by channel_poll(), the kernel's by a poll that does not wait; an epoll descriptor by both
 *     sleep:  only ours          on the futex of this thread's bell
 *             one of ours alone  on its direction's sequence number: no bell is needed
 *             mixed              in the kernel's ppoll on its descriptors, the bell's eventfd and the control socket (whose hang-up is the engine's death)
 *
 * A bell is armed before the last look and rung after a change is published, so one of the two sees the other.
 */
#include "shim/poll.h"
#include <limits.h>
#include <sys/mman.h>
#include "shim/signal.h"
#include "shim/unix.h"

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)
#define STACK_FDS 64

/* The kernel's part of a set: its descriptors, then what wakes us. from[i] is the place in the program's set. */
struct kernel_set {
	struct pollfd *fds;
	uint32_t *from, n, room;
	size_t mapped;
	struct pollfd fds_here[STACK_FDS + 4];
	uint32_t from_here[STACK_FDS + 4];
};

static int kernel_set_init(struct kernel_set *k, nfds_t n)
{
	*k = (struct kernel_set){.n = 0};
	k->fds = k->fds_here;
	k->from = k->from_here;
	k->room = STACK_FDS;
	if (n <= STACK_FDS) return 0;
	/* Nested epolls bring one more descriptor each. */
	k->room = (uint32_t)n * 2;
	k->mapped = (size_t)(k->room + 4) * (sizeof *k->fds + sizeof *k->from);
	long p = sys(SYS_mmap, NULL, k->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	k->fds = (struct pollfd *)p;
	k->from = (uint32_t *)(k->fds + k->room + 4);
	return 0;
}

static void kernel_set_free(struct kernel_set *k)
{
	if (k->mapped) sys(SYS_munmap, k->fds, k->mapped);
}

static void kernel_set_add(struct kernel_set *k, int fd, short events, uint32_t from)
{
	if (k->n >= k->room + 4) return;
	k->fds[k->n] = (struct pollfd){fd, events, 0};
	k->from[k->n++] = from;
}

/* What was found on one walk over the program's set. partly: something virtual that was asked for is not there. */
struct look { uint32_t ready, virtual, nested; struct sock last; short last_events; bool partly; };

static short channel_events(const struct sock *s, short wanted)
{
	bool readable;
	short events = (short)channel_poll(shim.arena, s->c);
	if (s->c->domain == AF_PACKET && packet_ring_fill(s, &readable)) {
		events = (short)(channel_poll(shim.arena, s->c) & ~(uint32_t)(POLLIN | POLLRDNORM));
		if (readable) events |= POLLIN | POLLRDNORM;
	}
	return events & (short)(wanted | ALWAYS);
}

/* Fills revents of ours; with k, collects the kernel's. */
static void look(struct pollfd *fds, nfds_t n, struct look *l, struct kernel_set *k)
{
	struct sock s;
	uint32_t bell;
	*l = (struct look){0};
	for (nfds_t i = 0; i < n; i++) {
		enum fd_kind kind = fds[i].fd < 0 ? FD_HIDDEN : table_kind(fds[i].fd, &s);
		short revents = 0;
		if (fds[i].fd >= 0 && kind == FD_HIDDEN) revents = POLLNVAL;
		if (kind == FD_CHANNEL) {
			revents = engine_dead() ? (short)(POLLERR | POLLHUP | POLLIN) & (short)(fds[i].events | ALWAYS) : channel_events(&s, fds[i].events);
			l->virtual++;
			l->partly |= fds[i].events & ~revents;
			l->last = s;
			l->last_events = fds[i].events;
		}
		if (kind == FD_EPOLL) {
			if (epoll_virtual_ready(fds[i].fd, &bell)) revents = (POLLIN | POLLRDNORM) & fds[i].events;
			if (bell != 0) l->nested++;
			l->partly |= revents == 0;
			if (k && bell != 0) kernel_set_add(k, bell_eventfd(bell), POLLIN, UINT_MAX);
		}
		if (k && (kind == FD_KERNEL || kind == FD_EPOLL)) kernel_set_add(k, fds[i].fd, fds[i].events, (uint32_t)i);
		fds[i].revents = revents;
		if (revents) l->ready++;
	}
}

/* Adds what the kernel said about its part. */
static uint32_t merge(struct pollfd *fds, const struct kernel_set *k)
{
	uint32_t more = 0;
	for (uint32_t i = 0; i < k->n; i++) {
		if (k->from[i] == UINT_MAX || k->fds[i].revents == 0) continue;
		if (fds[k->from[i]].revents == 0) more++;
		fds[k->from[i]].revents |= k->fds[i].revents;
	}
	return more;
}

static struct timespec *time_left(time_ns deadline, struct timespec *t)
{
	if (deadline == TIME_NEVER) return NULL;
	time_ns left = MAX(deadline - now_ns(), 0);
	*t = (struct timespec){left / NS_PER_S, left % NS_PER_S};
	return t;
}

/* No bell is left in the network: look every few milliseconds. */
#define BELL_LESS_NS (5 * NS_PER_MS)

struct timespec *poll_left(const struct poll *p, bool in_slices, struct timespec *to)
{
	return time_left(in_slices ? MIN(p->wait.deadline, now_ns() + BELL_LESS_NS) : p->wait.deadline, to);
}

/* ---- sleeping ---- */

static int watch_all(struct pollfd *fds, nfds_t n)
{
	struct sock s;
	struct watch_list l;
	l.n = 0;
	if (bell_of_thread() == 0) return engine_dead() ? -ENETDOWN : -ENOMEM;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0 || !sock_of(fds[i].fd, &s)) continue;
		int r = bell_watch_thread(&l, &s);
		if (r < 0) return r;
	}
	return bell_watch_thread(&l, NULL);
}

static long kernel_sleep(struct poll *p, struct kernel_set *k, uint32_t own)
{
	struct timespec t;
	if (self.bell != 0 && own > 0) kernel_set_add(k, bell_eventfd(self.bell), POLLIN, UINT_MAX);
	kernel_set_add(k, shim.control, 0, UINT_MAX);
	struct timespec *left = poll_left(p, own > 0 && self.bell == 0, &t);
	long r = cancellable(sleep_call(SYS_ppoll, (long)k->fds, k->n, (long)left, (long)p->mask, KERNEL_MASK, 0, &self.handled, p->wait.handled));
	if (r > 0 && k->fds[k->n - 1].revents & POLLHUP) atomic_store(&shim.cut, true);
	return r;
}

/* Nothing was ready. 0: look again, or -EINTR. */
static long sleep_mixed(struct poll *p, struct pollfd *fds, nfds_t n, uint32_t own)
{
	struct kernel_set k;
	struct look l;
	struct bell *b = own > 0 && self.bell != 0 ? arena_bell(shim.arena, self.bell) : NULL;
	int r = kernel_set_init(&k, n);
	if (r != 0) return r;
	if (b) bell_arm(b, BELL_EVENTFD);
	look(fds, n, &l, &k);
	long found = 0;
	if (l.ready == 0) found = kernel_sleep(p, &k, own);
	if (b) {
		bell_disarm(b);
		bell_drain(self.bell);
	}
	kernel_set_free(&k);
	return MIN(found, 0);
}

/* The end of the time is for the next step to see, after a last look. */
static long timed_out(long r) { return r == -EAGAIN ? 0 : r; }

static long sleep_bell(struct poll *p, struct pollfd *fds, nfds_t n)
{
	struct bell *b = arena_bell(shim.arena, self.bell);
	struct look l;
	uint32_t seq = shared_get32(&b->seq);
	bell_arm(b, BELL_FUTEX);
	look(fds, n, &l, NULL);
	long r = l.ready > 0 ? 0 : wait_on_word(&p->wait, &b->seq, seq);
	bell_disarm(b);
	return timed_out(r);
}

static struct direction *direction_wanted(const struct look *l)
{
	short e = l->last_events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	if (e & (POLLIN | POLLRDNORM)) return e & (POLLOUT | POLLWRNORM) ? NULL : &l->last.c->rx;
	return e & (POLLOUT | POLLWRNORM) ? &l->last.c->tx : NULL;
}

/* ---- the calls ---- */

static uint32_t look_all(struct pollfd *fds, nfds_t n, struct look *l, uint32_t *ret_kernel)
{
	struct kernel_set k;
	struct timespec none = {0, 0};
	if (kernel_set_init(&k, n) != 0) return 0;
	look(fds, n, l, &k);
	*ret_kernel = k.n;
	if (k.n > 0 && sys(SYS_ppoll, k.fds, k.n, &none, NULL, 0) > 0) l->ready += merge(fds, &k);
	kernel_set_free(&k);
	return l->ready;
}

/* "Nothing" is to be answered: only then must the engine be up to date. Whoever goes to sleep is woken by what it still does. */
bool poll_over(const struct poll *p)
{
	return p->wait.deadline == 0 || (p->wait.deadline != TIME_NEVER && now_ns() >= p->wait.deadline);
}

/* "Nothing", or EINTR for a signal that waits for the mask to let it in, may be the answer to this very step. */
bool poll_answers_now(const struct poll *p) { return p->mask || poll_over(p); }

/* One socket, one direction: no bell is needed. */
static long sleep_direction(struct poll *p, const struct sock *s, struct direction *d, uint32_t seq)
{
	if (pin(s) != 0) return 0;   /* closed meanwhile */
	int r = wait_on(&p->wait, d, seq);
	unpin();
	return timed_out(r);
}

static long poll_step(struct poll *p, struct pollfd *fds, nfds_t n)
{
	struct look l;
	uint32_t kernel, rx_seq = 0, tx_seq = 0;
	struct sock s;
	bool single = n == 1 && !p->mask && sock_of(fds[0].fd, &s);
	if (single) rx_seq = shared_get32(&s.c->rx.seq), tx_seq = shared_get32(&s.c->tx.seq);
	/* A part is an answer only when the rest was not under way before we looked. */
	bool late = rest_is_late();
	if (look_all(fds, n, &l, &kernel) > 0) {
		if (!late || !l.partly) return l.ready;
		rest_arrives();
		if (look_all(fds, n, &l, &kernel) > 0) return l.ready;
	}
	if (poll_answers_now(p) && l.virtual + l.nested > 0 && look_again(&p->looked)) return 0;
	if (poll_over(p)) return -EAGAIN;
	struct direction *d = single ? direction_wanted(&l) : NULL;
	if (d) return sleep_direction(p, &s, d, d == &s.c->rx ? rx_seq : tx_seq);
	int r = l.virtual > 0 ? watch_all(fds, n) : 0;
	if (r < 0 && r != -ENOMEM) return r;
	if (r == 0 && kernel == 0 && !p->mask && l.virtual > 0) return sleep_bell(p, fds, n);
	return sleep_mixed(p, fds, n, l.virtual);
}

static bool any_ours(const struct pollfd *fds, nfds_t n)
{
	struct sock s;
	if (!shim.active || spawned() || !user_there(fds, n * sizeof *fds)) return false;   /* the kernel knows the errno */
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0) continue;
		if (table_kind(fds[i].fd, &s) != FD_KERNEL) return true;
	}
	return false;
}

/* A call that ends when something is ready, the time is over (0), or a handler of whatever kind has run. */
static long poll_run(struct poll *p, struct pollfd *fds, nfds_t n)
{
	long r;
	struct timespec none = {0, 0};
	do r = poll_step(p, fds, n);
	while (r == 0);
	if (r != -EAGAIN) return r;
	/* Without a sleep the mask has not been in place yet: a signal that it lets in goes before "nothing". */
	return p->mask ? sys(SYS_ppoll, NULL, 0, &none, p->mask, KERNEL_MASK) : 0;
}

int poll_begin(struct poll *p, time_ns timeout, const void *mask)
{
	unix_settle();
	wait_begin(&p->wait, 0);
	p->wait.restartable = false;
	p->wait.deadline = timeout == TIME_NEVER ? TIME_NEVER : timeout == 0 ? 0 : now_ns() + timeout;
	p->looked = timeout == 0 && !engine_is_late();
	p->mask = NULL;
	if (!mask) return 0;
	if (user_get(p->mask_copy, mask) != 0) return -EFAULT;
	p->mask_copy = signal_mask(&p->mask_copy);
	p->mask = &p->mask_copy;
	return 0;
}

long do_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct poll p;
	if (n > INT_MAX || !limit_takes(n) || !any_ours(fds, n)) return cancellable(sys(SYS_poll, fds, n, timeout_ms));
	poll_begin(&p, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, NULL);
	return poll_run(&p, fds, n);
}

int timeout_of(const struct timespec *t, time_ns *ret)
{
	struct timespec copy;
	if (t && user_get(copy, t) != 0) return -EFAULT;
	if (t && (copy.tv_sec < 0 || copy.tv_nsec < 0 || copy.tv_nsec >= NS_PER_S)) return -EINVAL;
	*ret = !t || copy.tv_sec > INT32_MAX ? TIME_NEVER : copy.tv_sec * NS_PER_S + copy.tv_nsec;
	return 0;
}

/* The kernel reports what is left of the time; libc hides that from its callers with a copy. */
static void timeout_report(struct timespec *t, const struct poll *p)
{
	if (t && p->wait.deadline != TIME_NEVER) time_left(p->wait.deadline, t);
}

long do_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	if (!shim.active) return cancellable(sys(SYS_ppoll, fds, n, timeout, mask, mask_size));
	time_ns wait;
	int err = timeout_of(timeout, &wait);
	if (err == 0) err = poll_begin(&p, wait, mask);
	if (err != 0) return err;
	if (n > INT_MAX || !limit_takes(n) || !any_ours(fds, n)) return cancellable(sys(SYS_ppoll, fds, n, timeout, p.mask, KERNEL_MASK));
	long r = poll_run(&p, fds, n);
	timeout_report((struct timespec *)timeout, &p);
	return r;
}

/* ---- select ---- */

#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define SELECT_EX POLLPRI

static bool bit_of(const fd_set *set, int fd) { return set && set->fds_bits[fd / 64] >> fd % 64 & 1; }

static nfds_t select_to_poll(int n, const fd_set *in, const fd_set *out, const fd_set *ex, struct pollfd *to)
{
	nfds_t count = 0;
	for (int fd = 0; fd < n; fd++) {
		short e = (short)((bit_of(in, fd) ? POLLIN : 0) | (bit_of(out, fd) ? POLLOUT : 0) | (bit_of(ex, fd) ? POLLPRI : 0));
		if (e == 0) continue;
		if (to) to[count] = (struct pollfd){fd, e, 0};
		count++;
	}
	return count;
}

static long set_result(fd_set *set, int fd, bool on)
{
	if (!bit_of(set, fd)) return 0;
	if (on) return 1;
	set->fds_bits[fd / 64] &= ~((long)1 << fd % 64);
	return 0;
}

static long poll_to_select(const struct pollfd *fds, nfds_t n, fd_set *in, fd_set *out, fd_set *ex)
{
	long count = 0;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & POLLNVAL) return -EBADF;
	for (nfds_t i = 0; i < n; i++) {
		short r = fds[i].revents, e = fds[i].events;
		count += set_result(in, fds[i].fd, e & POLLIN && r & SELECT_IN);
		count += set_result(out, fds[i].fd, e & POLLOUT && r & SELECT_OUT);
		count += set_result(ex, fds[i].fd, e & POLLPRI && r & SELECT_EX);
	}
	return count;
}

static long select_run(struct poll *p, struct pollfd *fds, nfds_t count, fd_set *in, fd_set *out, fd_set *ex)
{
	long r = poll_run(p, fds, count);
	if (r < 0) return r;
	return poll_to_select(fds, count, in, out, ex);
}

static bool select_ours(int n, const fd_set *in, const fd_set *out, const fd_set *ex)
{
	struct sock s;
	size_t size = (size_t)(n + 63) / 64 * 8;
	if (!shim.active || spawned() || (in && !user_there(in, size)) || (out && !user_there(out, size)) || (ex && !user_there(ex, size))) return false;
	for (int fd = 0; fd < n; fd++)
		if ((bit_of(in, fd) || bit_of(out, fd) || bit_of(ex, fd)) && table_kind(fd, &s) != FD_KERNEL) return true;
	return false;
}

static long select_any(struct poll *p, int n, fd_set *in, fd_set *out, fd_set *ex)
{
	struct pollfd here[STACK_FDS];
	nfds_t count = select_to_poll(n, in, out, ex, NULL);
	if (count <= STACK_FDS) {
		select_to_poll(n, in, out, ex, here);
		return select_run(p, here, count, in, out, ex);
	}
	long at = sys(SYS_mmap, NULL, count * sizeof *here, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096) return at;
	select_to_poll(n, in, out, ex, (struct pollfd *)at);
	long r = select_run(p, (struct pollfd *)at, count, in, out, ex);
	sys(SYS_munmap, at, count * sizeof *here);
	return r;
}

long do_pselect6(int n, fd_set *in, fd_set *out, fd_set *ex, struct timespec *timeout, const struct sigset_arg *mask)
{
	struct poll p;
	struct sigset_arg without = {NULL, KERNEL_MASK};
	if (!shim.active) return cancellable(sys(SYS_pselect6, n, in, out, ex, timeout, mask));
	time_ns wait;
	int err = timeout_of(timeout, &wait);
	if (err == 0 && mask && user_get(without, mask) != 0) err = -EFAULT;
	if (err == 0) err = poll_begin(&p, wait, without.mask);
	if (err != 0) return err;
	without.mask = (const sigset_t *)p.mask;
	if (n < 0 || !select_ours(n, in, out, ex)) return cancellable(sys(SYS_pselect6, n, in, out, ex, timeout, &without));
	long r = select_any(&p, n, in, out, ex);
	timeout_report(timeout, &p);
	return r;
}

long do_select(int n, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout)
{
	struct timespec t;
	if (!shim.active) return cancellable(sys(SYS_select, n, in, out, ex, timeout));
	if (timeout && !user_there(timeout, sizeof *timeout)) return -EFAULT;
	if (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)) return -EINVAL;
	if (timeout) t = (struct timespec){timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000 * 1000};
	long r = do_pselect6(n, in, out, ex, timeout ? &t : NULL, NULL);
	if (timeout) *timeout = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return r;
}
