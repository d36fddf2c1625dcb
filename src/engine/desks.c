/*
 * Control calls that lie on desks (channel/desk.h): whose each is, and which are asked from. A desk comes back when its client has hung up and so uses it
 * no more; one whose client we ended ourselves does not, for that program may still write there.
 */
#include <limits.h>
#include "channel/desk.h"
#include "engine/private.h"
#include "host/futex.h"

static void answered(struct engine *e, uint32_t desk, bool armed)
{
	if (armed) futex_wake(&arena_desk(e->arena, desk)->answered, INT_MAX);
}

void desk_open(struct engine *e, struct client *c)
{
	for (uint32_t i = 1; i < DESK_MAX; i++) {
		if (e->desks[i] || e->desks_lost[i / 64] >> i % 64 & 1) continue;
		e->desks[i] = c;
		c->desk = i;
		e->asks[i / 64] &= ~((uint64_t)1 << i % 64);
		desk_give(e->arena, i, c->id);
		if (shared_get32(&e->arena->desks_used) < i) shared_set32(&e->arena->desks_used, i);
		return;
	}
}

void desk_close(struct engine *e, struct client *c)
{
	if (c->desk == 0) return;
	e->desks[c->desk] = NULL;
	if (c->violated) e->desks_lost[c->desk / 64] |= (uint64_t)1 << c->desk % 64;
	answered(e, c->desk, desk_end(e->arena, c->desk));
}

bool desks_gather(struct engine *e)
{
	bool any = false;
	for (uint32_t w = 0; w < ARRAY_SIZE(e->asks); w++) {
		e->asks[w] |= desks_take(e->arena, w);
		any |= e->asks[w] != 0;
	}
	return any;
}

static void desk_serve(struct engine *e, struct client *c)
{
	size_t n = desk_copy(e->arena, c->desk, e->in, sizeof(struct rpc_request) + RPC_IN_MAX);
	if (rpc_check((const struct rpc_request *)e->in, n) < 0) client_end(e, c, "a control call that can't be");
	else call_serve(e, c, NULL, 0, true);
}

void desks_serve(struct engine *e)
{
	for (uint32_t w = 0; w < ARRAY_SIZE(e->asks); w++) {
		for (; e->asks[w] != 0; e->asks[w] &= e->asks[w] - 1) {
			struct client *c = e->desks[w * 64 + (uint32_t)__builtin_ctzll(e->asks[w])];
			if (c && !c->ended) desk_serve(e, c);
		}
	}
}

void desk_reply(struct call *k)
{
	answered(k->e, k->c->desk, desk_answer(k->e->arena, k->c->desk, &k->reply, sizeof k->reply, k->out, k->reply.out_len));
}

void desk_refer(struct call *k) { answered(k->e, k->c->desk, desk_answer(k->e->arena, k->c->desk, NULL, 0, NULL, 0)); }
