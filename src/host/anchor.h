/*
 * Anchors: the kernel descriptor behind a program's socket is one end of a pair whose other end the engine keeps. Its hang-up says that the last
 * reference to the program's end is gone, whichever way; its inode says which socket a descriptor is. Its owner and O_ASYNC are the kernel's to keep,
 * who sends the signals that were asked for when something arrives there.
 */
#pragma once
#include <sys/types.h>
#include "base/types.h"

/* SOCK_STREAM for streams, else SEQPACKET: a DGRAM pair gives no hang-up. Negative errno. */
int anchor_create(bool stream, int *ret_ours, int *ret_theirs, ino_t *ret_inode);
void anchor_signal(int ours, bool urgent);   /* SIGIO, or SIGURG. The program's side takes the octet away again */
bool anchor_room(int ours);                  /* SIGIO, with POLL_OUT, where the program's side has filled its buffer; false: it has not */
