/*
 * AF_UNIX inside one stack. Read first: unix(7).
 *
 * A path is what the file system makes of it, which the core can't ask: the host resolves it, and hands in where it leads. Credentials and
 * descriptors in flight are the host's, too: the core carries them.
 */
#pragma once
#include "base/inode.h"
#include "stack/socket/sock.h"

/* The octets of a sockaddr_un with a path are followed by a struct inode, in every call that has one. */
int unix_new(struct stack *s);
void unix_free(struct stack *s);
/* Paths name the same sockets on both from now on; s has none yet. */
void unix_share_paths(struct stack *s, struct stack *with);
/* On whose behalf the next calls on sk are made. */
void unix_act_as(struct sock *sk, const struct ucred *who);
