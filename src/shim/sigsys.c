/*
 * The second net: a socket call that the program makes with a system-call instruction of its own arrives here as SIGSYS (the launcher's filter
 * marks it with GATE_RET_DATA; any other SIGSYS is the program's). The same handlers serve it by number, and so do calls of libc's syscall().
 * Code that makes its socket with a raw call will also read and poll it with raw calls, which nobody traps, and which would not work:
 * until the engine relays such sockets' octets over the anchor, the call is refused and reported.
 */
#include <stdio.h>
#include <sys/ucontext.h>
#include "shim/shim.h"
#include "shim/signal.h"
#include "shim/unix.h"

typedef long handler_fn(long, long, long, long, long, long);

#define X(name, params) [SYS_##name] = (handler_fn *)(void (*)(void))do_##name,
static handler_fn *const handlers[] = {HANDLERS(X)};
#undef X

static long socket_raw(long domain)
{
	char text[64];
	snprintf(text, sizeof text, "socket(%ld) by a raw system call", domain);
	refused(text, EAFNOSUPPORT);
	return -EAFNOSUPPORT;
}

static bool socket_family(long n) { return (n >= SYS_socket && n <= SYS_getsockopt) || n == SYS_accept4 || n == SYS_recvmmsg || n == SYS_sendmmsg; }

long dispatch(long n, const long a[6], bool raw)
{
	if (raw && n == SYS_socket) return a[0] == AF_UNIX ? kernel_socket((int)a[0], (int)a[1], (int)a[2]) : socket_raw(a[0]);
	handler_fn *h = n >= 0 && (size_t)n < ARRAY_SIZE(handlers) ? handlers[n] : NULL;
	if (h) return h(a[0], a[1], a[2], a[3], a[4], a[5]);
	if (socket_family(n)) return gate_call(n, a[0], a[1], a[2], a[3], a[4], a[5]);
	return cancellable(sys_wait(n, a[0], a[1], a[2], a[3], a[4], a[5]));
}

static void sigsys(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	if (uring_roused(info, context)) return;
	if (info->si_code != 1 /* SYS_SECCOMP */ || info->si_errno != GATE_RET_DATA) {
		if (!signal_forward(sig, info, context)) sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), SIGKILL);
		return;
	}
	int saved = errno;
	spares_forbid();
	long a[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
	process_look();
	r[REG_RAX] = dispatch(info->si_syscall, a, true);
	errno = saved;
}

void sigsys_install(void)
{
	struct kernel_sigaction k = {.flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | 0x04000000, .restorer = shim_restorer};
	uint64_t sigsys_bit = (uint64_t)1 << (SIGSYS - 1);
	k.handler = (void (*)(int))(void (*)(void))sigsys;
	sys(SYS_rt_sigaction, SIGSYS, &k, NULL, KERNEL_MASK);
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys_bit, NULL, KERNEL_MASK);
}
