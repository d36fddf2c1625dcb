/*
 * The two receive queues: packets in order, waiting for the program, and runs of octets that came too early.
 *
 *     rcv.queue   [p][p][p]                        up to rcv.nxt
 *     rcv.ooo         nxt   [p p p)   [p)  [p p)   runs: sorted, disjoint, never touching, each a chain of packets
 *
 * Runs lie in one sorted array, found by bisection: a segment costs O(log n) and a short memmove whatever order an
 * attacker chooses, and segments that follow each other, the common case, extend one run. A small payload is copied
 * behind the one before it, so that a stream of single octets does not cost a buffer each.
 *
 * Read first: RFC 9293 §3.10.7.4 seventh, RFC 2018 §4.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

#define SMALL 1024u              /* payloads below are gathered … */
#define GATHER 4096u             /* … in packets of this size */

static uint32_t tailroom(const struct packet *p) { return p->cap - packet_off(p) - p->len; }

static void packet_extend(struct packet *to, struct packet *p)
{
	memcpy(to->data + to->len, p->data, p->len);
	to->len += p->len;
	to->when = p->when;
	packet_free(p);
}

/* ---- in order ---- */

static struct packet *queue_tail(struct tcp_sock *conn)
{
	return list_empty(&conn->rcv.queue) ? NULL : list_last(&conn->rcv.queue, struct packet, node);
}

static void queue_put(struct tcp_sock *conn, struct packet *p)
{
	list_append(&conn->rcv.queue, &p->node);
}

/* A packet that has room for more small ones, holding what p holds; p itself when there is no memory. */
static struct packet *gatherer(struct packet *p)
{
	struct packet *g = packet_new(0, GATHER);

	if (!g) return p;
	g->len = 0;
	g->weight = p->weight;
	packet_extend(g, p);
	return g;
}

void rcv_queue_append(struct tcp_sock *conn, struct packet *p)
{
	struct packet *tail = queue_tail(conn);
	uint32_t len = p->len;

	rmem_charge(conn, p);
	if (tail && len < SMALL && tailroom(tail) >= len)
		packet_extend(tail, p);
	else
		queue_put(conn, tail && len < SMALL && tail->len < SMALL ? gatherer(p) : p);
	conn->rcv.nxt += len;
	conn->rcv.queued += len;
	conn->count.bytes_received += len;
}

/* ---- out of order ---- */

static struct packet *packet_after(const struct packet *p) { return p->node.next ? list_entry(p->node.next, struct packet, node) : NULL; }

static void chain_free(struct packet *p)
{
	while (p) {
		struct packet *next = packet_after(p);
		packet_free(p);
		p = next;
	}
}

void runs_free(struct tcp_sock *conn)
{
	struct tcp_runs *r = conn->rcv.ooo;

	conn->rcv.ooo = NULL;
	if (!r) return;
	for (uint32_t i = 0; i < r->n; i++)
		chain_free(r->at[i].first);
	free(r->at);
	free(r);
}

seq32 runs_end(const struct tcp_runs *r) { return r->at[r->n - 1].range.end; }

/* The first run that ends at seq or later. */
static uint32_t runs_find(const struct tcp_runs *r, seq32 seq)
{
	uint32_t low = 0, high = r->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (seq_lt(r->at[mid].range.end, seq))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool runs_make_room(struct tcp_runs *r)
{
	uint32_t cap = r->cap ? 2 * r->cap : 4;
	struct tcp_run *grown;

	if (r->n < r->cap) return true;
	grown = realloc(r->at, cap * sizeof *grown);
	if (!grown) return false;
	r->at = grown;
	r->cap = cap;
	return true;
}

static void runs_close_gap(struct tcp_runs *r, uint32_t from, uint32_t n)
{
	memmove(&r->at[from], &r->at[from + n], (r->n - from - n) * sizeof *r->at);
	r->n -= n;
}

/* Behind another it gives up its head, or takes nothing where there is room in the other. */
static void weigh_behind(struct packet_weight *last, struct packet *p)
{
	uint16_t room = last->room;

	last->room = 0;
	if (p->weight.head) {
		p->weight = (struct packet_weight){.cost = p->weight.cost - p->weight.head};
	} else if (p->len <= room) {
		last->room = (uint16_t)(room - p->len);
		p->weight = (struct packet_weight){.room = 0};
	}
}

static void run_append(struct tcp_runs *r, struct tcp_run *run, struct packet *p)
{
	weigh_behind(&run->last->weight, p);
	run->range.end += p->len;
	r->cost += p->weight.cost;
	if (p->len < SMALL && tailroom(run->last) >= p->len) {
		run->last->weight.cost += p->weight.cost;
		run->last->weight.room = (uint16_t)(run->last->weight.room + p->weight.room);
		packet_extend(run->last, p);
		return;
	}
	if (p->len < SMALL && run->last->len < SMALL) p = gatherer(p);
	p->node.next = NULL;
	run->last->node.next = &p->node;
	run->last = p;
}

static bool run_new(struct tcp_runs *r, uint32_t at, seq32 seq, struct packet *p)
{
	if (!runs_make_room(r)) return false;
	memmove(&r->at[at + 1], &r->at[at], (r->n - at) * sizeof *r->at);
	p->node.next = NULL;
	r->at[at] = (struct tcp_run){{seq, seq + p->len}, p, p};
	r->n++;
	r->cost += p->weight.cost;
	return true;
}

static void run_merge_next(struct tcp_runs *r, uint32_t at)
{
	struct tcp_run *run = &r->at[at], *next = run + 1;

	if (at + 1 >= r->n || next->range.start != run->range.end) return;
	run->last->node.next = &next->first->node;
	run->last = next->last;
	run->range.end = next->range.end;
	runs_close_gap(r, at + 1, 1);
}

/* RFC 2018 §4: the block that holds the segment just received comes first, then those reported most recently. */
static void note_latest(struct tcp_runs *r, struct seq_range now)
{
	struct seq_range kept[TCP_SACK_MAX] = {now};
	uint8_t n = 1;

	for (uint8_t i = 0; i < r->n_latest && n < TCP_SACK_MAX; i++)
		if (seq_lt(r->latest[i].end, now.start) || seq_gt(r->latest[i].start, now.end)) kept[n++] = r->latest[i];
	memcpy(r->latest, kept, sizeof kept);
	r->n_latest = n;
}

static void note_fin(struct tcp_sock *conn)
{
	note_latest(conn->rcv.ooo, (struct seq_range){conn->rcv.fin_seq, conn->rcv.fin_seq + 1});
}

/* Where no run ends with it, it is a block of its own. */
void runs_note_fin(struct tcp_sock *conn)
{
	if (conn->rcv.ooo && runs_end(conn->rcv.ooo) != conn->rcv.fin_seq) note_fin(conn);
}

static void forget_latest_below(struct tcp_runs *r, seq32 nxt)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < r->n_latest; i++)
		if (seq_gt(r->latest[i].start, nxt)) r->latest[n++] = r->latest[i];
	r->n_latest = n;
}

/* As Linux: runs that a segment covers whole give way to it. */
static void runs_replace(struct tcp_sock *conn, uint32_t at, seq32 end)
{
	struct tcp_runs *r = conn->rcv.ooo;

	while (at < r->n && seq_le(r->at[at].range.end, end)) {
		struct tcp_run *run = &r->at[at];
		sack_extend_duplicate(conn, run->range.start, run->range.end);
		for (const struct packet *p = run->first; p; p = packet_after(p))
			r->cost -= p->weight.cost;
		chain_free(run->first);
		runs_close_gap(r, at, 1);
	}
}

/* Cuts from [*seq, *seq + p->len) what the runs around it hold already; the rest touches but overlaps nothing. false: nothing is left. */
static bool cut_overlap(struct tcp_sock *conn, uint32_t at, seq32 *seq, struct packet *p)
{
	struct tcp_runs *r = conn->rcv.ooo;
	const struct tcp_run *run;

	if (at >= r->n) return true;
	run = &r->at[at];
	if (seq_le(run->range.start, *seq)) {
		uint32_t known = run->range.end - *seq;
		/* RFC 2883 §4.1 and §4.2: what of it came twice is told. */
		sack_note_duplicate(conn, *seq, *seq + MIN(known, (uint32_t)p->len));
		if (known >= p->len) return false;
		packet_pull(p, known);
		*seq += known;
		at++;
	}
	runs_replace(conn, at, *seq + p->len);
	if (at >= r->n) return true;
	run = &r->at[at];
	if (seq_lt(run->range.start, *seq + p->len)) {
		sack_extend_duplicate(conn, run->range.start, seq_lt(run->range.end, *seq + p->len) ? run->range.end : *seq + p->len);
		packet_trim(p, run->range.start - *seq);
	}
	return p->len > 0;
}

static enum drop_reason insert(struct tcp_sock *conn, struct segment *g)
{
	struct tcp_runs *r = conn->rcv.ooo;
	seq32 seq = g->h.seq;
	uint32_t at = runs_find(r, seq);

	if (!cut_overlap(conn, at, &seq, g->p)) {
		note_latest(r, r->at[at].range);
		conn_mib(conn, TCPEXT_TCPOFOMerge);
		return DROP_TCP_OLD;
	}
	if (at < r->n && r->at[at].range.end == seq)
		run_append(r, &r->at[at], g->p);
	else if (!run_new(r, at, seq, g->p))
		return DROP_NO_MEMORY;
	g->p = NULL;
	run_merge_next(r, at);
	note_latest(r, r->at[at].range);
	return DROP_NONE;
}

enum drop_reason runs_insert(struct tcp_sock *conn, struct segment *g)
{
	enum drop_reason why;

	if (!conn->rcv.ooo) conn->rcv.ooo = calloc(1, sizeof *conn->rcv.ooo);
	if (!conn->rcv.ooo) return DROP_NO_MEMORY;
	if (conn->rcv.fin && !conn->rcv.ooo->n && conn->rcv.fin_seq != segment_end(g)) note_fin(conn);
	why = insert(conn, g);
	if (!conn->rcv.ooo->n) runs_free(conn);
	return why;
}

static void drain_chain(struct tcp_sock *conn, struct packet *p, uint32_t skip)
{
	while (p) {
		struct packet *next = packet_after(p);
		uint32_t cut = MIN(skip, p->len);
		conn->rcv.ooo->cost -= p->weight.cost;
		packet_pull(p, cut);
		skip -= cut;
		if (p->len)
			rcv_queue_append(conn, p);
		else
			packet_free(p);
		p = next;
	}
}

void runs_drain(struct tcp_sock *conn)
{
	struct tcp_runs *r = conn->rcv.ooo;
	seq32 known = conn->rcv.nxt;
	uint32_t n = 0;

	if (!r) return;
	/* RFC 2883 §4.2: what came in order now had come early. */
	if (seq_lt(r->at[0].range.start, known))
		sack_extend_duplicate(conn, r->at[0].range.start, seq_lt(r->at[0].range.end, known) ? r->at[0].range.end : known);
	while (n < r->n && seq_le(r->at[n].range.start, conn->rcv.nxt)) {
		drain_chain(conn, r->at[n].first, conn->rcv.nxt - r->at[n].range.start);
		n++;
	}
	if (!n) return;
	runs_close_gap(r, 0, n);
	forget_latest_below(r, conn->rcv.nxt);
	if (!r->n) runs_free(conn);
}

/* ---- giving up ---- */

/* Cuts the last run behind `last`, at `at`; NULL: the whole run goes. */
static void runs_cut(struct tcp_runs *r, struct packet *last, seq32 at)
{
	struct tcp_run *run = &r->at[r->n - 1];
	struct packet *gone = last ? list_entry(last->node.next, struct packet, node) : run->first;

	if (last) {
		last->node.next = NULL;
		run->last = last;
		run->range.end = at;
	} else {
		r->n--;
	}
	chain_free(gone);
}

/* Of the last run; the cost of what went, 0: nothing may. */
static uint32_t prune_last(struct tcp_sock *conn, seq32 seq, uint32_t goal)
{
	struct tcp_runs *r = conn->rcv.ooo;
	const struct tcp_run *run = &r->at[r->n - 1];
	struct packet *p, *last = NULL;
	seq32 at = run->range.start;
	uint32_t cost = 0;

	if (seq_lt(run->range.end - run->last->len, seq)) return 0;
	for (p = run->first; p; p = packet_after(p))
		cost += p->weight.cost;
	for (p = run->first; p && (seq_lt(at, seq) || cost - p->weight.cost >= goal); p = packet_after(p)) {
		cost -= p->weight.cost;
		at += p->len;
		last = p;
	}
	if (!p) return 0;
	runs_cut(r, last, at);
	r->cost -= cost;
	/* RFC 2018 §8: a receiver may renege. As Linux: the sender is told of nothing any more that is still there. */
	r->n_latest = 0;
	conn->rcv.dup.start = conn->rcv.dup.end;
	if (!r->n) runs_free(conn);
	return cost;
}

bool runs_prune(struct tcp_sock *conn, seq32 seq, uint32_t goal)
{
	uint32_t freed = 0;

	for (uint32_t cost = 1; cost && freed < goal && conn->rcv.ooo; freed += cost)
		cost = prune_last(conn, seq, goal - freed);
	if (freed) conn_mib(conn, TCPEXT_OfoPruned);
	return freed != 0;
}
