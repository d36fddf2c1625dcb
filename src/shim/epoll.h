/* The inside of an epoll instance, for epoll.c (members), epoll_wait.c (looking, sleeping) and epoll_nest.c (epolls in epolls). */
#pragma once
#include "shim/poll.h"

/*
 * generation 0: a free slot. next: of the same channel, or free. off: one-shot, and fired. edge: its channel was rung, or it was changed, since
 * it was looked at last.
 */
struct member { int fd; uint32_t index, generation, events, next; epoll_data_t data; bool off, edge; };

struct instance {
	struct lock lock;
	_Atomic uint32_t refs;                     /* descriptors */
	bool used;
	int kick;                                  /* eventfd for those who sleep while no virtual member gives the instance a bell; 0: none */
	uint32_t bell, members, free, top, room;   /* member slots: in use, first free one, ever used, there are */
	_Atomic uint32_t kernel_members;           /* never too low */
	_Atomic uint32_t sleepers;
	uint32_t turn;                             /* the channel to look at first, so that all get theirs */
	struct member *slot;                       /* from 1 */
	struct bell *own;                          /* its bits only: channels to look at (again) whoever rang */
	uint32_t *of_channel;                      /* first member, by channel; 0: none */
	uint32_t *watched;                         /* by channel: the generation that the bell watches, if only since a member that went */
	_Atomic bool kernel_owed;                  /* the last report had no room left for the kernel's members */
	_Atomic bool kernel_ready;                 /* a sleeper has seen that the kernel's members are */
	struct nest *nest;                         /* epoll descriptors in the set; NULL: none yet */
};

struct instance *instance_of(int fd);              /* NULL: not an epoll descriptor that we know */
struct instance *instance_hold(int fd);            /* the same, for a call on it; instance_release() ends that */
void instance_release(struct instance *e);
void instance_lock(struct instance *e);
void instance_unlock(struct instance *e);
int instance_bell(struct instance *e);             /* 0, or -ENOMEM: there is a bell, and it watches all members */
int instance_kick(struct instance *e);             /* the same for the eventfd */
void instance_wake(struct instance *e);            /* something to look at is there for those who sleep */
int instance_watch(struct instance *e, const struct sock *s);      /* the channel's bit is set when it returns */
void instance_unwatch(struct instance *e, uint32_t channel);       /* nobody wants its bit any more */
void member_free(struct instance *e, uint32_t *link);

bool instance_ready(struct instance *e);           /* would one be reported? Nothing is taken */

#define NEST_MAX 64
/*
 * fd: + 1; 0: a free place. Edge-triggered: scout is a hidden epoll descriptor that tells of edges among the kernel's members of the inner one, and seen
 * where the inner one's bell stood at the last report.
 */
struct nested { int fd, scout; uint32_t instance, events, seen; epoll_data_t data; bool off; };
struct nest { struct nested at[NEST_MAX]; };

long nest_control(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev);
int nest_look(struct instance *e, struct epoll_event *to, int max);     /* reports what is ready */
bool nest_ready(struct instance *e);
int nest_poll(struct instance *e, struct pollfd *to, int max);          /* descriptors to sleep on; they are armed */
void nest_free(struct instance *e);
