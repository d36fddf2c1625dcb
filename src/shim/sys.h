/*
 * System calls as the kernel answers them: a result or a negative errno, libc not involved (its functions lead back to us). Calls of the socket
 * family must be issued from the gate (gate.h); all others are inline, so that a thread that is cancelled inside one can be unwound.
 */
#pragma once
#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include "base/types.h"

#define SYS_PAD(n, a, b, c, d, e, f, ...) (long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)
#define SYS_ARGS(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define sys(...) sys_call(SYS_ARGS(__VA_ARGS__))
#define gate(...) gate_call(SYS_ARGS(__VA_ARGS__))

static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}

typedef long gate_fn(long n, long a, long b, long c, long d, long e, long f);
extern gate_fn *gate_call;                 /* the gate's entry; an ordinary system call until gate_open() */
bool gate_open(void);                      /* maps the page; false: the address is taken */

/*
 * The same for calls that may sleep. In a foreign program (foreign/) a signal that has come since the program's call began keeps them from sleeping,
 * and the call is to be made anew.
 */
#define sys_wait(...) wait_call(sys_call, SYS_ARGS(__VA_ARGS__))
#define gate_sleep(...) wait_call(gate_call, SYS_ARGS(__VA_ARGS__))
#define wait_call(how, ...) (is_foreign() ? gate_wait(__VA_ARGS__) : how(__VA_ARGS__))
bool is_foreign(void);
long gate_wait(long n, long a, long b, long c, long d, long e, long f);
uint64_t gate_leave(uint64_t ip);          /* where a thread goes on that a signal found at ip */
void (*gate_restorer(void))(void);         /* sa_restorer, in the gate's page */

/*
 * Cancellation points, as libc makes them: while the call runs, and only then, a cancellation acts at once. Nothing of ours may be held.
 * `call` is evaluated in between.
 */
bool cancel_may_come(void);                /* is there a thread of libc's that somebody could cancel? */
int cancel_enter(void);
void cancel_leave(int type);
#define cancellable(call) \
	({ \
		int cancel_type = cancel_enter(); \
		long cancel_result = (call); \
		cancel_leave(cancel_type); \
		cancel_result; \
	})
