/*
 * Foreign programs: those that the shim cannot be preloaded into, because they are statically linked, have another C library, or make their system
 * calls themselves, as Go's do. The shim is their loader (load.c), and stands between them and the kernel as the kernel stands between it and
 * others: Syscall User Dispatch makes each system call of theirs a SIGSYS.
 *
 *     program ── system call ──► SIGSYS, on the thread's stack of ours ──► dispatch() by number ──► sigreturn, the result in the registers
 *                                │ FS is our libc's, the selector says "allow"
 *     signal  ── in program ───► a frame on the program's stack, as the kernel makes it (signals.c); sigreturn goes to the handler
 *             ── in a call ────► sent once more to the thread, blocked until the call's sigreturn: waits end with EINTR, or are begun anew
 *
 * So no code of the program's runs while a call of its own is under way, and what it sees of signals is what the kernel shows.
 */
#pragma once
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>
#include "shim/shim.h"

/* Of each thread, aligned to its size; its first page is struct foreign, the next one is not there. An exec has its lists on it. */
#define FOREIGN_STACK (4ul << 20)

enum selector { SELECTOR_ALLOW, SELECTOR_BLOCK };

struct foreign {
	volatile uint8_t selector;         /* the kernel reads it at each system call */
	uint64_t tls, program_tls;         /* FS: our libc's, and the program's while a call is under way */
	ucontext_t *call;                  /* the program as it made the call under way */
	stack_t alternate;                 /* the program's; the kernel knows ours */
	uint64_t opened, kept_mask;        /* signals that the call under way let in for its own time, and the mask from before */
	int *clear_tid;                    /* as set_tid_address says */
	long rseq[4];                      /* what the program has registered with it; [0] 0: nothing */
	ucontext_t *first;                 /* how a new thread begins */
	jmp_buf end;
};

/* On that stack only. */
static inline struct foreign *foreign_here(void) { return (struct foreign *)((uintptr_t)__builtin_frame_address(0) & ~(FOREIGN_STACK - 1)); }

bool tls_start(void);                                     /* how FS is read and written here */
uint64_t tls_get(void);
void tls_set(uint64_t fs);

void foreign_enter_install(void);                         /* SIGSYS and the program's signals (enter.c) */
void foreign_signal(int sig, siginfo_t *info, void *context);
_Noreturn void foreign_resume(struct foreign *t, ucontext_t *uc);   /* goes to the program as it stands there; uc is on t's stack */
long foreign_call(struct foreign *t, ucontext_t *uc, long n, const long a[6]);

struct foreign *foreign_new(void);                        /* threads.c; NULL: no memory */
int foreign_begin(struct foreign *t);                     /* this thread is t from now on: 0 or -errno */
long foreign_clone(struct foreign *t, ucontext_t *uc, const long a[6]);
long foreign_fork(struct foreign *t, ucontext_t *uc);
_Noreturn void foreign_exit(struct foreign *t, int status);
long foreign_rseq(struct foreign *t, ucontext_t *uc, const long a[6]);
void foreign_robust_end(void);                            /* robust.c */

size_t foreign_frame_size(const ucontext_t *uc);          /* signals.c: octets of the floating-point state */
void foreign_deliver(struct foreign *t, int sig, siginfo_t *info, ucontext_t *uc);      /* to the program's handler */
void foreign_put_off(struct foreign *t, int sig, siginfo_t *info, ucontext_t *uc);
void foreign_mask_after(struct foreign *t, ucontext_t *uc);
long foreign_sigprocmask(ucontext_t *uc, const long a[6]);
long foreign_sigaltstack(struct foreign *t, const ucontext_t *uc, const long a[6]);

extern char foreign_path[];                               /* what /proc/self/exe leads to (load.c) */
extern int foreign_open;                                  /* … and what leads there, where no path does; -1 */
