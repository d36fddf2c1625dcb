/*
 * Memory of the program's that isn't there. The kernel answers EFAULT for it, and so do we, without looking at each pointer first: the accesses are
 * made in two ways that the handler for SIGSEGV and SIGBUS knows, and it moves a thread that faulted in one of them to its error exit.
 *
 *     user_copy()   moves a few octets: a length, a name, a struct
 *     guarded()     runs a function (the copying in and out of rings, under a lock); a fault anywhere in it ends it, and the caller unlocks
 *
 * So both signals always have our handler in the kernel; the program's own actions for them are obeyed from there (signal.c).
 */
#include "shim/fault.h"
#include <ucontext.h>
#include "shim/shim.h"

__asm__(".text\n\t.globl user_copy\n\t.hidden user_copy\n\t.type user_copy,@function\n"
	"user_copy:\n\t.cfi_startproc\n\tmov %rdx,%rcx\n"
	"user_copy_move:\n\trep movsb\n"
	"user_copy_done:\n\txor %eax,%eax\n\tret\n"
	"user_copy_fault:\n\tmov $-14,%eax\n\tret\n\t.cfi_endproc\n\t.size user_copy,.-user_copy\n");
extern const char user_copy_move[] HIDDEN, user_copy_done[] HIDDEN, user_copy_fault[] HIDDEN;
__asm__(".globl user_copy_move, user_copy_done, user_copy_fault\n\t.hidden user_copy_move, user_copy_done, user_copy_fault\n");

/* guarded_call(fn, arg, slot): *slot is the stack to come back to, and keeps the outer guard's meanwhile. */
__asm__(".text\n\t.globl guarded_call\n\t.hidden guarded_call\n\t.type guarded_call,@function\n"
	"guarded_call:\n"
	"\tpush %rbp\n\tpush %rbx\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n"
	"\tpush (%rdx)\n\tpush %rdx\n\tsub $8,%rsp\n\tmov %rsp,(%rdx)\n"
	"\tmov %rdi,%rax\n\tmov %rsi,%rdi\n\tcall *%rax\n"
	"guard_leave:\n\tadd $8,%rsp\n\tpop %rdx\n\tpop (%rdx)\n"
	"\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbx\n\tpop %rbp\n\tret\n"
	"guard_fault:\n\tmov $-14,%rax\n\tjmp guard_leave\n\t.size guarded_call,.-guarded_call\n");
extern const char guard_fault[] HIDDEN;
__asm__(".globl guard_fault\n\t.hidden guard_fault\n");
long guarded_call(long (*fn)(void *), void *arg, void **slot) HIDDEN;

long guarded(long (*fn)(void *), void *arg) { return guarded_call(fn, arg, &self.guard); }

struct stretch { char *at; size_t n; };

static long write_ends(void *arg)
{
	const struct stretch *s = arg;
	__asm__ volatile("lock orb $0, %0" : "+m"(s->at[0]));
	__asm__ volatile("lock orb $0, %0" : "+m"(s->at[s->n - 1]));
	return 0;
}

bool user_writable(const void *at, size_t n)
{
	struct stretch s = {(char *)at, n};
	return n == 0 || guarded(write_ends, &s) == 0;
}

bool fault_fix(int sig, const siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	if ((sig != SIGSEGV && sig != SIGBUS) || info->si_code <= 0) return false;
	if (r[REG_RIP] >= (greg_t)user_copy_move && r[REG_RIP] < (greg_t)user_copy_done) {
		r[REG_RIP] = (greg_t)user_copy_fault;
		return true;
	}
	if (!self.guard) return false;
	r[REG_RSP] = (greg_t)self.guard;
	r[REG_RIP] = (greg_t)guard_fault;
	return true;
}
