/*
 * New processes.
 *
 *  - fork: libc runs our handlers around it (pthread_atfork), whoever calls it. The child's tables are copies and right; its control pair is its own, made
 *    at its first control call. Before the fork every channel is marked as shared, and our locks are taken so that none is copied held.
 *  - a fork by a system call of the program's own is seen by nobody. A page that the kernel wipes in every child tells: the first call that comes to us there
 *    makes up for it.
 *  - vfork is done as fork. A true one would run the child on our caller's stack and in our memory, where its closes and dups would have to be told
 *    from ours; what programs do in such a child (a few calls on descriptors, then exec) a forked child does as well.
 */
#include <sched.h>
#include <sys/mman.h>
#include "shim/aio.h"
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/signal.h"

_Atomic uint32_t *process_mark;

/* Without such pages (before Linux 4.14) the mark stands in the children, too. */
static void mark_start(void)
{
	static _Atomic uint32_t always = 1;
	long p = sys(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool wiped = p > 0 && sys(SYS_madvise, p, 4096, MADV_WIPEONFORK) == 0;
	process_mark = wiped ? (_Atomic uint32_t *)p : &always;
	atomic_store(process_mark, 1);
}

static void others_have_it_too(void)
{
	table_share_all();
	epolls_before_fork();
}

static void before_fork(void)
{
	if (!shim.active) return;
	critical_enter();
	control_lock();
	others_have_it_too();
	spares_before_fork();
}

static void after_fork_parent(void)
{
	if (!shim.active) return;
	spares_after_fork();
	control_unlock();
	critical_leave();
}

static void after_fork_child(void)
{
	if (!shim.active) return;
	atomic_store(process_mark, 1);
	shim.pid = (int)sys(SYS_getpid);
	control_forked();
	spares_forked();
	bells_forked();
	ringers_forked();
	tickets_forked();
	table_forked();
	urings_forked();
	aio_forked();
	pins_forked();
	sleepers_forked();
	signal_forked();
	critical_leave();
}

void process_unseen(void)
{
	critical_enter();
	others_have_it_too();
	after_fork_child();
}

void process_start(void)
{
	mark_start();
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	bell_start();
	sleeper_start();
	scratch_start();
}

static long fork_by(long (*how)(const void *), const void *arg)
{
	before_fork();
	long pid = how(arg);
	if (pid == 0) after_fork_child();
	else after_fork_parent();
	return pid;
}

/* libc's own _Fork: its record of the thread is set right, but no handlers run. */
static long fork_libc(const void *arg)
{
	(void)arg;
	static pid_t (*real)(void);
	if (!real) real = (pid_t(*)(void))libc_symbol("_Fork");
	int saved = errno;
	long pid = real();
	if (pid < 0) pid = -errno;
	errno = saved;
	return pid;
}

static long clone_raw(const void *arg)
{
	const long *a = arg;
	return sys(SYS_clone, a[0], a[1], a[2], a[3], a[4]);
}

long do_fork(void) { return fork_by(fork_libc, NULL); }
long do_vfork(void) { return fork_by(fork_libc, NULL); }

/* A child that would share our memory until it execs, but not our descriptors: as vfork. */
static unsigned long without_vfork(unsigned long flags)
{
	bool is_vfork = shim.active && flags & CLONE_VFORK && !(flags & (CLONE_FILES | CLONE_THREAD));
	return is_vfork ? flags & ~(unsigned long)(CLONE_VM | CLONE_VFORK) : flags;
}

long do_clone(unsigned long flags, void *stack, int *parent_tid, int *child_tid, unsigned long tls)
{
	flags = without_vfork(flags);
	long a[5] = {(long)flags, (long)stack, (long)parent_tid, (long)child_tid, (long)tls};
	return flags & CLONE_VM ? clone_raw(a) : fork_by(clone_raw, a);
}

/* ---- exported only: libc's own code is what does the work ---- */

#define EXPORT __attribute__((visibility("default")))

static long libc_result(long r)
{
	if (r >= 0) return r;
	errno = (int)-r;
	return -1;
}

EXPORT pid_t exported_fork_plain(void) __asm__("_Fork");
pid_t exported_fork_plain(void) { return (pid_t)libc_result(do_fork()); }
EXPORT pid_t exported_vfork(void) __asm__("vfork");
pid_t exported_vfork(void) { return (pid_t)libc_result(do_vfork()); }
EXPORT pid_t exported_vfork2(void) __asm__("__vfork");
pid_t exported_vfork2(void) { return (pid_t)libc_result(do_vfork()); }

/* clone() with a function: without CLONE_VM a fork, whose child begins elsewhere. */
struct start { int (*fn)(void *); void *arg; };

static int clone_start(void *arg)
{
	struct start s = *(struct start *)arg;
	after_fork_child();
	return s.fn(s.arg);
}

EXPORT int exported_clone(int (*fn)(void *), void *stack, int flags, void *arg, void *parent_tid, void *tls, void *child_tid) __asm__("clone");
int exported_clone(int (*fn)(void *), void *stack, int flags, void *arg, void *parent_tid, void *tls, void *child_tid)
{
	typedef int clone_fn(int (*)(void *), void *, int, void *, ...);
	clone_fn *real = (clone_fn *)libc_symbol("clone");
	struct start s = {fn, arg};
	flags = (int)without_vfork((unsigned)flags);
	if (flags & CLONE_VM || !shim.active) return real(fn, stack, flags, arg, parent_tid, tls, child_tid);
	before_fork();
	int r = real(clone_start, stack, flags, &s, parent_tid, tls, child_tid);
	after_fork_parent();
	return r;
}
