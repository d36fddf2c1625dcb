/*
 * select and pselect: the three sets become a poll's list, and its answers the sets again. The sets may be longer than FD_SETSIZE: the kernel only counts their
 * words, and so do we.
 */
#include <sys/mman.h>
#include "shim/ended.h"
#include "shim/poll.h"

#define STACK_FDS 64
#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL)
#define SELECT_EX (POLLPRI | POLLNVAL)

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

static int number_of(const struct pollfd *p) { return p->fd < 0 ? ~p->fd : p->fd; }

/* Unlike poll, select is not woken by what nobody asked it for: a descriptor that has only such news, an error or a hang-up, is left out from then on. */
static bool any_asked_for(struct pollfd *fds, nfds_t n)
{
	bool any = false;
	for (nfds_t i = 0; i < n; i++) {
		short r = fds[i].revents, e = fds[i].events;
		if (r == 0) continue;
		if ((e & POLLIN && r & SELECT_IN) || (e & POLLOUT && r & SELECT_OUT) || (e & POLLPRI && r & SELECT_EX)) any = true;
		else fds[i].fd = ~fds[i].fd;
	}
	return any;
}

/* As Linux: a descriptor that isn't there is an error at first, and what another thread closes while we sleep is ready for all. */
static long poll_to_select(const struct pollfd *fds, nfds_t n, bool slept, fd_set *in, fd_set *out, fd_set *ex)
{
	long count = 0;
	for (nfds_t i = 0; i < n && !slept; i++)
		if (fds[i].revents & POLLNVAL) return -EBADF;
	for (nfds_t i = 0; i < n; i++) {
		short r = fds[i].revents, e = fds[i].events;
		int fd = number_of(&fds[i]);
		count += set_result(in, fd, e & POLLIN && r & SELECT_IN);
		count += set_result(out, fd, e & POLLOUT && r & SELECT_OUT);
		count += set_result(ex, fd, e & POLLPRI && r & SELECT_EX);
	}
	return count;
}

static bool select_ours(int n, const fd_set *in, const fd_set *out, const fd_set *ex)
{
	struct sock s;
	size_t size = (size_t)(n + 63) / 64 * 8;
	if (!shim.active || spawned()) return false;
	if ((in && !user_writable(in, size)) || (out && !user_writable(out, size)) || (ex && !user_writable(ex, size)))
		return false;   /* the kernel knows the errno */
	for (int fd = 0; fd < n; fd++)
		if ((bit_of(in, fd) || bit_of(out, fd) || bit_of(ex, fd)) && table_kind(fd, &s) != FD_KERNEL) return true;
	return false;
}

static long select_run(struct poll *p, struct pollfd *fds, nfds_t count, fd_set *in, fd_set *out, fd_set *ex)
{
	long r;
	do r = poll_run(p, fds, count);
	while (r > 0 && !any_asked_for(fds, count));
	return r < 0 ? r : poll_to_select(fds, count, p->slept, in, out, ex);
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
	if (!shim.active) return cancellable(sys_wait(SYS_pselect6, n, in, out, ex, timeout, mask));
	time_ns wait;
	int err = timeout_of(timeout, &wait);
	if (err == 0 && mask && user_get(without, mask) != 0) err = -EFAULT;
	if (err == 0) err = poll_begin(&p, wait, &without);
	if (err != 0) return err;
	without = (struct sigset_arg){(const sigset_t *)p.mask, KERNEL_MASK};
	n = select_reach(n, in, out, ex);
	if (n < 0 || !select_ours(n, in, out, ex)) {
		long r = cancellable(sys_wait(SYS_pselect6, n, in, out, ex, timeout, &without));
		return ended_selected(n, in, r);
	}
	long r = select_any(&p, n, in, out, ex);
	timeout_report(timeout, &p);
	return r;
}

long do_select(int n, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout)
{
	struct timespec t;
	struct timeval v;
	if (!shim.active) return cancellable(sys_wait(SYS_select, n, in, out, ex, timeout));
	if (timeout && user_get(v, timeout) != 0) return -EFAULT;
	if (timeout) t = (struct timespec){v.tv_sec + v.tv_usec / 1000000, v.tv_usec % 1000000 * 1000};
	long r = do_pselect6(n, in, out, ex, timeout ? &t : NULL, NULL);
	v = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	if (timeout) user_put(timeout, v);   /* if that can be written: a constant stays */
	return r;
}
