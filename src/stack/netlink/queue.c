/*
 * What waits to be read of a socket. It takes room as Linux counts it; what finds none is lost, unless its sender can wait. A socket that has lost
 * something gets nothing more until its program has read all there is, and so finds the gap where it is.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/netlink/private.h"

bool netlink_has_room(const struct netlink_sock *ns)
{
	return !ns->congested && (uint64_t)ns->queued + ns->sk.lent <= ns->sk.rcvbuf;
}

static int put(struct netlink_sock *ns, const struct nl_origin *from, const void *data, size_t len, bool dump)
{
	struct nl_datagram *d = malloc(sizeof *d + len);

	if (!d) return -ENOBUFS;
	d->len = (uint32_t)len;
	d->dump = dump;
	d->from = *from;
	memcpy(d->data, data, len);
	ns->queued += sock_charge(&ns->sk, d->len);
	if (dump) ns->sk.stack->netlink->dumped += len;
	list_append(&ns->queue, &d->node);
	sock_ready(&ns->sk);
	return 0;
}

int nl_queue_put(struct netlink_sock *ns, const struct nl_origin *from, const void *data, size_t len) { return put(ns, from, data, len, false); }

/* NETLINK_NO_ENOBUFS: the program does not want to know, and goes on getting what fits. */
void nl_queue_lost(struct netlink_sock *ns)
{
	ns->drops++;
	if (ns->no_enobufs || ns->congested) return;
	ns->congested = true;
	sock_set_error(&ns->sk, ENOBUFS);
}

void netlink_enqueue(struct netlink_sock *ns, const void *data, size_t len, bool dump)
{
	static const struct nl_origin stack;

	if ((!dump && !netlink_has_room(ns)) || put(ns, &stack, data, len, dump) < 0) nl_queue_lost(ns);
}

void nl_queue_wake(struct netlink_sock *ns)
{
	if (list_empty(&ns->queue) && ns->sk.lent == 0) ns->congested = false;
	for (struct list *l; netlink_has_room(ns) && (l = list_pop(&ns->waiting));) sock_ready(&list_entry(l, struct netlink_sock, of_waited)->sk);
}

void nl_queue_take(struct netlink_sock *ns, struct nl_datagram *d)
{
	ns->queued -= sock_charge(&ns->sk, d->len);
	if (d->dump) ns->sk.stack->netlink->dumped -= d->len;
	list_remove(&d->node);
	free(d);
	nl_queue_wake(ns);
}
