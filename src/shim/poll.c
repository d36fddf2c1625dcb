/*
 * poll over descriptors of both kinds. A step looks at the whole set, makes sure that the engine had no news under way, and sleeps (poll_sleep.c); steps
 * are taken until something is ready, the time is over, or a handler has run.
 */
#include <limits.h>
#include "shim/ended.h"
#include "shim/poll.h"
#include "shim/signal.h"

/* ---- looking ---- */

void look(struct pollfd *fds, nfds_t n, struct look *l, struct kernel_set *k)
{
	struct ready r;
	*l = (struct look){0};
	for (nfds_t i = 0; i < n; i++) {
		short revents = ready_look(fds[i].fd, fds[i].events, &r);
		if (r.kind == FD_CHANNEL) {
			l->virtual++;
			l->last = r.sock;
			l->last_events = fds[i].events;
			l->partly |= fds[i].events & ~revents;
		}
		if (r.kind == FD_EPOLL) l->partly |= revents == 0;
		if (r.bell != 0) l->nested++;
		if (k && r.bell != 0) kernel_set_add(k, bell_eventfd(r.bell), POLLIN, KERNEL_SET_WAKER);
		if (k && r.waker >= 0) kernel_set_add(k, r.waker, fds[i].events & (POLLIN | POLLRDNORM), KERNEL_SET_WAKER);
		if (k && r.asks_kernel) kernel_set_add(k, fds[i].fd, fds[i].events, (uint32_t)i);
		fds[i].revents = revents;
		if (revents) l->ready++;
	}
}

/* The same with the kernel's answers. *ret_kernel: some of the set are the kernel's. */
static uint32_t look_all(struct pollfd *fds, nfds_t n, struct look *l, bool *ret_kernel)
{
	struct kernel_set k;
	if (kernel_set_init(&k, n) != 0) return 0;
	look(fds, n, l, &k);
	*ret_kernel = k.n > 0;
	l->ready += kernel_set_ask(&k, fds);
	kernel_set_free(&k);
	return l->ready;
}

/* A part is an answer only when the rest was not under way before we looked. */
static uint32_t look_whole(struct pollfd *fds, nfds_t n, struct look *l, bool *ret_kernel)
{
	bool late = rest_is_late();
	uint32_t ready = look_all(fds, n, l, ret_kernel);
	if (ready > 0) late |= ended_polled(fds, n);
	if (ready == 0 || !late || !l->partly) return ready;
	rest_arrives();
	return look_all(fds, n, l, ret_kernel);
}

/* ---- the time ---- */

/* "Nothing" is to be answered: only then must the engine be up to date. Whoever goes to sleep is woken by what it still does. */
bool poll_over(const struct poll *p)
{
	return p->wait.deadline == 0 || (p->wait.deadline != TIME_NEVER && now_ns() >= p->wait.deadline);
}

/* "Nothing", or EINTR for a signal that waits for the mask to let it in, may be the answer to this very step. */
bool poll_answers_now(const struct poll *p) { return p->mask || poll_over(p); }

int poll_begin(struct poll *p, time_ns timeout, const struct sigset_arg *mask)
{
	closes_settle();   /* a peer that this process closed has hung up by the next look */
	urings_settle();
	wait_begin(&p->wait, 0);
	p->wait.restartable = false;
	p->wait.deadline = timeout == TIME_NEVER ? TIME_NEVER : timeout == 0 ? 0 : now_ns() + timeout;
	p->looked = timeout == 0 && !engine_is_late();
	p->slept = p->tells_ends = false;
	p->mask = NULL;
	if (!mask || !mask->mask) return 0;
	if (mask->size != KERNEL_MASK) return -EINVAL;
	if (user_copy(&p->mask_copy, mask->mask, sizeof p->mask_copy) != 0) return -EFAULT;
	p->mask_copy = signal_mask(&p->mask_copy);
	p->mask = &p->mask_copy;
	return 0;
}

int timeout_of(const struct timespec *t, time_ns *ret)
{
	struct timespec copy;
	if (t && user_get(copy, t) != 0) return -EFAULT;
	if (t && (copy.tv_sec < 0 || copy.tv_nsec < 0 || copy.tv_nsec >= NS_PER_S)) return -EINVAL;
	*ret = !t || copy.tv_sec > INT32_MAX ? TIME_NEVER : copy.tv_sec * NS_PER_S + copy.tv_nsec;
	return 0;
}

/* The kernel reports what is left of the time, where that can be written; libc hides that from its callers with a copy. */
void timeout_report(struct timespec *t, const struct poll *p)
{
	struct timespec left;
	if (!t || p->wait.deadline == TIME_NEVER) return;
	poll_left(p, false, &left);
	user_put(t, left);
}

/* ---- the steps ---- */

/* The only direction that a call on one socket alone waits for; NULL: both, or something else. */
static struct direction *direction_wanted(const struct look *l)
{
	short e = l->last_events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	if (e & (POLLIN | POLLRDNORM)) return e & (POLLOUT | POLLWRNORM) ? NULL : &l->last.c->rx;
	return e & (POLLOUT | POLLWRNORM) ? &l->last.c->tx : NULL;
}

/* How many are ready; 0: again; -EAGAIN: the time is over. */
static long poll_step(struct poll *p, struct pollfd *fds, nfds_t n)
{
	struct look l;
	struct sock s;
	bool kernel = false, single = n == 1 && !p->mask && sock_of(fds[0].fd, &s);
	uint32_t rx_seq = single ? shared_get32(&s.c->rx.seq) : 0, tx_seq = single ? shared_get32(&s.c->tx.seq) : 0;
	if (look_whole(fds, n, &l, &kernel) > 0) return l.ready;
	if (poll_answers_now(p) && l.virtual + l.nested > 0 && look_again(&p->looked)) return 0;
	if (poll_over(p)) return -EAGAIN;
	p->slept = true;
	struct direction *d = single ? direction_wanted(&l) : NULL;
	if (d) return sleep_direction(p, &s, d, d == &s.c->rx ? rx_seq : tx_seq);
	return sleep_set(p, fds, n, &l, kernel);
}

long poll_run(struct poll *p, struct pollfd *fds, nfds_t n)
{
	long r;
	struct timespec none = {0, 0};
	do r = poll_step(p, fds, n);
	while (r == 0);
	if (r != -EAGAIN) return r;
	/* Without a sleep the mask has not been in place yet: a signal that it lets in goes before "nothing". */
	return p->mask ? sys(SYS_ppoll, NULL, 0, &none, p->mask, KERNEL_MASK) : 0;
}

/* ---- the calls ---- */

static long polled(const struct pollfd *fds, nfds_t n, long r)
{
	if (r > 0) ended_polled(fds, n);
	return r;
}

static bool any_ours(const struct pollfd *fds, nfds_t n)
{
	struct sock s;
	if (!shim.active || spawned() || !user_writable(fds, n * sizeof *fds)) return false;   /* the kernel knows the errno */
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0) continue;
		if (table_kind(fds[i].fd, &s) != FD_KERNEL) return true;
	}
	return false;
}

long do_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct poll p;
	if (n > INT_MAX || !limit_takes(n) || !any_ours(fds, n)) return polled(fds, n, cancellable(sys_wait(SYS_poll, fds, n, timeout_ms)));
	poll_begin(&p, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, NULL);
	return poll_run(&p, fds, n);
}

long do_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	if (!shim.active) return cancellable(sys_wait(SYS_ppoll, fds, n, timeout, mask, mask_size));
	time_ns wait;
	int err = timeout_of(timeout, &wait);
	if (err == 0) err = poll_begin(&p, wait, &(struct sigset_arg){mask, mask_size});
	if (err != 0) return err;
	if (n > INT_MAX || !limit_takes(n) || !any_ours(fds, n)) return polled(fds, n, cancellable(sys_wait(SYS_ppoll, fds, n, timeout, p.mask, KERNEL_MASK)));
	long r = poll_run(&p, fds, n);
	timeout_report((struct timespec *)timeout, &p);
	return r;
}
