/* The engine's clocks. */
#include "host/clock.h"
#include <time.h>

static time_ns clock_read(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (time_ns)t.tv_sec * NS_PER_S + t.tv_nsec;
}

time_ns clock_now(void) { return clock_read(CLOCK_MONOTONIC); }
time_ns clock_real(void) { return clock_read(CLOCK_REALTIME); }
