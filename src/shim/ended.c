/*
 * The end of another process, as this one is told of it: by wait, by SIGCHLD (its handler: signal.c; sigwaitinfo), by a signalfd, or by a pidfd. The kernel
 * tells only when it has closed all that the process had open, and whoever looks then finds that peers have hung up. The engine hears of closed anchors by
 * itself, but later; so whoever is told asks it to look before he looks himself, and before he can tell others.
 */
#include "shim/ended.h"
#include <fcntl.h>
#include <stdio.h>
#include "shim/internal.h"

/* This process has had a descriptor that tells of ends. */
static _Atomic bool any_tells;

void ended_told(void)
{
	if (!shim.active || spawned()) return;
	rung_by_close();
	closes_settle();
}

bool ended_tells(int fd)
{
	static const char *const kinds[] = {"anon_inode:[pidfd]", "anon_inode:[signalfd]"};
	char link[32], target[32] = "";
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (sys(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1) <= 0) return false;
	bool tells = strcmp(target, kinds[0]) == 0 || strcmp(target, kinds[1]) == 0;
	if (tells) atomic_store(&any_tells, true);
	return tells;
}

/* ---- what a call on such a descriptor, or on many, has answered ---- */

static bool tells(int fd) { return atomic_load_explicit(&any_tells, memory_order_relaxed) && table_tells_ends(fd); }

long ended_read(int fd, long r)
{
	if (r > 0 && tells(fd)) ended_told();
	return r;
}

bool ended_polled(const struct pollfd *fds, nfds_t n)
{
	if (!atomic_load_explicit(&any_tells, memory_order_relaxed)) return false;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents == 0 || !tells(fds[i].fd)) continue;
		ended_told();
		return true;
	}
	return false;
}

long ended_selected(int n, const fd_set *in, long r)
{
	if (r <= 0 || !in || !atomic_load_explicit(&any_tells, memory_order_relaxed)) return r;
	for (int fd = 0; fd < n; fd++)
		if (in->fds_bits[fd / 64] >> fd % 64 & 1) ended_read(fd, r);
	return r;
}

/* ---- calls that are about it ---- */

static long waited(long r, bool any)
{
	if (any) ended_told();
	return r;
}

long do_wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	long r = cancellable(sys_wait(SYS_wait4, pid, status, options, usage));
	return waited(r, r > 0);
}

long do_waitid(int which, pid_t id, siginfo_t *info, int options, struct rusage *usage)
{
	siginfo_t own;
	pid_t who = 0;
	if (!info) info = &own;
	long r = cancellable(sys_wait(SYS_waitid, which, id, info, options, usage));
	return waited(r, r == 0 && user_get(who, &info->si_pid) == 0 && who != 0);
}

long do_rt_sigtimedwait(const uint64_t *set, siginfo_t *info, const struct timespec *timeout, size_t mask_size)
{
	long r = cancellable(sys_wait(SYS_rt_sigtimedwait, set, info, timeout, mask_size));
	return waited(r, r == SIGCHLD);
}

/* As libc: that pthread_kill() is done by tkill() is nobody's business. */
long libc_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	long r = do_rt_sigtimedwait((const uint64_t *)set, info, timeout, KERNEL_MASK);
	if (r >= 0 && info && info->si_code == SI_TKILL) info->si_code = SI_USER;
	return r;
}
