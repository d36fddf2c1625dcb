/*
 * The search through schedules. Actors, real functions of the channel, run as threads of one process that give way before each access to shared memory. Left
 * alone, one runs until it sleeps or ends, and then the next in line; the search goes depth first through all schedules with at most so many deviations
 * from that (one less with a kill).
 */
#pragma once
#include <stdlib.h>
#include "base/types.h"

#define ACTORS 5

struct play {
	const char *const *names;              /* of the actors */
	void (*const *bodies)(void);
	bool (*may_run)(int actor);            /* besides that it has not ended and does not sleep */
	void (*start)(void), (*check)(void);   /* of one schedule */
	void (*killed)(void);                  /* the victim is dead: whoever sees hang-ups is told */
};

extern struct sim {
	const struct play *play;
	int current;
	int victim, kill_at, step;             /* the step at which that one is killed; 0: never */
	bool running;
	const void *skip_from, *skip_to;       /* memory of which no access counts */
} sim;

__attribute__((noreturn)) void die(const char *what);
bool has_ended(int actor);
void model_step(const volatile void *word);
void sleep_on(_Atomic uint32_t *word, uint32_t seen);
void wake_all(_Atomic uint32_t *word);
void wake_actor(int actor, const _Atomic uint32_t *word);      /* that sleeps on it, with no step of its own */
long futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout);
void search(const struct play *play, const char *name, int victim, int preemptions, long max);   /* with no kill, and with one at each of the victim's steps */
