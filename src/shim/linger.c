/*
 * SO_LINGER with a time: close waits until what was written, and the FIN behind it, has been acknowledged, or the time is over, whatever O_NONBLOCK
 * says. Only the last close does so, and only when all that came has been read: otherwise the end is a reset, which waits for nothing.
 *
 * The engine parks no calls, so it is asked again and again: soon at first, then every 16 ms.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>
#include "shim/shim.h"

#define FIRST_NS (NS_PER_MS / 2)
#define SLICE_MAX_NS (16 * NS_PER_MS)

static bool lingers(const struct sock *s)
{
	if (s->c->type != SOCK_STREAM || atomic_load(&s->c->linger_s) <= 0 || table_refs(s->index) > 1) return false;
	return !(shared_get32(&s->c->flags) & CHF_SHARED) && chan_rx_used(shim.arena, s->c) == 0;
}

static bool unsent(const struct sock *s)
{
	int n = 0;
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {SIOCOUTQ}, .in = {{&n, sizeof n}}, .out = &n, .out_cap = sizeof n};
	return control(&c) == 0 && n > 0;
}

void linger(const struct sock *s)
{
	struct wait w;
	time_ns slice = FIRST_NS;
	if (!lingers(s) || control_simple(RPC_SHUTDOWN, s, SHUT_WR, 0, 0) != 0) return;
	wait_begin(&w, (int64_t)atomic_load(&s->c->linger_s) * 1000000);
	while (unsent(s) && now_ns() < w.deadline) {
		struct timespec t = {0, MIN(slice, w.deadline - now_ns())};
		if (sleep_call(SYS_ppoll, 0, 0, (long)&t, 0, KERNEL_MASK, 0, &self.handled, w.handled) == -EINTR) return;
		slice = MIN(2 * slice, SLICE_MAX_NS);
	}
}
