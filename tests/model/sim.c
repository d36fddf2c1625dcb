/* See sim.h. */
#include "sim.h"
#include <linux/futex.h>
#include <stdio.h>
#include <ucontext.h>
#include "channel/atomic.h"

#define STACK_SIZE 65536
#define DEPTH_MAX 4000

struct actor { ucontext_t context; char stack[STACK_SIZE]; bool ended; _Atomic uint32_t *sleeps_on; };

/* One run of a schedule: which choices were made, and which others there were. */
struct choice { uint8_t taken, from; };

struct sim sim;
static struct {
	struct actor actor[ACTORS];
	ucontext_t scheduler;
	struct choice choices[DEPTH_MAX];
	int depth, replay, preemptions, limit;
	const char *name;
} run;

void die(const char *what)
{
	printf("model: %s: %s (kill of %s at %d; choices", run.name, what, sim.play->names[sim.victim], sim.kill_at);
	for (int i = 0; i < run.depth; i++)
		if (run.choices[i].from > 1) printf(" %d:%d/%d", i, run.choices[i].taken, run.choices[i].from);
	printf(")\n");
	for (int i = 0; i < ACTORS; i++)
		printf("  %s: %s\n", sim.play->names[i], run.actor[i].ended ? "ended" : run.actor[i].sleeps_on ? "sleeps" : "runs");
	exit(1);
}

bool has_ended(int actor) { return run.actor[actor].ended; }

static bool runnable(int i) { return !run.actor[i].ended && !run.actor[i].sleeps_on && sim.play->may_run(i); }

/* Who goes on: the one that runs, if he can, and the others as far as preemptions are left. */
static int choose(void)
{
	int list[ACTORS], n = 0;
	bool forced = sim.current < 0 || !runnable(sim.current);
	if (!forced) list[n++] = sim.current;
	for (int i = 1; i <= ACTORS; i++) {
		int other = (sim.current + i + ACTORS) % ACTORS;
		if (other != sim.current && runnable(other)) list[n++] = other;
	}
	if (n == 0) return -1;
	if (run.preemptions == run.limit) n = 1;
	if (run.depth == DEPTH_MAX) die("too many steps");
	struct choice *c = &run.choices[run.depth];
	if (run.depth >= run.replay) c->taken = 0;
	c->from = (uint8_t)n;
	run.depth++;
	if (c->taken != 0) run.preemptions++;
	return list[c->taken];
}

/* Who goes on is chosen anew: mostly the same one. Nobody: back to run_once(). */
static void give_way(void)
{
	ucontext_t *from = &run.actor[sim.current].context;
	int next = choose();
	if (next == sim.current) return;
	if (next >= 0) sim.current = next;
	swapcontext(from, next >= 0 ? &run.actor[next].context : &run.scheduler);
}

/* The hook: here somebody else may come in between. */
void model_step(const volatile void *word)
{
	if (!sim.running || (word >= sim.skip_from && word < sim.skip_to)) return;
	if (sim.current == sim.victim && ++sim.step == sim.kill_at) {
		run.actor[sim.victim].ended = true;
		sim.play->killed();
	}
	give_way();
}

/* ---- futexes ---- */

void sleep_on(_Atomic uint32_t *word, uint32_t seen)
{
	if (shared_get32(word) != seen) return;
	run.actor[sim.current].sleeps_on = word;
	give_way();
}

void wake_actor(int actor, const _Atomic uint32_t *word)
{
	if (run.actor[actor].sleeps_on == word) run.actor[actor].sleeps_on = NULL;
}

void wake_all(_Atomic uint32_t *word)
{
	model_step(word);
	for (int i = 0; i < ACTORS; i++) wake_actor(i, word);
}

long futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout)
{
	(void)timeout;
	if (op == FUTEX_WAIT) sleep_on(word, val);
	else wake_all(word);
	return 0;
}

/* ---- schedules ---- */

static void body(int i)
{
	sim.play->bodies[i]();
	run.actor[i].ended = true;
	give_way();
}

static void run_once(void)
{
	sim.play->start();
	run.depth = run.preemptions = sim.step = 0;
	sim.current = -1;
	for (int i = 0; i < ACTORS; i++) {
		struct actor *a = &run.actor[i];
		a->ended = false;
		a->sleeps_on = NULL;
		getcontext(&a->context);
		a->context.uc_stack.ss_sp = a->stack;
		a->context.uc_stack.ss_size = STACK_SIZE;
		a->context.uc_link = NULL;
		makecontext(&a->context, (void (*)(void))body, 1, i);
	}
	sim.running = true;
	sim.current = choose();
	swapcontext(&run.scheduler, &run.actor[sim.current].context);
	sim.running = false;
	sim.play->check();
}

/* The next schedule of the search; false when it is done. */
static bool next_schedule(void)
{
	while (run.depth > 0) {
		struct choice *c = &run.choices[run.depth - 1];
		if (++c->taken < c->from) {
			run.replay = run.depth;
			return true;
		}
		run.depth--;
	}
	return false;
}

void search(const struct play *play, const char *name, int victim, int preemptions, long max)
{
	long done = 0, whole = 0;
	int steps = 1;
	sim.play = play;
	sim.victim = victim;
	run.name = name;
	for (sim.kill_at = 0; sim.kill_at <= steps; sim.kill_at++) {
		long here = 0;
		run.replay = 0;
		run.limit = sim.kill_at == 0 ? preemptions : preemptions - 1;
		do run_once();
		while (++here < max && next_schedule());
		done += here;
		whole += here < max;
		if (sim.kill_at == 0) steps = sim.step;
	}
	printf("model: %s: %ld schedules, at most %d preemptions, the %s killed at each of %d steps; %ld of %d searches exhaustive\n",
	       name, done, preemptions, play->names[victim], steps, whole, steps + 1);
}
