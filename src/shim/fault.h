/* Access to memory that the program named: fault.c. */
#pragma once
#include <signal.h>
#include "base/types.h"

int user_copy(void *to, const void *from, size_t n);   /* 0 or -EFAULT */
long guarded(long (*fn)(void *), void *arg);           /* fn's result, or -EFAULT */
bool fault_fix(int sig, const siginfo_t *info, void *context);
/* Can the first and the last octets be read? For arrays that are then walked freely. */
static inline bool user_there(const void *at, size_t n)
{
	char c;
	return n == 0 || (user_copy(&c, at, 1) == 0 && user_copy(&c, (const char *)at + n - 1, 1) == 0);
}
bool user_writable(const void *at, size_t n);          /* the same of writing: what stands there stays */
#define user_get(var, from) user_copy(&(var), (from), sizeof(var))
#define user_put(to, var) user_copy((to), &(var), sizeof(var))
