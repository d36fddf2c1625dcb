/*
 * Threads and children of a foreign program. The shim runs on our libc, which must know its threads: so one that the program makes by clone is made by
 * pthread_create, and goes from there to where the program wants it, with the stack and FS that the program gave it. When it exits it comes back
 * and ends as a thread of our libc's. Dispatch is inherited by nobody: each thread, and each child, turns it on before it runs a program's instruction.
 */
#include <linux/futex.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/mman.h>
#include "shim/foreign/foreign.h"
#include "shim/internal.h"
#include "shim/signal.h"

#define PAGE 4096ul
#define PTHREAD_STACK (64u << 10)
#define DISPATCH 59                    /* PR_SET_SYSCALL_USER_DISPATCH */
#define DISPATCH_OFF 0
#define DISPATCH_ON 1
#define RSEQ_SIGNATURE 0x53053053
#define THREAD_FLAGS (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)
#define PLAIN_CHILD (CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)

/* In glibc from 2.35 on. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

/* What our libc has registered is taken back, so that the program's can register its own. */
static void rseq_leave(void)
{
	if (!&__rseq_size || __rseq_size == 0) return;
	sys(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIGNATURE);
}

struct foreign *foreign_new(void)
{
	long p = sys(SYS_mmap, NULL, 2 * FOREIGN_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p < 0 && p > -4096) return NULL;
	uintptr_t from = (uintptr_t)p, at = (from + FOREIGN_STACK - 1) & ~(FOREIGN_STACK - 1), end = from + 2 * FOREIGN_STACK;
	if (at > from) sys(SYS_munmap, from, at - from);
	if (end > at + FOREIGN_STACK) sys(SYS_munmap, at + FOREIGN_STACK, end - at - FOREIGN_STACK);
	sys(SYS_madvise, at, FOREIGN_STACK, MADV_NOHUGEPAGE);
	sys(SYS_mprotect, at + PAGE, PAGE, PROT_NONE);
	struct foreign *t = (struct foreign *)at;
	t->alternate.ss_flags = SS_DISABLE;
	return t;
}

static stack_t stack_of(struct foreign *t) { return (stack_t){.ss_sp = (char *)t + 2 * PAGE, .ss_size = FOREIGN_STACK - 2 * PAGE}; }

static long dispatch_on(struct foreign *t) { return sys(SYS_prctl, DISPATCH, DISPATCH_ON, GATE_ADDR, GATE_SIZE, &t->selector); }

int foreign_begin(struct foreign *t)
{
	stack_t stack = stack_of(t);
	t->tls = tls_get();
	t->selector = SELECTOR_ALLOW;
	self.nocancel = 1;
	rseq_leave();
	long r = sys(SYS_sigaltstack, &stack, NULL);
	return (int)(r == 0 ? dispatch_on(t) : r);
}

static void foreign_drop(struct foreign *t)
{
	stack_t none = {.ss_flags = SS_DISABLE};
	sys(SYS_sigaltstack, &none, NULL);
	sys(SYS_prctl, DISPATCH, DISPATCH_OFF, 0, 0, 0);
	sys(SYS_munmap, t, FOREIGN_STACK);
}

/* ---- threads ---- */

struct birth { struct foreign *t; int *told[2]; _Atomic uint32_t tid; };   /* the parent's, until tid is there */

static void birth_tell(struct birth *b, int r)
{
	int tid = (int)sys(SYS_gettid);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(b->told); i++)
		if (b->told[i]) user_put(b->told[i], tid);
	atomic_store(&b->tid, r == 0 ? (uint32_t)tid : UINT32_MAX);
	sys(SYS_futex, &b->tid, FUTEX_WAKE_PRIVATE, 1);
}

static void *thread_main(void *arg)
{
	struct birth *b = arg;
	struct foreign *t = b->t;
	int r = foreign_begin(t);
	birth_tell(b, r);
	if (r == 0 && _setjmp(t->end) == 0) foreign_resume(t, t->first);
	foreign_drop(t);
	return NULL;
}

/* The registers of the call, at the same place of the new thread's stack of ours. */
static ucontext_t *frame_for(struct foreign *child, const struct foreign *t, const ucontext_t *uc)
{
	const char *from = (const char *)uc, *fp = (const char *)uc->uc_mcontext.fpregs;
	ptrdiff_t move = (char *)child - (const char *)t;
	const char *end = fp ? fp + foreign_frame_size(uc) : from + sizeof *uc;
	memcpy((char *)(uintptr_t)from + move, from, (size_t)(end - from));
	ucontext_t *copy = (ucontext_t *)((char *)(uintptr_t)from + move);
	if (fp) copy->uc_mcontext.fpregs = (fpregset_t)((char *)(uintptr_t)fp + move);
	copy->uc_stack = stack_of(child);
	return copy;
}

/* The child begins with every signal blocked, and is open to none until it is the program's. Its number, or -errno. */
static long thread_make(struct birth *b)
{
	pthread_attr_t attr;
	pthread_t id;
	uint64_t all = ~SIGNAL_FAULTS, before;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_MASK);
	int r = pthread_create(&id, &attr, thread_main, b);
	while (r == 0 && atomic_load(&b->tid) == 0) sys(SYS_futex, &b->tid, FUTEX_WAIT_PRIVATE, 0, NULL);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_MASK);
	pthread_attr_destroy(&attr);
	if (r != 0) sys(SYS_munmap, b->t, FOREIGN_STACK);
	return r != 0 || atomic_load(&b->tid) == UINT32_MAX ? -EAGAIN : (long)atomic_load(&b->tid);
}

static long thread_clone(struct foreign *t, const ucontext_t *uc, const long a[6])
{
	unsigned long flags = (unsigned long)a[0];
	struct birth b = {.t = foreign_new()};
	if (!b.t) return -ENOMEM;
	b.t->first = frame_for(b.t, t, uc);
	b.t->program_tls = flags & CLONE_SETTLS ? (uint64_t)a[4] : t->program_tls;
	b.t->clear_tid = flags & CLONE_CHILD_CLEARTID ? (int *)a[3] : NULL;
	b.told[0] = flags & CLONE_PARENT_SETTID ? (int *)a[2] : NULL;
	b.told[1] = flags & CLONE_CHILD_SETTID ? (int *)a[3] : NULL;
	b.t->first->uc_mcontext.gregs[REG_RAX] = 0;
	if (a[1]) b.t->first->uc_mcontext.gregs[REG_RSP] = a[1];
	return thread_make(&b);
}

long foreign_rseq(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)uc;
	long r = sys(SYS_rseq, a[0], a[1], a[2], a[3]);
	if (r != 0) return r;
	if (a[2] & RSEQ_FLAG_UNREGISTER) t->rseq[0] = 0;
	else memcpy(t->rseq, a, sizeof t->rseq);
	return 0;
}

/* In the kernel's order. Once the number is cleared the program takes the thread's memory away, and the kernel must know of none of it any more. */
_Noreturn void foreign_exit(struct foreign *t, int status)
{
	uint64_t all = ~SIGNAL_FAULTS;
	int none = 0;
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, KERNEL_MASK);
	if (t->rseq[0]) sys(SYS_rseq, t->rseq[0], t->rseq[1], RSEQ_FLAG_UNREGISTER, t->rseq[3]);
	foreign_robust_end();
	if (t->clear_tid && user_put(t->clear_tid, none) == 0) sys(SYS_futex, t->clear_tid, FUTEX_WAKE, 1);
	if (sys(SYS_gettid) != sys(SYS_getpid)) longjmp(t->end, 1);
	for (;;) sys(SYS_exit, status);
}

/* ---- children ---- */

/* By our libc's fork, so that its locks are whole in the child. What it doesn't know of is done by hand, as vfork is, see process.c. */
static long child_make(unsigned long flags, int *pidfd)
{
	unsigned long rest = flags & ~(unsigned long)PLAIN_CHILD;
	if (rest != SIGCHLD) return do_clone(rest, NULL, rest & CLONE_PIDFD ? pidfd : NULL, NULL, 0);
	int pid = fork();
	return pid < 0 ? -errno : pid;
}

static int borrower_main(void *arg)
{
	struct foreign *t = arg;
	if (foreign_begin(t) == 0) foreign_resume(t, t->first);
	return 127;
}

/*
 * posix_spawn's child, which runs in our memory on a stack of its own until it execs: it tells its parent there what went wrong. The calls that it makes
 * on descriptors are the kernel's alone, as spawn.c has it.
 */
static long child_lend(const struct foreign *t, const ucontext_t *uc, const long a[6])
{
	typedef int clone_fn(int (*)(void *), void *, int, void *, ...);
	clone_fn *libc_clone = (clone_fn *)libc_symbol("clone");
	uint64_t all = ~SIGNAL_FAULTS, before;
	struct foreign *child = foreign_new();
	if (!child) return -ENOMEM;
	child->first = frame_for(child, t, uc);
	child->program_tls = a[0] & CLONE_SETTLS ? (uint64_t)a[4] : t->program_tls;
	child->first->uc_mcontext.gregs[REG_RAX] = 0;
	child->first->uc_mcontext.gregs[REG_RSP] = a[1];
	spawn_begin();
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_MASK);
	long pid = libc_clone(borrower_main, (void *)(((uintptr_t)child->first - 256) & ~15ul), (int)(CLONE_VM | CLONE_VFORK | (a[0] & 0xff)), child);
	if (pid < 0) pid = -errno;
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_MASK);
	spawn_end();
	sys(SYS_munmap, child, FOREIGN_STACK);
	return pid;
}

static long child_clone(struct foreign *t, ucontext_t *uc, const long a[6])
{
	unsigned long flags = (unsigned long)a[0];
	if (flags & CLONE_PIDFD && flags & CLONE_PARENT_SETTID) return -EINVAL;
	long pid = child_make(flags, (int *)a[2]);
	int number = (int)pid;
	if (pid > 0 && flags & CLONE_PARENT_SETTID) user_put((int *)a[2], number);
	if (pid != 0) return pid;
	number = shim.pid;
	if (flags & CLONE_PARENT_SETTID) user_put((int *)a[2], number);
	if (flags & CLONE_CHILD_SETTID) user_put((int *)a[3], number);
	if (flags & CLONE_SETTLS) t->program_tls = (uint64_t)a[4];
	if (a[1]) uc->uc_mcontext.gregs[REG_RSP] = a[1];
	t->clear_tid = flags & CLONE_CHILD_CLEARTID ? (int *)a[3] : NULL;
	return dispatch_on(t);
}

/* A process that would go on sharing our memory is not to be had: it would have no libc of its own. */
long foreign_clone(struct foreign *t, ucontext_t *uc, const long a[6])
{
	unsigned long flags = (unsigned long)a[0];
	if ((flags & THREAD_FLAGS) == THREAD_FLAGS) return thread_clone(t, uc, a);
	if (flags & CLONE_THREAD || (flags & CLONE_VM && !(flags & CLONE_VFORK))) return -EINVAL;
	bool lends = (flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK) && a[1];
	if (lends && !(flags & ~(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | 0xfful))) return child_lend(t, uc, a);
	return child_clone(t, uc, a);
}

long foreign_fork(struct foreign *t, ucontext_t *uc)
{
	static const long plain[6] = {SIGCHLD};
	return child_clone(t, uc, plain);
}
