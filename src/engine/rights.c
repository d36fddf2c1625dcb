/*
 * Descriptors in flight over Unix sockets: the engine holds them until they are received, or the message that carries them is dropped. Message and
 * rights part by references, as a peek leaves the message where it is. They are on their sender's account, and there may be only so many, as Linux
 * has it for a user.
 */
#include <errno.h>
#include <stdlib.h>
#include "engine/private.h"
#include "host/message.h"

struct rights { struct sock_rights base; struct engine *e; struct account *account; int n, fds[]; };

static void rights_free(struct sock_rights *base)
{
	struct rights *r = container_of(base, struct rights, base);
	account_move(r->e, r->account, NULL, STOCK_FDS, (uint32_t)r->n);
	message_close(r->fds, r->n);
	free(r);
}

int rights_take(struct call *k, struct sock_rights **ret)
{
	uint32_t n = (uint32_t)k->n_in_fds;
	*ret = NULL;
	if (n == 0) return 0;
	if (!account_may(k->e, k->c->account, STOCK_FDS, n)) return -ETOOMANYREFS;
	struct rights *r = malloc(sizeof *r + sizeof *r->fds * n);
	if (!r) return -ENOMEM;
	*r = (struct rights){.base = {1, rights_free}, .e = k->e, .account = k->c->account, .n = k->n_in_fds};
	account_move(k->e, NULL, r->account, STOCK_FDS, n);
	for (int i = 0; i < r->n; i++) {
		r->fds[i] = k->in_fds[i];
		k->in_fds[i] = -1;
	}
	*ret = &r->base;
	return 0;
}

void rights_give(struct call *k, struct sock_rights *base)
{
	if (!base) return;
	struct rights *r = container_of(base, struct rights, base);
	for (int i = 0; i < r->n; i++) call_pass(k, r->fds[i], false);
	k->rights = base;
}
