/*
 * The gate: one page at an address that the launcher's seccomp filter knows, holding a function that makes a system call. Socket calls issued
 * from anywhere else in the process become SIGSYS (sigsys.c), whichever library or inlined instruction they come from. Behind it stand a call that
 * a signal can keep from beginning, and the way back from a signal's handler, which foreign programs need (foreign/).
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

/* gate_wait(n, a … f, counter, seen): as sleep_call() of signal.c, but what has not slept answers NOT_BEGUN. Copied to the gate, so it refers to nothing. */
__asm__(".text\n"
	"gate_wait_code:\n"
	"\tmov %rdi,%rax\n\tmov %rsi,%rdi\n\tmov %rdx,%rsi\n\tmov %rcx,%rdx\n\tmov %r8,%r10\n\tmov %r9,%r8\n"
	"\tmov 8(%rsp),%r9\n\tmov 16(%rsp),%r11\n"
	"gate_wait_check:\n\tmov 24(%rsp),%ecx\n\tcmp %ecx,(%r11)\n\tjne gate_wait_abort\n\tsyscall\n"
	"gate_wait_done:\n\tret\n"
	"gate_wait_abort:\n\tmov $-512,%rax\n\tret\n"
	"gate_restorer_code:\n\t.byte 0x48,0xc7,0xc0,0x0f,0,0,0\n\tsyscall\n"
	"gate_code_end:\n");
extern const uint8_t gate_wait_code[] HIDDEN, gate_wait_check[] HIDDEN, gate_wait_done[] HIDDEN, gate_wait_abort[] HIDDEN;
extern const uint8_t gate_restorer_code[] HIDDEN, gate_code_end[] HIDDEN;
__asm__(".hidden gate_wait_code, gate_wait_check, gate_wait_done, gate_wait_abort, gate_restorer_code, gate_code_end\n"
	".globl gate_wait_code, gate_wait_check, gate_wait_done, gate_wait_abort, gate_restorer_code, gate_code_end\n");

#define NOT_BEGUN (-512)
#define GATE_WAIT_AT 64
#define IN_GATE(label) (GATE_ADDR + GATE_WAIT_AT + (uint64_t)((label) - gate_wait_code))

void (*gate_restorer(void))(void) { return (void (*)(void))IN_GATE(gate_restorer_code); }

uint64_t gate_leave(uint64_t ip) { return ip >= IN_GATE(gate_wait_check) && ip < IN_GATE(gate_wait_done) ? IN_GATE(gate_wait_abort) : ip; }

long gate_wait(long n, long a, long b, long c, long d, long e, long f)
{
	typedef long wait_fn(long n, long a, long b, long c, long d, long e, long f, _Atomic uint32_t *counter, uint32_t seen);
	long r = ((wait_fn *)IN_GATE(gate_wait_code))(n, a, b, c, d, e, f, &self.handled, self.entered);
	if (r != NOT_BEGUN) return r;
	self.restart = true;
	return -EINTR;
}

static long gate_inline(long n, long a, long b, long c, long d, long e, long f) { return sys_call(n, a, b, c, d, e, f); }

gate_fn *gate_call = gate_inline;

bool gate_open(void)
{
	long at = sys(SYS_mmap, GATE_ADDR, GATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (at != (long)GATE_ADDR) return false;
	memcpy((void *)GATE_ADDR, gate_code, sizeof gate_code);
	memcpy((void *)(GATE_ADDR + GATE_WAIT_AT), gate_wait_code, (size_t)(gate_code_end - gate_wait_code));
	if (sys(SYS_mprotect, GATE_ADDR, GATE_SIZE, PROT_READ | PROT_EXEC) != 0) return false;
	gate_call = (gate_fn *)GATE_ADDR;
	return true;
}

bool is_foreign(void) { return shim.foreign; }

bool cancel_may_come(void) { return !__libc_single_threaded && self.nocancel == 0 && !spawned(); }

int cancel_enter(void)
{
	int old = -1;
	if (!cancel_may_come()) return -1;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	return old;
}

void cancel_leave(int type)
{
	int old;
	if (type >= 0) pthread_setcanceltype(type, &old);
}
