/*
 * Signals of a foreign program. One that comes while the program runs is delivered as the kernel delivers it: the frame that the kernel made on our stack
 * is copied to the program's (or to the one that it named by sigaltstack), and our return goes to its handler, with the mask that it asked for.
 * One that comes during a call is sent again to the thread: it waits in the kernel until the call is over.
 */
#include "shim/foreign/foreign.h"
#include "shim/signal.h"

#define RED_ZONE 128
#define STACK_LEAST 2048           /* the kernel's MINSIGSTKSZ */
#define XSAVE_MAGIC 0x46505853u
#define XSAVE_MAGIC_AT 464
#define XSAVE_LEGACY 512

static uint64_t mask_get(const ucontext_t *uc)
{
	uint64_t m;
	memcpy(&m, &uc->uc_sigmask, sizeof m);
	return m;
}

static void mask_set(ucontext_t *uc, uint64_t m) { memcpy(&uc->uc_sigmask, &m, sizeof m); }

size_t foreign_frame_size(const ucontext_t *uc)
{
	uint32_t sw[2];
	if (!uc->uc_mcontext.fpregs) return 0;
	memcpy(sw, (const char *)uc->uc_mcontext.fpregs + XSAVE_MAGIC_AT, sizeof sw);
	return sw[0] == XSAVE_MAGIC ? sw[1] : XSAVE_LEGACY;
}

/* ---- where the program's handlers run ---- */

static bool on_alternate(const struct foreign *t, uint64_t sp)
{
	const stack_t *s = &t->alternate;
	return !(s->ss_flags & SS_DISABLE) && sp - (uintptr_t)s->ss_sp - 1 < s->ss_size;
}

static uint64_t stack_for(const struct foreign *t, const struct kernel_sigaction *act, uint64_t sp)
{
	if (!(act->flags & SA_ONSTACK) || t->alternate.ss_flags & SS_DISABLE || on_alternate(t, sp)) return sp - RED_ZONE;
	return (uintptr_t)t->alternate.ss_sp + t->alternate.ss_size;
}

/* The frame: | return address | ucontext | siginfo | … | floating point |. False: the stack isn't there. */
static bool frame_copy(uint64_t sp, const siginfo_t *info, const ucontext_t *uc, uint64_t *ret_frame)
{
	const char *from = (const char *)uc - sizeof(void *);
	size_t size = (size_t)((const char *)(info + 1) - from), fp_size = foreign_frame_size(uc);
	uint64_t fp = (sp - fp_size) & ~63ul, to = ((fp - size) & ~15ul) - sizeof(void *);
	ucontext_t *copy = (ucontext_t *)(to + sizeof(void *));
	uint64_t back = (uint64_t)gate_restorer();
	fpregset_t state = fp_size ? (fpregset_t)fp : NULL;
	if (user_copy((void *)to, from, size) != 0 || user_copy((void *)fp, uc->uc_mcontext.fpregs, fp_size) != 0) return false;
	if (user_copy((void *)to, &back, sizeof back) != 0 || user_copy(&copy->uc_mcontext.fpregs, &state, sizeof state) != 0) return false;
	*ret_frame = to;
	return true;
}

static void end_by(int sig)
{
	struct kernel_sigaction none = {SIG_DFL, 0x04000000, gate_restorer(), 0};
	uint64_t bit = SIGNAL_BIT(sig);
	sys(SYS_rt_sigaction, sig, &none, NULL, KERNEL_MASK);
	sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), sig);
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, KERNEL_MASK);
}

void foreign_deliver(struct foreign *t, int sig, siginfo_t *info, ucontext_t *uc)
{
	struct kernel_sigaction act = {0};
	greg_t *r = uc->uc_mcontext.gregs;
	uint64_t frame, during = mask_get(uc);
	if (!signal_take(sig, info, &act)) {
		if (sig == SIGSYS) end_by(sig);
		return;
	}
	if (t->opened & SIGNAL_BIT(sig)) mask_set(uc, t->kept_mask);
	t->opened &= ~SIGNAL_BIT(sig);
	if (!frame_copy(stack_for(t, &act, (uint64_t)r[REG_RSP]), info, uc, &frame)) {
		end_by(SIGSEGV);
		return;
	}
	during |= act.mask | (act.flags & SA_NODEFER ? 0 : SIGNAL_BIT(sig));
	mask_set(uc, during & ~SIGNAL_BIT(SIGSYS));
	r[REG_RIP] = (greg_t)act.handler;
	r[REG_RSP] = (greg_t)frame;
	r[REG_RDI] = sig;
	r[REG_RSI] = (greg_t)(frame + ((uintptr_t)info - (uintptr_t)uc) + sizeof(void *));
	r[REG_RDX] = (greg_t)(frame + sizeof(void *));
	r[REG_RAX] = 0;
	r[REG_EFL] &= ~0x400;                 /* the direction flag */
	uc->uc_mcontext.fpregs = NULL;        /* a handler starts with a fresh one */
}

/* ---- during a call ---- */

void foreign_put_off(struct foreign *t, int sig, siginfo_t *info, ucontext_t *uc)
{
	if (fault_fix(sig, info, uc)) return;
	if (SIGNAL_FAULTS & SIGNAL_BIT(sig) && info->si_code > 0) {
		end_by(sig);
		return;
	}
	t->opened |= mask_get(t->call) & SIGNAL_BIT(sig);
	signal_interrupts(sig, uc);
	mask_set(uc, ~SIGNAL_FAULTS);
	sys(SYS_rt_tgsigqueueinfo, sys(SYS_getpid), sys(SYS_gettid), sig, info);
}

/* What sigsuspend, ppoll and their like let in is handled with the mask from before still to come back, as in Linux. */
void foreign_mask_after(struct foreign *t, ucontext_t *uc)
{
	if (!t->opened) return;
	t->kept_mask = mask_get(uc);
	mask_set(uc, t->kept_mask & ~t->opened);
}

long foreign_sigprocmask(ucontext_t *uc, const long a[6])
{
	uint64_t now = mask_get(uc), set = 0;
	if (a[3] != KERNEL_MASK) return -EINVAL;
	if (a[1] && user_get(set, (uint64_t *)a[1]) != 0) return -EFAULT;
	if (a[1] && a[0] != SIG_BLOCK && a[0] != SIG_UNBLOCK && a[0] != SIG_SETMASK) return -EINVAL;
	if (a[1]) {
		uint64_t next = a[0] == SIG_BLOCK ? now | set : a[0] == SIG_UNBLOCK ? now & ~set : set;
		mask_set(uc, next & ~(SIGNAL_BIT(SIGSYS) | SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP)));
	}
	return a[2] ? user_put((uint64_t *)a[2], now) : 0;
}

/* SS_AUTODISARM is refused, as before Linux 4.7: a handler's return past us would not put it back. */
long foreign_sigaltstack(struct foreign *t, const ucontext_t *uc, const long a[6])
{
	stack_t now = t->alternate, next;
	bool used = on_alternate(t, (uint64_t)uc->uc_mcontext.gregs[REG_RSP]);
	if (a[0] && user_get(next, (stack_t *)a[0]) != 0) return -EFAULT;
	if (used) now.ss_flags |= SS_ONSTACK;
	if (a[0]) {
		if (used) return -EPERM;
		if (next.ss_flags != 0 && next.ss_flags != SS_DISABLE && next.ss_flags != SS_ONSTACK) return -EINVAL;
		if (next.ss_flags == SS_DISABLE) next = (stack_t){.ss_flags = SS_DISABLE};
		else if (next.ss_size < STACK_LEAST) return -ENOMEM;
		else next.ss_flags = 0;
		t->alternate = next;
	}
	return a[1] ? user_put((stack_t *)a[1], now) : 0;
}
