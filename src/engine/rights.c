/*
 * Descriptors in flight over Unix sockets: the engine holds them until they are received, or the message that carries them is dropped. Message and
 * rights part by references, as a peek leaves the message where it is: then duplicates are handed out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/message.h"

struct rights { struct sock_rights base; int n, fds[]; };

static void rights_free(struct sock_rights *base)
{
	struct rights *r = container_of(base, struct rights, base);
	message_close(r->fds, r->n);
	free(r);
}

struct sock_rights *rights_take(struct call *k)
{
	struct rights *r = k->n_in_fds > 0 ? malloc(sizeof *r + sizeof *r->fds * (size_t)k->n_in_fds) : NULL;
	if (!r) return NULL;
	r->base = (struct sock_rights){1, rights_free};
	r->n = k->n_in_fds;
	for (int i = 0; i < r->n; i++) {
		r->fds[i] = k->in_fds[i];
		k->in_fds[i] = -1;
	}
	return &r->base;
}

void rights_give(struct call *k, struct sock_rights *base)
{
	if (!base) return;
	struct rights *r = container_of(base, struct rights, base);
	for (int i = 0; i < r->n; i++) {
		int fd = fcntl(r->fds[i], F_DUPFD_CLOEXEC, 3);
		if (fd >= 0) call_pass(k, fd, true);
	}
	sock_rights_unref(base);
}
