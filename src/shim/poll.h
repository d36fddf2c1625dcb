/* A polling call under way: its end, what interrupts it, the mask it sleeps with. */
#pragma once
#include "shim/shim.h"

struct poll { struct wait wait; const uint64_t *mask; uint64_t mask_copy; bool looked; };   /* looked: see look_again() */

bool poll_answers_now(const struct poll *p);
int timeout_of(const struct timespec *t, time_ns *ret);               /* 0, -EFAULT or -EINVAL */
bool poll_over(const struct poll *p);
int poll_begin(struct poll *p, time_ns timeout, const void *mask);    /* timeout 0: don't wait; TIME_NEVER. 0 or -EFAULT */
/* The time left, for the kernel; NULL: for ever. in_slices: nothing will wake us, so we look every few milliseconds. */
struct timespec *poll_left(const struct poll *p, bool in_slices, struct timespec *to);
