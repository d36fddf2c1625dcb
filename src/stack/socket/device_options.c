/*
 * Options of SOL_SOCKET about devices, their queues and the kernel's memory. Nothing here has such a device, so they are kept as they are set, as Linux
 * keeps them over a device that does not obey either. Read first: socket(7).
 */
#include <errno.h>
#include <limits.h>
#include <time.h>
#include "stack/socket/option_rows.h"

enum { PREFER_BUSY_POLL = 69, BUSY_POLL_BUDGET = 70, RESERVE_MEM = 73, TXREHASH = 74, DEVMEM_DONTNEED = 80 };   /* names of newer headers */
#define TXTIME_FLAGS 3u         /* SOF_TXTIME_DEADLINE_MODE, SOF_TXTIME_REPORT_ERRORS */

/* SO_PREFER_BUSY_POLL and its kin: only more of it than now needs the capability, and now is none. */
static int set_busy_poll(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v > 0 && !sock_is_privileged(sk)) return -EPERM;
	return v < 0 ? -EINVAL : 0;
}

static int set_prefer_busy_poll(struct sock *sk, const void *val, socklen_t len)
{
	int r = set_busy_poll(sk, val, len);

	if (r == 0) sk->prefer_busy_poll = *(const int *)val != 0;
	return r;
}

/* In octets a second; as long as the value is wide. All ones: none. */
static int set_pacing_rate(struct sock *sk, const void *val, socklen_t len)
{
	uint64_t rate = 0;

	if (len < sizeof(uint32_t)) return -EINVAL;
	if (len == sizeof rate) {
		memcpy(&rate, val, sizeof rate);
	} else {
		memcpy(&rate, val, sizeof(uint32_t));
		if ((uint32_t)rate == UINT32_MAX) rate = UINT64_MAX;
	}
	sk->no_pacing_to = ~rate;
	return 0;
}

static int get_pacing_rate(struct sock *sk, void *val, socklen_t *len)
{
	uint64_t rate = ~sk->no_pacing_to;
	uint32_t narrow = (uint32_t)MIN(rate, UINT32_MAX);

	return *len >= sizeof rate ? opt_copy_out(val, len, &rate, sizeof rate) : opt_copy_out(val, len, &narrow, sizeof narrow);
}

/* struct sock_txtime: a clock and flags. Only a queueing discipline obeys the times, and none does here. */
static int set_txtime(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t v[2];

	if (len != sizeof v) return -EINVAL;
	memcpy(v, val, sizeof v);
	if (v[1] & ~TXTIME_FLAGS) return -EINVAL;
	if (v[0] != CLOCK_MONOTONIC && !sock_is_privileged(sk)) return -EPERM;
	if (v[0] != CLOCK_REALTIME && v[0] != CLOCK_MONOTONIC && v[0] != CLOCK_TAI) return -EINVAL;
	sk->txtime_on = true;
	sk->txtime_clock = (uint8_t)v[0];
	sk->txtime_flags = (uint8_t)v[1];
	return 0;
}

static int get_txtime(struct sock *sk, void *val, socklen_t *len)
{
	const uint32_t v[2] = {sk->txtime_clock, sk->txtime_flags};

	return opt_copy_out(val, len, v, sizeof v);
}

static bool is_inet_stream(const struct sock *sk) { return sk->type == SOCK_STREAM && sk->domain != AF_UNIX; }

/* Linux gives back pages that the program names by tokens; of those there are none. */
static int set_devmem_dontneed(struct sock *sk, const void *val, socklen_t len)
{
	(void)val;
	return !is_inet_stream(sk) ? -EBADF : len % 8 || len > 8 * 128 ? -EINVAL : 0;
}

static int set_reserve_mem(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)len;
	return *(const int *)val < 0 ? -EINVAL : -EOPNOTSUPP;
}

/* -1: as net.core.txrehash says, which is on. */
static int set_txrehash(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (!is_inet_stream(sk)) return -EOPNOTSUPP;
	if (*(const int *)val < -1 || *(const int *)val > 1) return -EINVAL;
	sk->no_txrehash = *(const int *)val == 0;
	return 0;
}

static int get_txrehash(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	if (!is_inet_stream(sk)) return -EOPNOTSUPP;
	*(int *)val = !sk->no_txrehash;
	return 0;
}

#define S(n) .level = SOL_SOCKET, .name = n, .text = #n
#define N(n, t) .level = SOL_SOCKET, .name = n, .text = t
#define FIELD(f) OPT_FIELD(struct sock, f)

const struct sockopt device_options[] = {
	{S(SO_INCOMING_CPU), .type = OPT_INT, BOTH, FIELD(incoming_cpu), .note = "kept: no processor of a host's takes packets in"},
	{S(SO_INCOMING_NAPI_ID), .type = OPT_INT, GET, .get = opt_get_zero, .note = "no device here is polled"},
	{S(SO_BUSY_POLL), .type = OPT_INT, BOTH, .min = 0, .max = INT_MAX, FIELD(busy_poll), .note = "kept: no device here is polled"},
	{N(PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL"), .type = OPT_BOOL, BOTH, FIELD(prefer_busy_poll), .set = set_prefer_busy_poll},
	{N(BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET"), .type = OPT_INT, SET, .set = set_busy_poll},
	{S(SO_CNX_ADVICE), .type = OPT_INT, SET, .set = opt_set_nothing, .note = "no route is kept that could be dropped"},
	{S(SO_WIFI_STATUS), .type = OPT_BOOL, BOTH, FIELD(wifi_status), .note = "no device here has it to tell"},
	{S(SO_NOFCS), .type = OPT_BOOL, BOTH, FIELD(nofcs), .note = "no device here has one to leave out"},
	{S(SO_MAX_PACING_RATE), .type = OPT_BLOB, BOTH, .get = get_pacing_rate, .set = set_pacing_rate},
	{S(SO_TXTIME), .type = OPT_BLOB, BOTH, .get = get_txtime, .set = set_txtime, .note = "no queue here waits for a time"},
	{N(RESERVE_MEM, "SO_RESERVE_MEM"), .type = OPT_INT, BOTH, .get = opt_get_zero, .set = set_reserve_mem,
	 .note = "no memory control group: EOPNOTSUPP"},
	{N(TXREHASH, "SO_TXREHASH"), .type = OPT_INT, BOTH, .get = get_txrehash, .set = set_txrehash, .note = "another flow label after a time-out"},
	{N(DEVMEM_DONTNEED, "SO_DEVMEM_DONTNEED"), .type = OPT_BLOB, .least = sizeof(int), SET, .set = set_devmem_dontneed,
	 .note = "there is no device memory to give back"},
	{.text = NULL},
};
