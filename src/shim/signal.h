/* signal.c for the other files of the shim. */
#pragma once
#include <signal.h>
#include "base/types.h"

bool signal_forward(int sig, siginfo_t *info, void *context);   /* to the program's handler; false: it has none */
void sleep_leave(void *context);                                /* in a handler: a thread about to enter sleep_call()'s sleep does not */
void signal_forked(void);                                       /* in the child */
uint64_t signal_mask(const void *mask);                         /* as the kernel shall get it: never with SIGSYS */
void shim_restorer(void);
