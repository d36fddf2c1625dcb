/*
 * What the engine waits on: one epoll set. A watched descriptor belongs to an object of the engine's; waiting reports the objects, in batches.
 * The time to wait until is absolute, in nanoseconds of clock_now().
 */
#pragma once
#include <sys/epoll.h>
#include "base/types.h"

#define LOOP_BATCH 256
struct loop { int epfd; bool coarse; };   /* coarse: the kernel has no epoll_pwait2, milliseconds must do */

int loop_init(struct loop *l);                                            /* negative errno */
void loop_end(struct loop *l);
int loop_add(struct loop *l, int fd, uint32_t events, void *object);      /* negative errno */
void loop_remove(struct loop *l, int fd);
/* How many of ret[] are filled: sleeps until `until` (0: not at all, TIME_NEVER: for ever) when nothing is ready. A signal ends it with 0. */
int loop_wait(struct loop *l, struct epoll_event ret[LOOP_BATCH], time_ns until);
