/* What few files of the shim share. */
#pragma once
#include <elf.h>
#include "base/types.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)   /* of a socket's type */

struct sock;

void shim_start(int argc, char **argv, char **envp);
extern Elf64_auxv_t *auxiliary_vector;   /* as the kernel made it */
int table_start(void);
void table_forked(void);
int pin_start(void);
void table_closing(int fd);        /* a close begins: the descriptor is nobody's, and the socket is kept for the calls that are on it */
void table_closed(int fd);         /* it has ended, by success or not: unknown, if nobody has got the number since */
void pin_closing(int fd, uint32_t channel);
void pins_forked(void);
void spawn_begin(void);             /* a child runs in our memory, with descriptors of its own: see spawned() */
void spawn_end(void);
void sleeper_start(void);
void sleepers_forked(void);
bool pin_kept(uint32_t channel);   /* calls are on it, or its last one has just ended */
bool table_channel(int fd, struct sock *s);   /* what the table says, which may be out of date */
void keep_apart(int fd);            /* something is said of the open file: its anchor can serve no other socket */
long anchor_give(int fd, uint32_t channel, uint32_t generation, int flags);   /* an anchor becomes the program's descriptor. flags: TYPE_FLAGS */
void channel_flag(const struct sock *s, uint32_t flag, bool on);   /* CHF_* */
void rung_by_close(void);          /* a hang-up of ours may be on its way to the engine: synchrony covers it */
