/* The states of a connection, and what becomes of one by one segment: what the matrix and the bad packets share. */
#pragma once
#include "oracle.h"

enum { STAGE_ESTABLISHED = 4, N_STAGES = 11 };
struct stage { const char *name; enum tcp_state state; void (*reach)(struct bench *b, struct tcb *t); };
extern const struct stage stages[N_STAGES];

const char *stage_name(enum tcp_state state);
void stage_note_sent(struct bench *b, struct tcb *t);                    /* takes what was sent: what the peer saw last */
const char *stage_check(struct bench *b, const struct verdict *v);       /* the one answer and the state: NULL, or what is wrong */
