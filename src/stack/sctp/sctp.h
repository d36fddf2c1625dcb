/* SCTP's face to the rest of the stack. The inside is in assoc.h. */
#pragma once
#include "stack/inet/inet.h"

int sctp_new(struct stack *s);       /* called by stack_new */
void sctp_free(struct stack *s);

bool sctp_is(const struct sock *sk);
/* Does a connect() of the program's go on? Then the next one says what came of it. */
bool sctp_is_connecting(const struct sock *sk);
/* What recv would say if nothing were there to be read and nothing could come: -ENOTCONN; -EAGAIN when something may. */
int sctp_nothing_to_read(struct sock *sk);
/* A one-to-many socket gives one of its associations a socket of its own. 0, -EINVAL */
int sctp_peel_off(struct sock *sk, int32_t assoc_id, struct sock **ret);
/* sctp_ops (socket/family.h) and sctp_proto (inet/inet.h) are defined here. */
