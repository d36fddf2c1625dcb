/*
 * The gate: one page at an address that the launcher's seccomp filter knows, holding a function that makes a system call. Socket calls issued
 * from anywhere else in the process become SIGSYS (sigsys.c), whichever library or inlined instruction they come from.
 */
#include "shim/gate.h"
#include <errno.h>
#include <sys/mman.h>
#include "shim/shim.h"

/* long gate(n, a, b, c, d, e, f): as libc's syscall(), but negative errnos stay as they are. */
static const uint8_t gate_code[] = {
	0x48, 0x89, 0xf8,              /* mov %rdi,%rax */
	0x48, 0x89, 0xf7,              /* mov %rsi,%rdi */
	0x48, 0x89, 0xd6,              /* mov %rdx,%rsi */
	0x48, 0x89, 0xca,              /* mov %rcx,%rdx */
	0x4d, 0x89, 0xc2,              /* mov %r8,%r10 */
	0x4d, 0x89, 0xc8,              /* mov %r9,%r8 */
	0x4c, 0x8b, 0x4c, 0x24, 0x08,  /* mov 8(%rsp),%r9 */
	0x0f, 0x05,                    /* syscall */
	0xc3,                          /* ret */
};

static long gate_inline(long n, long a, long b, long c, long d, long e, long f) { return sys_call(n, a, b, c, d, e, f); }

gate_fn *gate_call = gate_inline;

bool gate_open(void)
{
	long at = sys(SYS_mmap, GATE_ADDR, GATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (at != (long)GATE_ADDR) return false;
	memcpy((void *)GATE_ADDR, gate_code, sizeof gate_code);
	if (sys(SYS_mprotect, GATE_ADDR, GATE_SIZE, PROT_READ | PROT_EXEC) != 0) return false;
	gate_call = (gate_fn *)GATE_ADDR;
	return true;
}

int cancel_enter(void)
{
	int old = -1;
	if (__libc_single_threaded || self.nocancel != 0 || spawned()) return -1;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	return old;
}

void cancel_leave(int type)
{
	int old;
	if (type >= 0) pthread_setcanceltype(type, &old);
}
