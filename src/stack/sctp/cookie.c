/*
 * The state cookie: all that an association will be made of, kept by the peer instead of us, under a keyed hash, until it proves by sending it back
 * that it is where it says it is. Nothing is remembered of an INIT.
 *
 * Nobody but this host reads a cookie, so it is a struct as it lies in memory.
 *
 * Read first: RFC 9260 §5.1.3, §5.1.5.
 */
#include "stack/sctp/assoc.h"

struct cookie {
	uint64_t mac[2];
	uint64_t use;                          /* one number for each half of the hash */
	int64_t made_at;
	uint32_t life_ms, my_tag, peer_tag, my_tsn, peer_tsn, peer_rwnd, my_tie, peer_tie, adaptation;
	uint16_t lport, rport, out_streams, in_streams;
	uint8_t forwards, has_adaptation, reconfigures, readdresses, marks, pad[3];
	uint32_t n_addrs;
	struct addr addrs[SCTP_ADDRS_MAX];
	struct auth auth;
};
_Static_assert(sizeof(struct cookie) <= COOKIE_MOST, "COOKIE_MOST");

size_t cookie_len(void) { return sizeof(struct cookie); }

static void sign(const struct stack *s, struct cookie *k, uint64_t mac[2])
{
	for (uint64_t i = 0; i < 2; i++) {
		k->use = 0x5c1b0000 + i;
		mac[i] = stack_hash(s, &k->use, sizeof *k - offsetof(struct cookie, use));
	}
}

void cookie_write(struct stack *s, uint8_t *p, const struct sctp_hdr *h, const struct init_read *r, const struct cookie_made *m, uint16_t out_streams,
		  uint16_t in_streams)
{
	struct cookie k;

	memset(&k, 0, sizeof k);
	k.made_at = s->now;
	k.life_ms = m->life_ms;
	k.my_tag = m->my_tag;
	k.my_tsn = m->my_tsn;
	k.my_tie = m->my_tie;
	k.peer_tie = m->peer_tie;
	k.peer_tag = r->h.tag;
	k.peer_tsn = r->h.tsn;
	k.peer_rwnd = r->h.rwnd;
	k.adaptation = r->adaptation;
	k.has_adaptation = r->has_adaptation;
	k.forwards = r->forwards;
	k.reconfigures = r->reconfigures;
	k.readdresses = r->readdresses;
	k.marks = r->marks;
	k.lport = h->dst;
	k.rport = h->src;
	k.out_streams = out_streams;
	k.in_streams = in_streams;
	k.n_addrs = r->addrs.n;
	memcpy(k.addrs, r->addrs.at, r->addrs.n * sizeof *k.addrs);
	k.auth = m->auth;
	sign(s, &k, k.mac);
	memcpy(p, &k, sizeof k);
}

bool cookie_read(struct stack *s, const struct sctp_chunk *c, const struct packet *in, const struct sctp_hdr *h, struct cookie_read *ret)
{
	struct cookie k;
	uint64_t mac[2], use;
	time_ns age;

	if (c->len != sizeof k) return false;
	memcpy(&k, c->value, sizeof k);
	use = k.use;
	sign(s, &k, mac);
	/* RFC 9260 §5.1.5 (2), (3): ours, for these ports and this tag. */
	if (memcmp(mac, k.mac, sizeof mac) != 0 || use != k.use) return false;
	if (k.lport != h->dst || k.rport != h->src || k.my_tag != h->vtag) return false;
	*ret = (struct cookie_read){.my_tag = k.my_tag, .peer_tag = k.peer_tag, .my_tsn = k.my_tsn, .peer_tsn = k.peer_tsn, .peer_rwnd = k.peer_rwnd,
				    .my_tie = k.my_tie, .peer_tie = k.peer_tie, .adaptation = k.adaptation, .out_streams = k.out_streams,
				    .in_streams = k.in_streams, .forwards = k.forwards, .has_adaptation = k.has_adaptation,
				    .reconfigures = k.reconfigures, .readdresses = k.readdresses, .marks = k.marks, .addrs.n = k.n_addrs};
	memcpy(ret->addrs.at, k.addrs, sizeof k.addrs);
	ret->auth = k.auth;
	if (!sctp_addrs_have(&ret->addrs, &in->src)) return false;
	age = s->now - k.made_at - (time_ns)k.life_ms * NS_PER_MS;
	ret->stale = age > 0;
	ret->late_us = (uint32_t)MIN(MAX(age, 0) / NS_PER_US, UINT32_MAX);
	return true;
}
