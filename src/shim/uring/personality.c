/*
 * Personalities: as whom a request is to be carried out. All that a thread of ours can take up for the time of a call is whose files it may open (fsuid,
 * fsgid), and that only if the process may; a request that would need more ends with -EPERM. Mostly nothing has changed since it was registered.
 */
#include <unistd.h>
#include "shim/uring/uring.h"

static struct personality now_as(void)
{
	return (struct personality){.uid = (uint32_t)sys(SYS_setfsuid, -1), .gid = (uint32_t)sys(SYS_setfsgid, -1)};   /* -1 sets nothing, and answers */
}

static struct personality *find(struct ring *g, uint16_t id)
{
	for (size_t i = 0; id != 0 && i < ARRAY_SIZE(g->personalities); i++)
		if (g->personalities[i].id == id) return &g->personalities[i];
	return NULL;
}

static uint16_t id_free(struct ring *g)
{
	do g->last_personality++;
	while (g->last_personality == 0 || find(g, g->last_personality));
	return g->last_personality;
}

long personality_add(struct ring *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(g->personalities); i++) {
		if (g->personalities[i].id != 0) continue;
		uint16_t id = id_free(g);
		g->personalities[i] = now_as();
		return g->personalities[i].id = id;
	}
	return -ENOMEM;
}

long personality_remove(struct ring *g, unsigned id)
{
	struct personality *p = id <= UINT16_MAX ? find(g, (uint16_t)id) : NULL;
	if (!p) return -EINVAL;
	p->id = 0;
	return 0;
}

int personality_of(struct request *r)
{
	const struct personality *p = find(r->ring, r->sqe.personality);
	if (p) r->as = *p;
	return p ? 0 : -EINVAL;
}

int personality_take_up(const struct request *r, struct personality *ret_before)
{
	*ret_before = now_as();
	if (r->as.uid == ret_before->uid && r->as.gid == ret_before->gid) return 0;
	sys(SYS_setfsgid, r->as.gid);
	sys(SYS_setfsuid, r->as.uid);
	struct personality now = now_as();
	if (now.uid == r->as.uid && now.gid == r->as.gid) return 0;
	personality_lay_down(ret_before);
	return -EPERM;
}

void personality_lay_down(const struct personality *before)
{
	sys(SYS_setfsuid, before->uid);
	sys(SYS_setfsgid, before->gid);
}
