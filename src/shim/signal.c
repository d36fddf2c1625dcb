/*
 * Signals. The program's handlers run through one of ours, for three reasons:
 *
 *  - A handler may call socket functions, so it must not run while this thread holds a lock of ours. When it comes inside a critical section,
 *    every signal is blocked in the interrupted context, the signal is kept, and on leaving the section the thread sends it to itself
 *    again, information and all, and takes its old mask back: the kernel then delivers it where it would have.
 *  - A blocking call must end with EINTR (or restart) for a handler that ran after the call looked and before it slept. Handlers are counted, and
 *    sleep_call() checks the count and sleeps as one act: our handler moves a thread that it finds between the two out of it.
 *  - SIGSYS belongs to sigsys.c. The program's action for it is kept here, and it is taken out of every mask that the program sets.
 */
#include "shim/signal.h"
#include "shim/internal.h"
#include "shim/shim.h"
#include <ucontext.h>

#define SIGNALS 65
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

static struct action {
	_Atomic(void (*)(int)) handler;
	_Atomic unsigned long flags;
	_Atomic(void (*)(void)) restorer;
	_Atomic uint64_t mask;
	_Atomic bool known;
} actions[SIGNALS];

/* The unwinders know this code by its octets; the nop before it keeps them from taking it for a part of another function. */
__asm__(".text\n\tnop\n\t.globl shim_restorer\n\t.hidden shim_restorer\n\t.type shim_restorer,@function\n"
	"shim_restorer:\n\t.byte 0x48,0xc7,0xc0,0x0f,0,0,0\n\tsyscall\n\t.size shim_restorer,.-shim_restorer\n");
void shim_restorer(void) HIDDEN;

/* sleep_call(n, a … f, counter, seen): what lies between sleep_check and sleep_done has not slept yet. */
__asm__(".text\n\t.globl sleep_call\n\t.hidden sleep_call\n\t.type sleep_call,@function\n"
	"sleep_call:\n\t.cfi_startproc\n"
	"\tmov %rdi,%rax\n\tmov %rsi,%rdi\n\tmov %rdx,%rsi\n\tmov %rcx,%rdx\n\tmov %r8,%r10\n\tmov %r9,%r8\n"
	"\tmov 8(%rsp),%r9\n\tmov 16(%rsp),%r11\n"
	"sleep_check:\n\tmov 24(%rsp),%ecx\n\tcmp %ecx,(%r11)\n\tjne sleep_abort\n\tsyscall\n"
	"sleep_done:\n\tret\n"
	"sleep_abort:\n\tmov $-4,%rax\n\tret\n\t.cfi_endproc\n\t.size sleep_call,.-sleep_call\n");
extern const char sleep_check[] HIDDEN, sleep_done[] HIDDEN, sleep_abort[] HIDDEN;
__asm__(".hidden sleep_check\n\t.hidden sleep_done\n\t.hidden sleep_abort\n\t.globl sleep_check\n\t.globl sleep_done\n\t.globl sleep_abort\n");

void sleep_leave(void *context)
{
	ucontext_t *uc = context;
	greg_t ip = uc->uc_mcontext.gregs[REG_RIP];
	if (ip >= (greg_t)sleep_check && ip < (greg_t)sleep_done) uc->uc_mcontext.gregs[REG_RIP] = (greg_t)sleep_abort;
	else uc->uc_mcontext.gregs[REG_RIP] = (greg_t)gate_leave((uint64_t)ip);
}

/* The kernel started us with everything blocked (action_install); the handler runs with what the program has asked for. */
static void mask_as_asked(int sig, const struct action *a, unsigned long flags, const ucontext_t *uc)
{
	uint64_t during;
	memcpy(&during, &uc->uc_sigmask, sizeof during);
	during |= atomic_load(&a->mask) | (flags & SA_NODEFER ? 0 : SIGNAL_BIT(sig));
	during &= ~SIGNAL_BIT(SIGSYS);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &during, NULL, KERNEL_MASK);
}

/* What the kernel has chosen us for; false: replaced since. */
static bool action_take(int sig, struct action *a, void (**ret_handler)(int), unsigned long *ret_flags)
{
	void (*handler)(int) = atomic_load(&a->handler);
	unsigned long flags = atomic_load(&a->flags);
	if (handler == SIG_DFL || handler == SIG_IGN) return false;
	if (flags & SA_RESETHAND) {   /* not the kernel's to do: it would do so when the signal is only put off */
		struct kernel_sigaction none = {SIG_DFL, SA_RESTORER, shim_restorer, 0};
		atomic_store(&a->handler, SIG_DFL);
		if (sig != SIGSYS) sys(SYS_rt_sigaction, sig, &none, NULL, KERNEL_MASK);
	}
	*ret_handler = handler;
	*ret_flags = flags;
	return true;
}

void signal_interrupts(int sig, void *context)
{
	atomic_fetch_add_explicit(&self.handled, 1, memory_order_relaxed);
	if (!(atomic_load(&actions[sig].flags) & SA_RESTART)) atomic_fetch_add_explicit(&self.interrupts, 1, memory_order_relaxed);
	sleep_leave(context);
}

static void action_run(int sig, siginfo_t *info, void *context)
{
	struct action *a = &actions[sig];
	void (*handler)(int);
	unsigned long flags;
	if (!action_take(sig, a, &handler, &flags)) return;
	if (sig == SIGCHLD && shim.active && !spawned()) rung_by_close();     /* what the child had open is closed */
	signal_interrupts(sig, context);
	mask_as_asked(sig, a, flags, context);
	void *guard = self.guard;   /* a fault in the handler is the program's; and it may never come back */
	self.guard = NULL;
	((void (*)(int, siginfo_t *, void *))(void (*)(void))handler)(sig, info, context);
	self.guard = guard;
}

/* SIGSEGV and SIGBUS come here even when the program has left them alone: then they do what they would have done. */
static bool action_default(int sig, const siginfo_t *info)
{
	if (sig != SIGSEGV && sig != SIGBUS) return false;
	void (*handler)(int) = atomic_load(&actions[sig].handler);
	if (handler != SIG_DFL && handler != SIG_IGN) return false;
	if (handler == SIG_IGN && info->si_code <= 0) return true;
	struct kernel_sigaction none = {SIG_DFL, SA_RESTORER, shim_restorer, 0};
	sys(SYS_rt_sigaction, sig, &none, NULL, KERNEL_MASK);
	if (info->si_code <= 0) sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), sig);
	return true;   /* the instruction runs again, and ends the program */
}

bool signal_take(int sig, const siginfo_t *info, struct kernel_sigaction *ret)
{
	struct action *a = &actions[sig];
	if (action_default(sig, info)) return false;
	ret->mask = atomic_load(&a->mask);
	return action_take(sig, a, &ret->handler, &ret->flags);
}

static void trampoline(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	if (fault_fix(sig, info, context) || action_default(sig, info)) return;
	if (self.depth == 0 || (SIGNAL_FAULTS & SIGNAL_BIT(sig)) || self.deferred) {
		action_run(sig, info, context);
		return;
	}
	self.deferred_info = *info;
	memcpy(&self.deferred_mask, &uc->uc_sigmask, sizeof self.deferred_mask);
	uint64_t all = ~SIGNAL_FAULTS;
	memcpy(&uc->uc_sigmask, &all, sizeof all);
	self.deferred = true;
}

/* Sandboxed programs may not send signals: then the handler is called as if it had just arrived. */
static void deliver_here(siginfo_t *info)
{
	ucontext_t uc;
	uint64_t after;
	memset(&uc, 0, sizeof uc);
	memcpy(&uc.uc_sigmask, &self.deferred_mask, sizeof self.deferred_mask);
	action_run(info->si_signo, info, &uc);
	memcpy(&after, &uc.uc_sigmask, sizeof after);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &after, NULL, KERNEL_MASK);
}

void critical_deliver(void)
{
	siginfo_t info = self.deferred_info;
	uint64_t mask = self.deferred_mask;
	self.deferred = false;
	if (shim.sandboxed || sys(SYS_rt_tgsigqueueinfo, sys(SYS_getpid), sys(SYS_gettid), info.si_signo, &info) != 0) deliver_here(&info);
	else sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, KERNEL_MASK);
}

void signal_forked(void)
{
	if (!self.deferred) return;
	self.deferred = false;   /* what waits for the parent is not the child's */
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &self.deferred_mask, NULL, KERNEL_MASK);
}

bool signal_forward(int sig, siginfo_t *info, void *context)
{
	if (!atomic_load(&actions[sig].known)) return false;
	void (*handler)(int) = atomic_load(&actions[sig].handler);
	if (handler == SIG_DFL) return false;
	action_run(sig, info, context);
	return true;
}

static void action_report(const struct action *a, struct kernel_sigaction *old)
{
	old->handler = atomic_load(&a->handler);
	old->flags = atomic_load(&a->flags);
	old->mask = atomic_load(&a->mask);
	old->restorer = atomic_load(&a->restorer);
}

static void action_keep(struct action *a, const struct kernel_sigaction *act)
{
	atomic_store(&a->mask, act->mask);
	atomic_store(&a->flags, act->flags);
	atomic_store(&a->restorer, act->restorer);
	atomic_store(&a->handler, act->handler);
	atomic_store(&a->known, true);
}

/* What stands in the kernel for the program's handlers, and how it returns. */
static void (*entry)(int, siginfo_t *, void *) = trampoline;
static void (*entry_restorer)(void) = shim_restorer;
static unsigned long entry_flags;

static bool always_ours(int sig) { return sig == SIGSEGV || sig == SIGBUS; }

/* Our handler stands in the kernel for any of the program's; SIG_DFL and SIG_IGN stand for themselves. */
static long action_install(int sig, const struct kernel_sigaction *act)
{
	struct kernel_sigaction k = {act->handler, act->flags | SA_RESTORER | entry_flags, entry_restorer, act->mask & ~SIGNAL_BIT(SIGSYS)};
	bool handled = act->handler != SIG_DFL && act->handler != SIG_IGN;
	if (!handled && !always_ours(sig)) return sys(SYS_rt_sigaction, sig, &k, NULL, KERNEL_MASK);
	if (!handled) k.flags = SA_ONSTACK | SA_NODEFER | SA_RESTORER;
	k.handler = (void (*)(int))(void (*)(void))entry;
	k.flags = (k.flags | SA_SIGINFO) & ~(unsigned long)SA_RESETHAND;
	/* Signals that arrive together would stand on top of each other before the first has been put off. */
	k.mask = ~SIGNAL_FAULTS;
	return sys(SYS_rt_sigaction, sig, &k, NULL, KERNEL_MASK);
}

long do_rt_sigaction(int sig, const struct kernel_sigaction *act, struct kernel_sigaction *old, size_t mask_size)
{
	if (!shim.active || mask_size != KERNEL_MASK || sig <= 0 || sig >= SIGNALS || sig == SIGKILL || sig == SIGSTOP || spawned())
		return sys(SYS_rt_sigaction, sig, act, old, mask_size);
	struct action *a = &actions[sig];
	struct kernel_sigaction wanted = {0}, before;
	long r = act ? user_get(wanted, act) : 0;
	if (r != 0) return r;
	if (atomic_load(&a->known)) action_report(a, &before);
	else if (sig == SIGSYS || always_ours(sig)) before = (struct kernel_sigaction){0};
	else r = sys(SYS_rt_sigaction, sig, NULL, &before, KERNEL_MASK);
	if (r == 0 && act) {
		bool handled = wanted.handler != SIG_DFL && wanted.handler != SIG_IGN;
		if (handled || sig == SIGSYS) action_keep(a, &wanted);
		if (sig != SIGSYS) r = action_install(sig, &wanted);
		if (r == 0 && !handled && sig != SIGSYS) action_keep(a, &wanted);
	}
	return r == 0 && old ? user_put(old, before) : r;
}

long libc_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct kernel_sigaction k, before;
	if (sig == 32 || sig == 33) return -EINVAL;   /* libc keeps these two for itself */
	if (act) {
		k = (struct kernel_sigaction){act->sa_handler, (unsigned long)act->sa_flags | SA_RESTORER, shim_restorer, 0};
		memcpy(&k.mask, &act->sa_mask, sizeof k.mask);
	}
	long r = do_rt_sigaction(sig, act ? &k : NULL, old ? &before : NULL, KERNEL_MASK);
	if (r != 0 || !old) return r;
	memset(&old->sa_mask, 0, sizeof old->sa_mask);
	memcpy(&old->sa_mask, &before.mask, sizeof before.mask);
	old->sa_handler = before.handler;
	old->sa_flags = (int)(before.flags & ~(unsigned long)SA_RESTORER);
	old->sa_restorer = before.restorer;
	return 0;
}

long do_rt_sigprocmask(int how, const uint64_t *set, uint64_t *old, size_t mask_size)
{
	if (!shim.active || !set || mask_size != KERNEL_MASK || how == SIG_UNBLOCK) return sys(SYS_rt_sigprocmask, how, set, old, mask_size);
	uint64_t without;
	if (user_get(without, set) != 0) return -EFAULT;
	without &= ~SIGNAL_BIT(SIGSYS);
	return sys(SYS_rt_sigprocmask, how, &without, old, mask_size);
}

/* libc's own two signals (cancellation, set*id in all threads) stay unblocked, as its sigprocmask sees to. */
long libc_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	uint64_t wanted = 0;
	if (set) memcpy(&wanted, set, sizeof wanted);
	if (how != SIG_UNBLOCK) wanted &= ~(SIGNAL_BIT(32) | SIGNAL_BIT(33));
	if (old) memset((char *)old + KERNEL_MASK, 0, sizeof *old - KERNEL_MASK);
	return do_rt_sigprocmask(how, set ? &wanted : NULL, (uint64_t *)old, KERNEL_MASK);
}

/* The program may have been started with one of the two ignored: that stays its action. */
void signal_start(void)
{
	static const int ours[] = {SIGSEGV, SIGBUS};
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		struct kernel_sigaction k;
		struct action *a = &actions[ours[i]];
		if (atomic_load(&a->known)) action_report(a, &k);
		else sys(SYS_rt_sigaction, ours[i], NULL, &k, KERNEL_MASK);
		action_keep(a, &k);
		action_install(ours[i], &k);
	}
}

void signal_entry_set(void (*to)(int, siginfo_t *, void *), void (*restorer)(void))
{
	entry = to;
	entry_restorer = restorer;
	entry_flags = SA_ONSTACK;
	signal_start();
}

uint64_t signal_mask(const void *mask)
{
	uint64_t m;
	memcpy(&m, mask, sizeof m);
	return m & ~SIGNAL_BIT(SIGSYS);
}

long do_rt_sigsuspend(const uint64_t *mask, size_t mask_size)
{
	uint64_t m;
	if (!shim.active || mask_size != KERNEL_MASK) return cancellable(sys_wait(SYS_rt_sigsuspend, mask, mask_size));
	if (user_get(m, mask) != 0) return -EFAULT;
	m = signal_mask(&m);
	return cancellable(sys_wait(SYS_rt_sigsuspend, &m, mask_size));
}
