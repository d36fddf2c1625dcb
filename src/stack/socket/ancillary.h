/* Control messages in Linux's layout: written to a receiver, read from a sender. */
#pragma once
#include "stack/socket/sock.h"

/* A receiver's control buffer while it fills up. */
struct cmsg_out { uint8_t *buf; size_t cap, len; bool truncated; };

struct cmsg_out cmsg_out_begin(const struct sock_msg *m);
/* Appends one message. What does not fit is cut and remembered, as Linux's put_cmsg does. */
void cmsg_put(struct cmsg_out *o, int level, int type, const void *data, size_t len);
void cmsg_put_int(struct cmsg_out *o, int level, int type, int value);
/* Leaves the length in m->control_len and MSG_CTRUNC in m->flags. */
void cmsg_out_end(const struct cmsg_out *o, struct sock_msg *m);
/* What SO_TIMESTAMP and SO_TIMESTAMPNS ask for about a message that came in at `when`. */
/* SO_TIMESTAMPING's own of what is sent: to the error queue, by software. */
void cmsg_put_stamp_of_sent(struct cmsg_out *o, const struct sock *sk, time_ns when);
void cmsg_put_timestamp(struct cmsg_out *o, const struct sock *sk, time_ns when);

/* One control message of a sender. */
struct cmsg_in { int level, type; const uint8_t *data; size_t len; };
/* The next one: *offset starts at 0 and moves on. 1, 0 at the end, -EINVAL for a header that can't be. */
int cmsg_next(const struct sock_msg *m, size_t *offset, struct cmsg_in *ret);
