/* What tells a program that another process has ended. */
#pragma once
#include "shim/shim.h"

void ended_told(void);                                          /* it has been told: peers of what that process had open have hung up by our next look */
bool ended_tells(int fd);                                       /* does fd, which has no kind for fstat, tell of ends? */
long ended_read(int fd, long r);                                /* r: what a read answered, or a poll of this one */
bool ended_polled(const struct pollfd *fds, nfds_t n);          /* has one of these told? */
long ended_selected(int n, const fd_set *in, long r);
