/*
 * The error queue of a socket. An entry holds what recvmsg(MSG_ERRQUEUE) gives back: as data the payload that the error quotes, as
 * name where it was sent, and as control message a struct sock_extended_err followed by the address of who complained.
 */
#include "stack/inet/errqueue.h"
#include <errno.h>
#include <linux/errqueue.h>
#include <stdlib.h>
#include "stack/inet/dgram.h"

struct errqueue { struct list entries; struct awaited_sends awaited; uint32_t octets; };   /* octets: as SO_RCVBUF counts them */

struct entry {
	struct list node;
	struct sock_extended_err ee;
	struct addr dst, offender;
	uint16_t port;
	time_ns when;
	struct packet *frame;         /* the ICMP message; of a stamp: what went out. data = after the IP header; NULL: none */
	bool stats;
	uint32_t charge;
	size_t len;
	uint8_t data[];
};

static struct errqueue *queue_of(struct inet_sock *is)
{
	if (is->errqueue) return is->errqueue;
	is->errqueue = calloc(1, sizeof *is->errqueue);
	if (!is->errqueue) return NULL;
	list_init(&is->errqueue->entries);
	list_init(&is->errqueue->awaited.list);
	return is->errqueue;
}

struct awaited_sends *errqueue_awaited(struct inet_sock *is)
{
	struct errqueue *q = queue_of(is);

	return q ? &q->awaited : NULL;
}

/* held: octets that are kept for it, besides the data. */
static struct entry *entry_add_holding(struct inet_sock *is, const struct addr *dst, uint16_t port, const void *data, size_t len, size_t held)
{
	uint32_t charge = datagram_charge(is->sk.domain == AF_INET6, (uint32_t)MAX(len, held));
	struct errqueue *q = queue_of(is);
	struct entry *e;

	if (!q || q->octets + charge >= is->sk.rcvbuf) return NULL;
	e = calloc(1, sizeof *e + len);
	if (!e) return NULL;
	e->dst = *dst;
	e->port = port;
	e->when = is->sk.stack->now;
	e->charge = charge;
	e->len = len;
	if (len && data) memcpy(e->data, data, len);
	list_append(&q->entries, &e->node);
	q->octets += charge;
	return e;
}

static struct entry *entry_add(struct inet_sock *is, const struct addr *dst, uint16_t port, const void *data, size_t len)
{
	return entry_add_holding(is, dst, port, data, len, 0);
}

void errqueue_put_icmp(struct inet_sock *is, const struct ip_error *err, uint16_t port, const uint8_t *payload, size_t len)
{
	size_t held = err->message ? err->message->len : 0;
	struct entry *e = entry_add_holding(is, &err->dst, port, payload, MIN(len, ERRQUEUE_DATA_MAX), held);

	if (!e) return;
	e->offender = err->from;
	e->frame = err->message ? packet_copy(err->message) : NULL;
	e->ee = (struct sock_extended_err){.ee_errno = (uint32_t)err->err, .ee_type = err->icmp_type, .ee_code = err->icmp_code,
					   .ee_origin = addr_is_v4(&err->dst) ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
					   .ee_info = err->mtu_bytes};
	sock_ready(&is->sk);
}

void errqueue_put_local(struct inet_sock *is, int err, uint32_t mtu_bytes, const struct addr *dst, uint16_t port)
{
	struct entry *e = entry_add(is, dst, port, NULL, 0);

	if (!e) return;
	e->ee = (struct sock_extended_err){.ee_errno = (uint32_t)err, .ee_origin = SO_EE_ORIGIN_LOCAL, .ee_info = mtu_bytes};
	sock_ready(&is->sk);
}

static bool is_of_icmp(const struct entry *e) { return e->ee.ee_origin == SO_EE_ORIGIN_ICMP || e->ee.ee_origin == SO_EE_ORIGIN_ICMP6; }

void errqueue_put_zerocopy(struct inet_sock *is)
{
	uint32_t id = is->sk.zerocopy_id++;
	struct entry *e = errqueue_has(is) ? list_last(&is->errqueue->entries, struct entry, node) : NULL;

	if (e && e->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY && e->ee.ee_data + 1 == id) {
		e->ee.ee_data = id;
		return;
	}
	e = entry_add(is, &is->raddr, 0, NULL, 0);
	if (!e) return;
	e->ee = (struct sock_extended_err){.ee_origin = SO_EE_ORIGIN_ZEROCOPY, .ee_code = SO_EE_CODE_ZEROCOPY_COPIED, .ee_info = id, .ee_data = id};
	sock_ready(&is->sk);
}

static size_t link_len(const struct packet *frame) { return frame->netif->kind == NETIF_RAW_IP ? 0 : ETH_HDR_LEN; }

/* On loopback the link header says nothing but what is in it. */
static void put_link(const struct packet *frame, uint8_t *to)
{
	memset(to, 0, 2 * sizeof(struct mac));
	memcpy(to + sizeof(struct mac), &frame->netif->mac, sizeof(struct mac));
	write16(to + 2 * sizeof(struct mac), addr_is_v4(&frame->dst) ? ETH_TYPE_IP4 : ETH_TYPE_IP6);
}

void errqueue_put_stamp(struct inet_sock *is, const struct stamp *st)
{
	size_t link = st->frame ? link_len(st->frame) : 0, len = st->frame ? link + st->frame->len : st->len;
	struct entry *e = entry_add(is, &is->raddr, 0, st->data, len);

	if (!e) return;
	e->ee = (struct sock_extended_err){.ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING, .ee_info = (uint32_t)st->which, .ee_data = st->id};
	e->stats = st->stats;
	if (st->frame && (e->frame = packet_copy(st->frame))) packet_pull(e->frame, (size_t)(e->frame->trans_off - e->frame->net_off));
	if (link) put_link(st->frame, e->data);
	if (st->frame) memcpy(e->data + link, st->frame->data, st->frame->len);
	sock_ready(&is->sk);
}

bool errqueue_has(const struct inet_sock *is)
{
	return is->errqueue && !list_empty(&is->errqueue->entries);
}

/* Who is named beside the error: of an ICMP message who sent it; of a frame that comes back ourselves, to IPv4 only by SOF_TIMESTAMPING_OPT_CMSG. */
static const struct addr *offender_of(const struct inet_sock *is, const struct entry *e)
{
	if (is_of_icmp(e)) return &e->offender;
	return e->frame && (is->sk.domain == AF_INET6 || is->sk.timestamping & STAMPS_CMSG) ? &e->frame->src : NULL;
}

/* The extended error with the offender behind it, as SO_EE_OFFENDER expects it: family 0 when there is none. */
static void put_extended(struct cmsg_out *o, const struct inet_sock *is, const struct entry *e)
{
	struct { struct sock_extended_err ee; struct sockaddr_storage from; } v = {.ee = e->ee};
	const struct addr *offender = offender_of(is, e);
	bool six = is->sk.domain == AF_INET6;
	socklen_t len = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (offender) inet_sockaddr_emit(is, offender, 0, is->scope, &v.from, &len);
	/* As Linux: of an ICMP message no address is told to answer from. */
	if (offender && e->frame) dgram_put_control(o, is, e->frame, is_of_icmp(e) ? &addr_any4 : offender);
	cmsg_put(o, six ? SOL_IPV6 : SOL_IP, six ? IPV6_RECVERR : IP_RECVERR, &v, sizeof v.ee + len);
}

static void put_stamp(struct cmsg_out *o, const struct inet_sock *is, const struct entry *e)
{
	cmsg_put_stamp_of_sent(o, &is->sk, e->when);
	if (e->stats) cmsg_put(o, SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS, e->data, e->len);
}

static void give_name(const struct inet_sock *is, const struct entry *e, struct sock_msg *m)
{
	struct sockaddr_storage name;
	socklen_t len = 0;

	if (is_of_icmp(e) || e->ee.ee_origin == SO_EE_ORIGIN_LOCAL) inet_sockaddr_emit(is, &e->dst, e->port, is->scope, &name, &len);
	if (m->name) memcpy(m->name, &name, MIN(m->name_len, len));
	m->name_len = len;
}

/* Like Linux: SO_ERROR and poll then speak of the next entry, and of nothing once the queue is empty. */
static void next_becomes_pending(struct inet_sock *is)
{
	struct errqueue *q = is->errqueue;
	const struct entry *e = list_empty(&q->entries) ? NULL : list_first(&q->entries, struct entry, node);

	is->sk.err = e && is_of_icmp(e) ? (int)e->ee.ee_errno : 0;
}

static void entry_free(struct errqueue *q, struct entry *e)
{
	q->octets -= e->charge;
	list_remove(&e->node);
	packet_free(e->frame);
	free(e);
}

ssize_t errqueue_recv(struct inet_sock *is, struct sock_msg *m)
{
	struct cmsg_out o = cmsg_out_begin(m);
	struct entry *e;
	bool was_of_icmp;
	size_t n;

	if (!errqueue_has(is)) return -EAGAIN;
	e = list_first(&is->errqueue->entries, struct entry, node);
	n = MIN(e->len, m->len);
	if (n) memcpy(m->data, e->data, n);
	m->flags = MSG_ERRQUEUE | (n < e->len ? MSG_TRUNC : 0);
	give_name(is, e, m);
	if (e->ee.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) put_stamp(&o, is, e);
	else if (e->ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY) cmsg_put_timestamp(&o, &is->sk, e->when);
	put_extended(&o, is, e);
	cmsg_out_end(&o, m);
	was_of_icmp = is_of_icmp(e);
	entry_free(is->errqueue, e);
	if (was_of_icmp) next_becomes_pending(is);
	if (errqueue_has(is)) sock_ready(&is->sk);
	return (ssize_t)n;
}

static bool is_of_send(const struct entry *e)
{
	return e->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY || e->ee.ee_origin == SO_EE_ORIGIN_TIMESTAMPING;
}

/* As Linux: what is told of sends stays, and so does the error that is pending. */
static void purge(struct inet_sock *is)
{
	if (!is->errqueue) return;
	list_each(struct entry, e, &is->errqueue->entries, node)
		if (!is_of_send(e)) entry_free(is->errqueue, e);
	sock_ready(&is->sk);
}

int errqueue_purge4(struct sock *sk)
{
	struct inet_sock *is = (struct inet_sock *)sk;

	if (!is->recverr) purge(is);
	return 0;
}

int errqueue_purge6(struct sock *sk)
{
	struct inet_sock *is = (struct inet_sock *)sk;

	if (!is->recverr6) purge(is);
	return 0;
}

void errqueue_free(struct inet_sock *is)
{
	if (!is->errqueue) return;
	while (!list_empty(&is->errqueue->entries))
		entry_free(is->errqueue, list_first(&is->errqueue->entries, struct entry, node));
	while (!list_empty(&is->errqueue->awaited.list))
		free(list_pop(&is->errqueue->awaited.list));
	free(is->errqueue);
	is->errqueue = NULL;
}
