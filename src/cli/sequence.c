/*
 * A connection's sequence numbers out of a capture: see sequence.h. The capture is gone through twice, to find the connection that carried most, and
 * then for what it did.
 */
#include "cli/sequence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "cli/bpf.h"
#include "host/pcapng.h"
#include "wire/wire.h"

#define INTERFACES_MAX 16
#define WSCALE_MAX 14

struct end { struct addr addr; uint16_t port; };
struct frame { struct end src, dst; struct tcp_hdr tcp; uint32_t payload; const struct pcapng_block *b; };

/* One direction of a connection, at one interface. */
struct flow { struct end src, dst; uint32_t interface; bool inbound; uint64_t octets; };

struct reader {
	const uint8_t *at;
	size_t len;
	const char *filter;
	struct bpf *bpf;
	uint16_t linktypes[INTERFACES_MAX];
	uint32_t n_interfaces;
	struct pcapng_block block;
};

/* ---- frames ---- */

static bool ip_read(struct frame *f, const uint8_t *ip, size_t n)
{
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	size_t skip, total;

	if (ip4_parse(&h4, ip, n) >= 0) {
		if (h4.proto != IP_PROTO_TCP || h4.frag_off) return false;
		f->src.addr = h4.src;
		f->dst.addr = h4.dst;
		skip = ip4_hdr_len(&h4);
		total = h4.total_len;
	} else {
		if (ip6_parse(&h6, ip, n) < 0 || h6.next != IP_PROTO_TCP) return false;
		f->src.addr = h6.src;
		f->dst.addr = h6.dst;
		skip = IP6_HDR_LEN;
		total = skip + h6.payload_len;
	}
	if (total > n || tcp_parse(&f->tcp, ip + skip, total - skip) < 0) return false;
	f->payload = (uint32_t)(total - skip - tcp_hdr_len(&f->tcp));
	f->src.port = f->tcp.src;
	f->dst.port = f->tcp.dst;
	return true;
}

static bool frame_read(struct frame *f, const struct pcapng_block *b, uint16_t linktype)
{
	struct eth_hdr eth;
	size_t skip = linktype == PCAPNG_ETHERNET ? ETH_HDR_LEN : 0;

	f->b = b;
	if (skip && (eth_parse(&eth, b->data, b->data_len) < 0 || (eth.type != ETH_TYPE_IP4 && eth.type != ETH_TYPE_IP6))) return false;
	return ip_read(f, b->data + skip, b->data_len - skip);
}

/* Does the filter let it by? It is compiled for the link type of the first interface. 1, 0 or -EINVAL after a message. */
static int is_wanted(struct reader *r)
{
	if (!r->filter) return 1;
	if (!r->bpf) r->bpf = bpf_compile(r->filter, r->linktypes[0]);
	if (!r->bpf) return -EINVAL;
	return bpf_matches(r->bpf, r->block.data, r->block.data_len);
}

/* The next segment of TCP: 1, 0 at the end, or -errno. */
static int reader_next(struct reader *r, struct frame *f)
{
	ssize_t n;

	while ((n = pcapng_read(r->at, r->len, &r->block)) > 0) {
		r->at += n;
		r->len -= (size_t)n;
		if (r->block.type == PCAPNG_INTERFACE && r->n_interfaces < INTERFACES_MAX) r->linktypes[r->n_interfaces++] = r->block.linktype;
		if (r->block.type != PCAPNG_PACKET || r->block.interface >= r->n_interfaces) continue;
		if (!frame_read(f, &r->block, r->linktypes[r->block.interface])) continue;
		int wanted = is_wanted(r);
		if (wanted != 0) return wanted;
	}
	return (int)n;
}

/* ---- the connection that carried most ---- */

static bool end_eq(const struct end *a, const struct end *b) { return a->port == b->port && addr_eq(&a->addr, &b->addr); }

static struct flow *flow_find(struct flow **flows, size_t *n, const struct frame *f)
{
	struct flow *last;

	for (size_t i = 0; i < *n; i++) {
		struct flow *w = &(*flows)[i];

		if (w->interface == f->b->interface && w->inbound == f->b->inbound && end_eq(&w->src, &f->src) && end_eq(&w->dst, &f->dst)) return w;
	}
	last = array_grow(flows, n, sizeof *last);
	if (last) *last = (struct flow){f->src, f->dst, f->b->interface, f->b->inbound, 0};
	return last;
}

/* Where as much was seen at both ends of a link, the end it left from counts. */
static int flow_choose(struct reader r, struct flow *ret)
{
	struct flow *flows = NULL, *w;
	struct frame f;
	size_t n = 0;
	int more;

	while ((more = reader_next(&r, &f)) > 0) {
		w = flow_find(&flows, &n, &f);
		if (!w) more = -ENOMEM;
		if (!w) break;
		w->octets += f.payload;
	}
	for (size_t i = 0; i < n; i++)
		if (i == 0 || flows[i].octets > ret->octets || (flows[i].octets == ret->octets && ret->inbound && !flows[i].inbound)) *ret = flows[i];
	free(flows);
	return more < 0 ? more : n > 0 ? 0 : -ENOENT;
}

/* ---- what it did ---- */

struct tracing { struct sequence *s; struct flow flow; time_ns begin; bool begun, data_begun; seq32 first; uint8_t wscale; };

static int64_t relative(const struct tracing *t, seq32 seq) { return (int32_t)(seq - t->first); }

static int span_add(struct tracing *t, enum mark m, double at, int64_t from, int64_t to)
{
	struct span *s = array_grow(&t->s->marks[m].at, &t->s->marks[m].n, sizeof *s);

	if (!s) return -ENOMEM;
	*s = (struct span){at, from, to};
	return 0;
}

static int note_add(struct tracing *t, double at, int64_t seq, char flag)
{
	struct note *n = array_grow(&t->s->notes, &t->s->n_notes, sizeof *n);

	if (!n) return -ENOMEM;
	*n = (struct note){at, seq, flag};
	return 0;
}

static bool was_dropped(const struct pcapng_block *b) { return b->comment && b->comment_len >= 8 && memcmp(b->comment, "dropped:", 8) == 0; }

/* A segment of the direction that is drawn. */
static int trace_sent(struct tracing *t, const struct frame *f, double at)
{
	const struct tcp_hdr *h = &f->tcp;
	int64_t from, to;
	int r = 0;

	if (!t->data_begun) t->first = h->seq;
	t->data_begun = true;
	from = relative(t, h->seq) + (h->flags & TCP_SYN ? 1 : 0);
	to = from + f->payload;
	if (f->payload) r = span_add(t, from < t->s->highest ? MARK_AGAIN : MARK_DATA, at, from, to);
	if (r == 0 && f->payload && was_dropped(f->b)) r = span_add(t, MARK_LOST, at, from, to);
	if (r == 0 && h->flags & TCP_SYN) r = note_add(t, at, from, 'S');
	if (r == 0 && h->flags & TCP_FIN) r = note_add(t, at, to, 'F');
	if (r == 0 && h->flags & TCP_RST) r = note_add(t, at, from, 'R');
	t->s->highest = MAX(t->s->highest, to);
	return r;
}

/* What the other end says: RFC 7323 §2.2, the window of a SYN is not scaled. */
static int trace_answer(struct tracing *t, const struct frame *f, double at)
{
	const struct tcp_hdr *h = &f->tcp;
	struct step *s;
	int r = 0;

	if (h->flags & TCP_SYN && h->opts.has_wscale) t->wscale = MIN(h->opts.wscale, WSCALE_MAX);
	if (h->flags & TCP_RST && t->data_begun) return note_add(t, at, relative(t, h->ack), 'R');
	if (!(h->flags & TCP_ACK) || !t->data_begun || was_dropped(f->b)) return 0;
	s = array_grow(&t->s->steps, &t->s->n_steps, sizeof *s);
	if (!s) return -ENOMEM;
	s->t = at;
	s->ack = relative(t, h->ack);
	s->window = s->ack + ((int64_t)h->wnd << (h->flags & TCP_SYN ? 0 : t->wscale));
	for (uint8_t i = 0; i < h->opts.n_sack && r == 0; i++)
		r = span_add(t, MARK_SACK, at, relative(t, h->opts.sack[i].start), relative(t, h->opts.sack[i].end));
	return r;
}

static int trace(struct tracing *t, const struct frame *f)
{
	bool sent = end_eq(&f->src, &t->flow.src) && end_eq(&f->dst, &t->flow.dst), answer = end_eq(&f->src, &t->flow.dst) && end_eq(&f->dst, &t->flow.src);
	double at;

	if (f->b->interface != t->flow.interface || (!sent && !answer) || sent != (f->b->inbound == t->flow.inbound)) return 0;
	if (!t->begun) t->begin = f->b->when;
	t->begun = true;
	at = (double)(f->b->when - t->begin) / NS_PER_S;
	t->s->duration = MAX(t->s->duration, at);
	return sent ? trace_sent(t, f, at) : trace_answer(t, f, at);
}

static void end_text(char *to, size_t size, const struct end *e)
{
	char text[ADDR_TEXT_MAX];

	addr_text(text, &e->addr);
	snprintf(to, size, addr_is_v4(&e->addr) ? "%s:%u" : "[%s]:%u", text, e->port);
}

int sequence_read(struct sequence *ret, const uint8_t *capture, size_t len, const char *filter)
{
	struct sequence s = {0};
	struct tracing t = {.s = &s};
	struct reader r = {.at = capture, .len = len, .filter = filter};
	struct frame f;
	bool is_capture = pcapng_read(capture, len, &r.block) > 0 && r.block.type == PCAPNG_SECTION;
	int err = is_capture ? flow_choose(r, &t.flow) : -EPROTO, more = 1;

	while (err == 0 && (more = reader_next(&r, &f)) > 0) err = trace(&t, &f);
	if (more < 0) err = more;
	if (err < 0) {
		sequence_free(&s);
		return err;
	}
	end_text(s.from, sizeof s.from, &t.flow.src);
	end_text(s.to, sizeof s.to, &t.flow.dst);
	*ret = s;
	return 0;
}

void sequence_free(struct sequence *s)
{
	for (int m = 0; m < MARKS; m++) free(s->marks[m].at);
	free(s->steps);
	free(s->notes);
	*s = (struct sequence){0};
}
