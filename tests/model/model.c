/*
 * Every order in which the steps of programs and the engine can interleave: model [PREEMPTIONS [SCHEDULES_MAX]]. How the search goes is in sim.h; what
 * the actors do, and what must come of it, in stream.c, messages.c, inbox.c, letters.c and accepts.c.
 */
#include <sys/mman.h>
#include "plays.h"

int main(int argc, char **argv)
{
	long max = argc > 2 ? atol(argv[2]) : 1000000;
	int preemptions = argc > 1 ? atoi(argv[1]) : 2;
	struct arena *arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED) return 1;
	play_stream(arena, preemptions, max);
	play_messages(arena, preemptions, max);
	play_inbox(arena, preemptions, max);
	play_letters(arena, preemptions, max);
	play_accepts(arena, preemptions, max);
	return 0;
}
