/*
 * Packets in. A packet belongs to the association of the addresses and ports it names, if its tag shows that it comes from somebody who has
 * seen that association's packets; its chunks are worked off by the table at the end, each in the states that know it.
 *
 * Read first: RFC 9260 §6.10, §8.4, §8.5, §3.2 (what is not known).
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/filter.h"

#define CHUNK_SKIPS 0x80               /* not known: go on behind it; else the rest is not looked at */
#define CHUNK_REPORTS 0x40
#define CAUSES_MOST 16u
#define REPORT_MOST 512u

struct input {
	struct stack *s;
	struct packet *p;
	struct sctp_hdr h;
	struct assoc *a;
	struct path *from;
	struct sctp_chunk c;
	unsigned causes;               /* of ERROR chunks */
	bool had_data, had_reconfig, had_asconf, had_ecne, reported;
	bool had_auth, authentic;      /* an AUTH chunk, and it was right: what stands behind it is the peer's */
	struct sctp_chunk auth;        /* that stands before a cookie, with had_auth */
	bool stopped;                  /* the rest is not looked at, and a is there */
	enum drop_reason why;
};

/* ---- one chunk: true to go on, and then x->a is there ---- */

static bool on_data(struct input *x)
{
	if (!x->had_data) ecn_data_came(x->a, x->p->tos, read32(x->c.value));
	x->had_data = true;
	return data_receive(x->a, x->from, &x->c);
}

static bool on_init(struct input *x)
{
	open_receive_init(x->s, x->p, &x->h, &x->c, x->a);
	return false;
}

static bool on_init_ack(struct input *x) { return open_receive_init_ack(x->a, x->from, &x->c); }
static bool on_sack(struct input *x) { return sack_receive(x->a, &x->c); }

/* RFC 9260 §8.3: back to where it came from, as it is. */
static bool on_heartbeat(struct input *x)
{
	out_control(x->a, x->from, CHUNK_HEARTBEAT_ACK, 0, x->c.value, x->c.len);
	return true;
}

static bool on_heartbeat_ack(struct input *x)
{
	heartbeat_receive_ack(x->a, &x->c);
	return true;
}

static bool on_abort(struct input *x)
{
	bool opening = assoc_in(x->a, SCTP_OPENING);
	struct sctp_param cause = {0};

	sctp_param_parse(&cause, x->c.value, x->c.len);
	assoc_lost(x->a, opening ? ECONNREFUSED : ECONNRESET, opening ? SCTP_CANT_STR_ASSOC : SCTP_COMM_LOST, cause.type);
	return false;
}

static bool on_shutdown(struct input *x) { return shutdown_receive(x->a, &x->c); }
static bool on_shutdown_ack(struct input *x) { return shutdown_receive_ack(x->a, x->from); }

static bool on_shutdown_complete(struct input *x)
{
	if (x->a->state != SCTP_SHUTDOWN_ACK_SENT) return true;
	assoc_lost(x->a, 0, SCTP_SHUTDOWN_COMP, 0);
	return false;
}

static bool on_error(struct input *x)
{
	size_t at = 0;

	for (; x->causes < CAUSES_MOST && at < x->c.len; x->causes++) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, x->c.value + at, x->c.len - at);
		if (n < 0) return true;
		if (v.type == CAUSE_STALE_COOKIE && v.len >= 4) {
			if (!open_stale_cookie(x->a, read32(v.value))) return false;
		} else {
			notify_remote_error(x->a, &v);
		}
		at += (size_t)n;
	}
	return true;
}

static bool on_cookie_echo(struct input *x)
{
	x->a = open_receive_cookie(x->s, x->p, &x->h, &x->c, x->had_auth ? &x->auth : NULL, x->a);
	x->authentic = x->a && x->had_auth;
	x->from = x->a ? assoc_path(x->a, &x->p->src) : NULL;
	return x->from;
}

static bool on_cookie_ack(struct input *x)
{
	open_receive_cookie_ack(x->a);
	return true;
}

static bool on_forward_tsn(struct input *x)
{
	x->had_data = true;
	forward_receive(x->a, &x->c);
	return true;
}

/* RFC 9260 §3.2: the upper two bits of the type say what is to be done. Told once a packet, whatever there is. */
static bool on_unknown(struct input *x)
{
	size_t len = MIN((size_t)x->c.len + SCTP_CHUNK_HDR, REPORT_MOST);

	if (x->c.type & CHUNK_REPORTS && !x->reported && assoc_in(x->a, SCTP_UP | SCTP_S_(COOKIE_ECHOED)))
		out_error(x->a, x->from, CAUSE_CHUNK_TYPE, x->c.value - SCTP_CHUNK_HDR, len);
	x->reported |= (x->c.type & CHUNK_REPORTS) != 0;
	x->stopped = !(x->c.type & CHUNK_SKIPS);
	return !x->stopped;
}

/* RFC 6525 §3.1: a packet has one; more would be a way to be sent many. */
static bool on_reconfig(struct input *x)
{
	if (!x->a->reconfig.able) return on_unknown(x);
	if (x->had_reconfig) return true;
	x->had_reconfig = true;
	return reconfig_receive(x->a, x->from, &x->c);
}

static bool stop(struct input *x)
{
	x->stopped = true;
	return false;
}

/* RFC 4895 §6.3. One in a packet: each costs a hash of all behind it. */
static bool on_auth(struct input *x)
{
	if (!x->a->auth.able) return on_unknown(x);
	if (x->had_auth) return stop(x);
	x->had_auth = true;
	switch (auth_verify(x->s, &x->a->auth, &x->a->keys, &x->c, x->p)) {
	case AUTH_RIGHT:
		x->authentic = true;
		if (read16(x->c.value) != x->a->keys.active) notify_key(x->a, read16(x->c.value), SCTP_AUTH_NEW_KEY);
		return true;
	case AUTH_HMAC_UNKNOWN:
		out_error(x->a, x->from, CAUSE_HMAC, x->c.value + 2, 2);
		return stop(x);
	case AUTH_MALFORMED: return assoc_violated(x->a);
	default: return stop(x);
	}
}

/* RFC 5061 §4.1.1, §5.2: only what is authenticated; one in a packet, as with on_reconfig(). */
static bool on_asconf(struct input *x)
{
	if (!x->a->asconf.able || !x->authentic || x->had_asconf) return true;
	x->had_asconf = true;
	return asconf_receive(x->a, &x->p->src, &x->c);
}

static bool on_asconf_ack(struct input *x)
{
	return !x->a->asconf.able || !x->authentic || asconf_receive_ack(x->a, &x->c);
}

/* One in a packet, too: each is answered. */
static bool on_ecne(struct input *x)
{
	if (!x->had_ecne) ecn_receive_echo(x->a, x->from, &x->c);
	x->had_ecne = true;
	return true;
}

static bool on_cwr(struct input *x)
{
	ecn_receive_reduced(x->a);
	return true;
}

#define ALL (SCTP_OPENING | SCTP_UP)
#define SCTP_TAKES_ASCONF (SCTP_UP & ~SCTP_S_(SHUTDOWN_ACK_SENT))
static const struct { uint16_t type; uint16_t least; unsigned states; bool (*receive)(struct input *); } rows[] = {
	{CHUNK_DATA, SCTP_DATA_HDR - SCTP_CHUNK_HDR, SCTP_TAKES_DATA, on_data},
	{CHUNK_INIT, SCTP_INIT_FIXED, ALL, on_init},
	{CHUNK_INIT_ACK, SCTP_INIT_FIXED, SCTP_S_(COOKIE_WAIT), on_init_ack},
	{CHUNK_SACK, SCTP_SACK_FIXED, SCTP_UP & ~SCTP_S_(SHUTDOWN_ACK_SENT), on_sack},
	{CHUNK_HEARTBEAT, 0, SCTP_UP | SCTP_S_(COOKIE_ECHOED), on_heartbeat},
	{CHUNK_HEARTBEAT_ACK, 0, SCTP_UP, on_heartbeat_ack},
	{CHUNK_ABORT, 0, ALL, on_abort},
	{CHUNK_SHUTDOWN, 4, SCTP_UP & ~SCTP_S_(SHUTDOWN_ACK_SENT), on_shutdown},
	{CHUNK_SHUTDOWN_ACK, 0, SCTP_S_(SHUTDOWN_SENT) | SCTP_S_(SHUTDOWN_ACK_SENT), on_shutdown_ack},
	{CHUNK_ERROR, 0, SCTP_UP | SCTP_S_(COOKIE_ECHOED), on_error},
	{CHUNK_COOKIE_ECHO, 0, ALL, on_cookie_echo},
	{CHUNK_COOKIE_ACK, 0, SCTP_S_(COOKIE_ECHOED), on_cookie_ack},
	{CHUNK_ECNE, 4, SCTP_SENDS_DATA, on_ecne},
	{CHUNK_CWR, 4, SCTP_UP, on_cwr},
	{CHUNK_SHUTDOWN_COMPLETE, 0, SCTP_UP, on_shutdown_complete},
	{CHUNK_AUTH, AUTH_HEAD - SCTP_CHUNK_HDR, SCTP_UP | SCTP_S_(COOKIE_ECHOED), on_auth},
	{CHUNK_ASCONF, 12, SCTP_TAKES_ASCONF, on_asconf},
	{CHUNK_ASCONF_ACK, 4, SCTP_TAKES_ASCONF, on_asconf_ack},
	{CHUNK_RECONFIG, 0, SCTP_UP & ~SCTP_S_(SHUTDOWN_ACK_SENT), on_reconfig},
	{CHUNK_FORWARD_TSN, 4, SCTP_TAKES_DATA, on_forward_tsn},
};

/* RFC 4895 §6.3: what was to be authenticated, and is not, is not there. Of a cookie its own association says whether it was to be. */
static bool is_forged(const struct input *x)
{
	return x->a->auth.able && !x->authentic && x->c.type != CHUNK_COOKIE_ECHO && auth_needs(&x->a->auth.mine, x->c.type);
}

static bool receive_chunk(struct input *x)
{
	if (is_forged(x)) return true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].type != x->c.type) continue;
		if (x->c.len < rows[i].least || !assoc_in(x->a, rows[i].states)) return true;
		return rows[i].receive(x);
	}
	return on_unknown(x);
}

/* ---- tags ---- */

/* RFC 9260 §8.5.1: some chunks may carry the tag that is ours to send. INIT and COOKIE ECHO are looked at by what is in them. */
static bool tag_is_right(const struct input *x)
{
	const struct assoc *a = x->a;
	bool reflected = x->c.flags & CHUNK_T;

	switch (x->c.type) {
	case CHUNK_INIT: return x->h.vtag == 0;
	case CHUNK_COOKIE_ECHO: return true;
	case CHUNK_ABORT:
	case CHUNK_SHUTDOWN_COMPLETE: return reflected ? a->peer_tag != 0 && x->h.vtag == a->peer_tag : x->h.vtag == a->my_tag;
	default: return x->h.vtag == a->my_tag;
	}
}

/* RFC 9260 §6.10: these are alone in their packet. */
static bool must_be_alone(uint8_t type) { return type == CHUNK_INIT || type == CHUNK_INIT_ACK || type == CHUNK_SHUTDOWN_COMPLETE; }

/* ---- the packet ---- */

bool auth_before_cookie(const struct packet *p, struct sctp_chunk *ret, size_t *at)
{
	struct sctp_chunk auth, next;
	int n = sctp_chunk_parse(&auth, p->data + SCTP_HDR_LEN, p->len - SCTP_HDR_LEN);

	if (n < 0 || auth.type != CHUNK_AUTH || auth.len < AUTH_HEAD - SCTP_CHUNK_HDR) return false;
	if (sctp_chunk_parse(&next, p->data + SCTP_HDR_LEN + n, p->len - SCTP_HDR_LEN - (size_t)n) < 0 || next.type != CHUNK_COOKIE_ECHO) return false;
	*ret = auth;
	*at = SCTP_HDR_LEN + (size_t)n;
	return true;
}

static void receive_chunks(struct input *x)
{
	const struct packet *p = x->p;
	size_t begin = SCTP_HDR_LEN, at;
	bool go_on = true;

	x->had_auth = auth_before_cookie(p, &x->auth, &begin);
	at = begin;
	while (go_on && at < p->len) {
		int n = sctp_chunk_parse(&x->c, p->data + at, p->len - at);
		bool first = at == begin;
		if (n < 0) break;
		at += (size_t)n;
		if (must_be_alone(x->c.type) && (!first || at < p->len)) break;
		/* Of a packet the first chunk tells how its tag is to be read; ABORT may stand behind others. */
		if ((first || x->c.type == CHUNK_ABORT || x->c.type == CHUNK_INIT) && !tag_is_right(x)) {
			x->why = DROP_SCTP_TAG;
			break;
		}
		if (!first && x->c.type == CHUNK_COOKIE_ECHO) break;   /* RFC 9260 §5.1 (C): first, if at all */
		go_on = receive_chunk(x);
		if (!go_on && !x->stopped) return;
	}
	if (x->had_data) data_packet_end(x->a);
	shutdown_when_done(x->a);
	sctp_output(x->a);
}

static enum drop_reason read_packet(struct packet *p, struct sctp_hdr *h)
{
	/* RFC 9260 §8.4 (1): never of or to a group. */
	if (p->broadcast || p->multicast || addr_is_multicast(&p->dst) || addr_is_multicast(&p->src)) return DROP_SCTP_BAD;
	if (sctp_parse(h, p->data, p->len) < 0 || h->src == 0 || h->dst == 0) return DROP_SCTP_BAD;
	/* RFC 9260 §6.8 */
	return sctp_csum_ok(p->data, p->len) ? DROP_NONE : DROP_SCTP_CSUM;
}

/* SHUTDOWN ACK to who is only beginning is out of the blue: RFC 9260 §8.5.1 (E). */
static bool is_for_nobody(const struct input *x)
{
	const struct packet *p = x->p;

	if (!x->from) return true;
	return p->len > SCTP_HDR_LEN && p->data[SCTP_HDR_LEN] == CHUNK_SHUTDOWN_ACK && assoc_in(x->a, SCTP_OPENING);
}

static void receive(struct stack *s, struct packet *p)
{
	struct input x = {.s = s, .p = p};

	x.why = read_packet(p, &x.h);
	if (x.why == DROP_NONE) {
		x.from = sctp_flow_find(s, &p->dst, x.h.dst, &p->src, x.h.src);
		x.a = x.from ? x.from->assoc : NULL;
		if (x.a && x.a->sock->inet.sk.filter && !sock_filter_allows(&x.a->sock->inet.sk, p, p->len))
			x.why = DROP_SOCK_FILTER;
		else if (is_for_nobody(&x))
			receive_out_of_the_blue(s, p, &x.h);
		else {
			x.a->stats.ipackets++;
			receive_chunks(&x);
		}
	}
	if (x.why != DROP_NONE)
		stack_drop(s, p, x.why);
	else
		packet_free(p);
}

/* A COOKIE ECHO that nobody knows has made an association: what follows it in the packet is that one's. */
void receive_behind_cookie(struct stack *s, struct packet *p, const struct sctp_hdr *h, struct assoc *a, size_t at, bool authentic)
{
	struct input x = {.s = s, .p = p, .h = *h, .a = a, .from = assoc_path(a, &p->src), .had_auth = authentic, .authentic = authentic};

	a->stats.ipackets++;
	while (x.from && at < p->len) {
		int n = sctp_chunk_parse(&x.c, p->data + at, p->len - at);
		if (n < 0 || must_be_alone(x.c.type) || x.c.type == CHUNK_COOKIE_ECHO || !receive_chunk(&x)) return;
		at += (size_t)n;
	}
	if (x.had_data) data_packet_end(a);
}

const struct ip_proto sctp_proto = {.proto = IP_PROTO_SCTP, .receive = receive, .error = sctp_error};
