/* signal.c for the other files of the shim. */
#pragma once
#include <signal.h>
#include "base/types.h"

#define SIGNAL_BIT(sig) ((uint64_t)1 << ((sig)-1))
/* Raised by an instruction: to hold them back would only run the instruction again. */
#define SIGNAL_FAULTS \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS))

struct kernel_sigaction;
void signal_entry_set(void (*entry)(int, siginfo_t *, void *), void (*restorer)(void));   /* in the kernel, for each of the program's handlers */
/* The program's handler, to be run now; false: there is none, and all is done. */
bool signal_take(int sig, const siginfo_t *info, struct kernel_sigaction *ret);
void signal_interrupts(int sig, void *context);                 /* calls that sleep end for it */
bool signal_forward(int sig, siginfo_t *info, void *context);   /* to the program's handler; false: it has none */
void sleep_leave(void *context);                                /* in a handler: a thread about to enter sleep_call()'s sleep does not */
void signal_forked(void);                                       /* in the child */
uint64_t signal_mask(const void *mask);                         /* as the kernel shall get it: never with SIGSYS */
void shim_restorer(void);
