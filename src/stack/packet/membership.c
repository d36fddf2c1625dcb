/*
 * PACKET_ADD_MEMBERSHIP: groups, addresses and modes of an interface. Every frame of a link passes here anyway, so they are only counted.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/packet/packet_sock.h"

struct membership { struct list node; struct packet_mreq req; unsigned refs; };

static struct membership *membership_find(struct packet_sock *ps, const struct packet_mreq *q)
{
	list_each(struct membership, m, &ps->memberships, node)
		if (m->req.mr_ifindex == q->mr_ifindex && m->req.mr_type == q->mr_type && m->req.mr_alen == q->mr_alen &&
		    memcmp(m->req.mr_address, q->mr_address, q->mr_alen) == 0)
			return m;
	return NULL;
}

static bool is_address(const struct packet_mreq *q) { return q->mr_type == PACKET_MR_MULTICAST || q->mr_type == PACKET_MR_UNICAST; }

static int mreq_read(const void *val, socklen_t len, struct packet_mreq *ret)
{
	if (len < sizeof *ret) return -EINVAL;
	memcpy(ret, val, sizeof *ret);
	return ret->mr_alen > sizeof ret->mr_address ? -EINVAL : 0;
}

int packet_set_add_membership(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_mreq q;
	struct membership *m;
	int r = mreq_read(val, len, &q);

	if (r < 0) return r;
	if (!netif_by_index(sk->stack, q.mr_ifindex)) return -ENODEV;
	if (q.mr_alen > sizeof(struct mac) || (is_address(&q) && q.mr_alen != sizeof(struct mac))) return -EINVAL;
	m = membership_find(packet_of(sk), &q);
	if (m) {
		m->refs++;
		return 0;
	}
	m = calloc(1, sizeof *m);
	if (!m) return -ENOBUFS;
	m->req = q;
	m->refs = 1;
	list_append(&packet_of(sk)->memberships, &m->node);
	return 0;
}

int packet_set_drop_membership(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_mreq q;
	struct membership *m;
	int r = mreq_read(val, len, &q);

	if (r < 0) return r;
	/* As Linux: to drop what is not there is no error. */
	m = membership_find(packet_of(sk), &q);
	if (!m || --m->refs > 0) return 0;
	list_remove(&m->node);
	free(m);
	return 0;
}

void packet_memberships_free(struct packet_sock *ps)
{
	while (!list_empty(&ps->memberships)) {
		struct membership *m = list_first(&ps->memberships, struct membership, node);
		list_remove(&m->node);
		free(m);
	}
}
