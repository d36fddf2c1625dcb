/*
 * What the receive queues cost, counted as Linux does: SO_RCVBUF is filled not by octets but by the memory that they came in, and a packet's memory is
 * free when the program has read its last octet.
 *
 *     read  |== charge ==|== charge ==|= charge =|  rcv.nxt        rmem = all these, and what came too early
 *
 * What a packet takes depends on who made it. From a device such as TUN (NETIF_RAW_IP) it is one piece of kmalloc's, and what is left of that piece takes
 * in small ones that follow. From the other end of a cable, or from this host, it is as the sender's offload left it: octets in pages, and a head for
 * every ten full segments, which it gives up behind another packet while that has room for pages.
 *
 * Those that joined are free when all of them are read, as with Linux; so they are seventeen at most.
 *
 * When the queues are full the buffer grows to what they hold, then small packets are packed together, and at last what came too early is given up.
 *
 * Read first: socket(7), SO_RCVBUF.
 */
#include "base/charge.h"
#include "stack/core/netif.h"
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/conn.h"
#include <stdlib.h>

#define SKB_PAD 64u                        /* before the IP header */
#define SKB_FRAGS 17u                      /* pages, or parts of them, that one packet can hold */
#define SEGMENTS_OF_A_HEAD 10u
#define HEAD (SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD)
#define PAGE 4096u
#define KMALLOC_MAX 8192u
#define PACKED_OCTETS (PAGE - SKB_SHARED_INFO)

/* One or several packets: what they take until the octet before end is read, and what they can take in: octets, and parts of pages. */
struct tcp_charge { seq32 end; uint32_t cost; uint16_t room, parts; };

struct tcp_charges { uint32_t first, n, cap, sum; struct tcp_charge at[]; };

/* ---- a packet ---- */

static uint32_t piece(uint32_t octets)
{
	uint32_t need = ((octets + 63) & ~63u) + SKB_SHARED_INFO, size = 1024;

	if (need <= SKB_SMALL_HEAD) return SKB_SMALL_HEAD;
	if (need > KMALLOC_MAX) return (need + PAGE - 1) & ~(PAGE - 1);
	while (size < need)
		size *= 2;
	return size;
}

static bool in_pages(const struct packet *p) { return p->netif && p->netif->kind != NETIF_RAW_IP; }

/* A path may take a little less than the largest segment. */
static bool is_full(const struct tcp_sock *conn, const struct packet *p) { return p->len == conn->rcv.mss || 4 * p->len >= 3u * conn->rcv.adv_mss; }

static uint16_t head_of(const struct tcp_sock *conn, const struct packet *p)
{
	if (!in_pages(p)) return 0;
	return is_full(conn, p) ? HEAD / SEGMENTS_OF_A_HEAD : HEAD;
}

void rmem_weigh(const struct tcp_sock *conn, struct packet *p)
{
	uint32_t used = SKB_PAD + (packet_off(p) - p->net_off) + p->len, size = piece(used);
	uint16_t head = head_of(conn, p);

	if (head)
		p->weight = (struct packet_weight){.cost = p->len + head, .head = head};
	else
		p->weight = (struct packet_weight){.cost = size + SKB_TRUESIZE_OVERHEAD, .room = (uint16_t)(size - SKB_SHARED_INFO - used)};
}

/* ---- the queue in order ---- */

static uint32_t read_to(const struct tcp_sock *conn) { return conn->rcv.nxt - conn->rcv.done - conn->rcv.queued - conn->inet.sk.lent; }

void rmem_forget(struct tcp_sock *conn)
{
	free(conn->rcv.charges);
	conn->rcv.charges = NULL;
}

/* Gives up what is read. */
static struct tcp_charges *settle(struct tcp_sock *conn)
{
	struct tcp_charges *c = conn->rcv.charges;
	seq32 to = read_to(conn);

	while (c && c->n && seq_le(c->at[c->first].end, to)) {
		c->sum -= c->at[c->first++].cost;
		c->n--;
	}
	if (c && !c->n) rmem_forget(conn);
	return conn->rcv.charges;
}

static bool make_room(struct tcp_sock *conn)
{
	struct tcp_charges *c = conn->rcv.charges;
	uint32_t cap = c ? 2 * c->cap : 4;

	if (c && c->first + c->n < c->cap) return true;
	if (c && c->first >= c->cap / 2) {
		memmove(c->at, c->at + c->first, c->n * sizeof *c->at);
		c->first = 0;
		return true;
	}
	c = realloc(c, sizeof *c + cap * sizeof *c->at);
	if (!c) return false;
	if (!conn->rcv.charges) *c = (struct tcp_charges){0};
	c->cap = cap;
	conn->rcv.charges = c;
	return true;
}

static void add(struct tcp_charges *c, struct tcp_charge *to, uint32_t cost)
{
	to->cost += cost;
	c->sum += cost;
}

/* Does the last one take the packet in? */
static bool joins(struct tcp_charges *c, const struct packet *p)
{
	struct tcp_charge *last = c && c->n ? &c->at[c->first + c->n - 1] : NULL;
	const struct packet_weight *w = &p->weight;

	if (!last) return false;
	if (!w->head && p->len <= last->room) {
		last->room = (uint16_t)(last->room - p->len);
		return true;
	}
	if (!w->head || !last->parts) return false;
	last->room = 0;
	last->parts--;
	add(c, last, w->cost - w->head);
	return true;
}

void rmem_charge(struct tcp_sock *conn, const struct packet *p)
{
	struct tcp_charges *c = settle(conn);

	if (joins(c, p)) {
		conn_mib(conn, TCPEXT_TCPRcvCoalesce);
	} else {
		if (make_room(conn)) {
			c = conn->rcv.charges;
			c->at[c->first + c->n++] = (struct tcp_charge){.room = p->weight.room, .parts = SKB_FRAGS};
		} else if (!c) {
			return;
		}
		add(c, &c->at[c->first + c->n - 1], p->weight.cost);
	}
	c->at[c->first + c->n - 1].end = conn->rcv.nxt + p->len;
}

seq32 rmem_first_read(const struct tcp_sock *conn)
{
	const struct tcp_charges *c = conn->rcv.charges;
	seq32 to = read_to(conn);

	return c && c->n && seq_lt(c->at[c->first].end, to) ? c->at[c->first].end : to;
}

bool rmem_unread(struct tcp_sock *conn) { return settle(conn) != NULL || (conn->mptcp && mptcp_unread(conn)); }

uint32_t rmem_held(struct tcp_sock *conn)
{
	const struct tcp_charges *c = settle(conn);

	return (c ? c->sum : 0) + (conn->rcv.ooo ? conn->rcv.ooo->cost : 0) + (conn->mptcp ? mptcp_held(conn) : 0);
}

bool rmem_pressure(struct tcp_sock *conn)
{
	uint32_t most = conn->inet.sk.rcvbuf;

	return rmem_held(conn) > most - most / 8;
}

/* ---- when it is full ---- */

/* From the first packet that takes more than it brings, all are copied together, a page each. */
static void pack(struct tcp_sock *conn)
{
	struct tcp_charges *c = settle(conn);
	seq32 start = read_to(conn);
	uint32_t i = 0, octets, len;

	if (!c) return;
	for (; i < c->n && window_of_space(conn, c->at[c->first + i].cost) <= c->at[c->first + i].end - start; i++)
		start = c->at[c->first + i].end;
	if (i == c->n) return;
	for (uint32_t k = i; k < c->n; k++)
		c->sum -= c->at[c->first + k].cost;
	for (octets = c->at[c->first + c->n - 1].end - start; octets; octets -= len) {
		len = MIN(octets, PACKED_OCTETS);
		start += len;
		if (i < c->n) c->at[c->first + i++].cost = 0;
		c->at[c->first + i - 1].end = start;
		c->at[c->first + i - 1].room = (uint16_t)(piece(len) - SKB_SHARED_INFO - len);
		c->at[c->first + i - 1].parts = SKB_FRAGS;
		add(c, &c->at[c->first + i - 1], piece(len) + SKB_TRUESIZE_OVERHEAD);
	}
	c->n = i;
}

/* As Linux: the octets count here, lest a small buffer never take a packet whose memory is larger. */
static bool fits(struct tcp_sock *conn, uint32_t len) { return rmem_held(conn) + len <= conn->inet.sk.rcvbuf; }

static void clamp(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	uint32_t most = (uint32_t)conn_sysctl(conn)->tcp_rmem[2], held = rmem_held(conn);

	if (held < sk->rcvbuf) return;             /* it is the next one that does not fit */
	conn->ack.quick = 0;
	if (sk->rcvbuf < most && !sk->rcvbuf_locked) sk->rcvbuf = MIN(held, most);
	if (held > sk->rcvbuf) conn->rcv.ssthresh = MIN(conn->rcv.clamp, 2u * conn->rcv.adv_mss);
}

bool rmem_takes(struct tcp_sock *conn, seq32 seq, uint32_t len)
{
	if (fits(conn, len)) return true;
	if (!rmem_held(conn)) return false;
	conn_mib(conn, TCPEXT_PruneCalled);
	clamp(conn);
	if (fits(conn, len)) return true;
	pack(conn);
	while (!fits(conn, len))
		if (!runs_prune(conn, seq, conn->inet.sk.rcvbuf / 8)) {
			conn_mib(conn, TCPEXT_RcvPruned);
			return false;
		}
	return true;
}
