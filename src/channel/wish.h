/*
 * Options that a program sets without waiting: those of which it is plain before that they will be taken. The values are left in a word of the socket's, and
 * the engine takes them in its next turn, before any call that was made after: so nobody can see that they were not there at once. Programs set
 * several of these on each connection.
 *
 *     word    bit of a row: there is a value for it │ … │ the rows' values, in places of their own
 */
#pragma once
#include "channel/arena.h"

#define WISHES 5u

/* The row for this option with this value; -1: it takes a control call. */
int wish_find(int level, int name, int value);
/* The program's side, of a TCP socket. true: the engine sleeps, and is to be woken. */
bool wish_leave(struct arena *a, uint32_t channel, int wish, int value);

/* ---- the engine's side ---- */

bool wishes_any(struct arena *a);
uint32_t wishes_next(struct arena *a, uint32_t from);                     /* the next channel >= from that has some; 0: none left */
void wishes_find_lost(struct arena *a);                                   /* those of clients that were killed over it */
uint64_t wishes_take(struct arena *a, uint32_t channel);                  /* the word; it is empty now */
void wishes_forget(struct arena *a, uint32_t channel);                    /* of the socket that was there before. Where none are, no memory is touched */
bool wish_read(uint64_t word, uint32_t wish, int *ret_level, int *ret_name, int *ret_value);   /* false: there is none of this row in it */
