/* In and out: from the program to the shim, by SIGSYS and by signals, and back. */
#include <linux/audit.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include "shim/foreign/foreign.h"
#include "shim/signal.h"

#define SYS_USER_DISPATCH_CODE 2
#define SYSCALL_INSTRUCTION 2              /* octets */
#define HWCAP2_FSGSBASE 2
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003

static bool fs_by_instruction;

bool tls_start(void) { return fs_by_instruction = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE; }

uint64_t tls_get(void)
{
	uint64_t fs;
	if (fs_by_instruction) __asm__ volatile("rdfsbase %0" : "=r"(fs));
	else sys(SYS_arch_prctl, ARCH_GET_FS, &fs);
	return fs;
}

void tls_set(uint64_t fs)
{
	if (fs_by_instruction) __asm__ volatile("wrfsbase %0" : : "r"(fs) : "memory");
	else sys(SYS_arch_prctl, ARCH_SET_FS, fs);
}

/* A call that a signal has kept from beginning, or from going on, is made anew when the handler has run. */
__attribute__((noinline)) static void serve(struct foreign *t, ucontext_t *uc, long n, bool known)
{
	greg_t *r = uc->uc_mcontext.gregs;
	long a[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
	t->call = uc;
	t->opened = 0;
	self.restart = false;
	self.entered = atomic_load_explicit(&self.handled, memory_order_relaxed);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &uc->uc_sigmask, NULL, KERNEL_MASK);
	long result = known ? foreign_call(t, uc, n, a) : -ENOSYS;
	if (result == -EINTR && self.restart) r[REG_RIP] -= SYSCALL_INSTRUCTION;
	else r[REG_RAX] = result;
	foreign_mask_after(t, uc);
}

/* SIGSYS. Every signal is blocked until FS is ours; here nothing may be thread-local, as long as it isn't. */
static void dispatched(int sig, siginfo_t *info, void *context)
{
	struct foreign *t = foreign_here();
	if (info->si_code != SYS_USER_DISPATCH_CODE) {
		foreign_signal(sig, info, context);
		return;
	}
	t->selector = SELECTOR_ALLOW;
	t->program_tls = tls_get();
	tls_set(t->tls);
	serve(t, context, info->si_syscall, info->si_arch == AUDIT_ARCH_X86_64);
	tls_set(t->program_tls);
	t->selector = SELECTOR_BLOCK;
}

static bool in_call(const struct foreign *t, const ucontext_t *uc) { return (uc->uc_mcontext.gregs[REG_RSP] & ~(FOREIGN_STACK - 1)) == (uintptr_t)t; }

__attribute__((noinline)) static void arrived(struct foreign *t, int sig, siginfo_t *info, ucontext_t *uc)
{
	if (in_call(t, uc)) foreign_put_off(t, sig, info, uc);
	else foreign_deliver(t, sig, info, uc);
}

/* A thread of ours that serves a ring has no such stack, and no signals but its own faults and what ends its sleeps. */
static bool on_foreign_stack(void)
{
	stack_t now;
	return gate(SYS_sigaltstack, NULL, &now) == 0 && now.ss_flags & SS_ONSTACK;
}

void foreign_signal(int sig, siginfo_t *info, void *context)
{
	if (!on_foreign_stack()) {
		if (!(sig == SIGSYS && uring_roused(info, context)) && !fault_fix(sig, info, context)) abort();
		return;
	}
	struct foreign *t = foreign_here();
	uint8_t selector = t->selector;
	t->selector = SELECTOR_ALLOW;
	uint64_t fs = tls_get();
	tls_set(t->tls);
	arrived(t, sig, info, context);
	tls_set(fs);
	t->selector = selector;
}

/* The only range from which system calls are let through while the selector says "block" is the gate's page: the way back must be there. */
void foreign_enter_install(void)
{
	struct kernel_sigaction k = {.flags = SA_SIGINFO | SA_ONSTACK | 0x04000000, .restorer = gate_restorer(), .mask = ~SIGNAL_FAULTS};
	k.handler = (void (*)(int))(void (*)(void))dispatched;
	signal_entry_set(foreign_signal, gate_restorer());
	sys(SYS_rt_sigaction, SIGSYS, &k, NULL, KERNEL_MASK);
}

_Noreturn void foreign_resume(struct foreign *t, ucontext_t *uc)
{
	void (*restorer)(void) = gate_restorer();
	tls_set(t->program_tls);
	t->selector = SELECTOR_BLOCK;
	__asm__ volatile("mov %0, %%rsp\n\tjmp *%1" : : "r"(uc), "r"(restorer) : "memory");
	__builtin_unreachable();
}
