/* What is played: each with its own files' worth of actors. */
#pragma once
#include "channel/arena.h"
#include "sim.h"

void play_stream(struct arena *arena, int preemptions, long max);
void play_messages(struct arena *arena, int preemptions, long max);
void play_accepts(struct arena *arena, int preemptions, long max);
void play_inbox(struct arena *arena, int preemptions, long max);
void play_letters(struct arena *arena, int preemptions, long max);
