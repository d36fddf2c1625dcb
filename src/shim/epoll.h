/*
 * The inside of epoll:
 *
 *     epoll.c       epoll_create and epoll_ctl: members come, change and go
 *     epoll_set.c   which set an epoll descriptor leads to, and who holds it
 *     epoll_look.c  what is ready among the virtual members
 *     epoll_nest.c  epoll files in the set of another
 *     epoll_wait.c  look, sleep, look again
 */
#pragma once
#include "channel/epoll_set.h"
#include "shim/poll.h"

/* This process's view of an epoll file that it has open. */
struct instance {
	_Atomic uint32_t refs;                     /* descriptors, and calls under way */
	_Atomic uint32_t client;                   /* as whom the engine knows that we use the set: another one after a fork */
	uint32_t bell, generation;                 /* the bell's number, which is the set's, and its generation */
	struct epoll_set *set;
	struct scout *scouts;                      /* epoll_nest.c; NULL: none yet */
};

struct instance *instance_of(int fd);              /* NULL: not an epoll descriptor that we know */
struct instance *instance_hold(int fd);            /* the same, for a call on it; instance_release() ends that */
void instance_release(struct instance *e);
struct instance *instance_inner(uint32_t bell, uint32_t generation);   /* open in this process or in another; NULL: closed everywhere */
void instance_lock(struct instance *e);
void instance_unlock(struct instance *e);
void instance_wake(struct instance *e);            /* something to look at is there for those who sleep */
int instance_watch(struct instance *e, const struct sock *s);      /* who adds it looks at it himself */
void instance_unwatch(struct instance *e, uint32_t channel);       /* nobody wants its bit any more */
static inline struct bell *instance_bell(const struct instance *e) { return arena_bell(shim.arena, e->bell); }

void member_free(struct epoll_set *s, _Atomic uint32_t *link);
void instance_note(struct instance *e, uint32_t channel);  /* a member of it was added or changed, and may be ready; the lock is held */

void instance_forget(struct instance *e, uint32_t channel);   /* a member of it has gone; the lock is held */
bool instance_stirs(const struct instance *e);     /* is there anything to look at? */
int instance_look(struct instance *e, struct epoll_event *to, int max);   /* takes what the virtual members have to report */
bool instance_is_plain(const struct instance *e);   /* nothing virtual is in the set, nor can be before the program's next call */
bool instance_shows(struct instance *e);           /* for those who poll the epoll descriptor, and may go to sleep on its bell */

long nest_control(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev);
int nest_look(struct instance *e, struct epoll_event *to, int max);     /* reports what is ready */
bool nest_ready(struct instance *e);
int nest_poll(struct instance *e, struct pollfd *to, int max);          /* descriptors to sleep on; they are armed */
void nest_free(struct instance *e);
