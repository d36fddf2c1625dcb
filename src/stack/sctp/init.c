/*
 * INIT and INIT ACK: what an end says of itself. Parameters that are not known are treated as the upper two bits of their type ask.
 *
 * Read first: RFC 9260 §3.2.1, §3.3.2, §3.3.3.
 */
#include "stack/sctp/assoc.h"

#define PARAM_SKIPS 0x8000             /* not known: go on behind it; else stop here */
#define PARAM_REPORTS 0x4000           /* and tell its sender */
#define PRESERVE_MOST_MS 60000u
#define PARAMS_MOST 256u               /* of one chunk: more are not looked at */

/* RFC 9260 §3.2.1: true to go on. What finds no room is not reported. */
static bool pass_unknown(const struct sctp_param *v, struct init_read *r)
{
	struct sctp_param report = {.type = PARAM_UNRECOGNIZED, .len = (uint16_t)(v->len + 4), .value = v->value - 4};

	if (v->type & PARAM_REPORTS && sctp_padded(v->len + 8u) <= sizeof r->errors - r->errors_len)
		r->errors_len = (uint8_t)(r->errors_len + sctp_param_emit(&report, r->errors + r->errors_len));
	return v->type & PARAM_SKIPS;
}

static void add_address(const struct sctp_sock *so, const struct addr *a, struct init_read *r)
{
	if (sctp_addr_can_be_peer(so, a) && !addr_is_loopback(a)) sctp_addrs_add(&r->addrs, a);
}

/* RFC 5061 §4.2.7: the types of chunks that it knows, and we do. */
static void read_extensions(const struct sctp_sock *so, const struct sctp_param *v, struct init_read *r)
{
	for (uint16_t i = 0; i < v->len; i++)
		switch (v->value[i]) {
		case CHUNK_RECONFIG: r->reconfigures = so->set.reconfig; break;
		case CHUNK_ASCONF:
		case CHUNK_ASCONF_ACK: r->readdresses = so->set.asconf; break;
		case CHUNK_AUTH: r->authenticates = so->set.auth.on; break;
		default: break;
		}
}

/* Those of RFC 4895, where it is offered. False: they are another's to judge. */
static bool read_auth(const struct sctp_sock *so, const struct sctp_param *v, struct init_read *r)
{
	struct sctp_param *to = v->type == PARAM_RANDOM ? &r->random : v->type == PARAM_CHUNKS ? &r->chunks : v->type == PARAM_HMACS ? &r->hmacs : NULL;

	if (!to || !so->set.auth.on) return false;
	*to = *v;
	return true;
}

/* RFC 4895 §6.1: the vector; empty where the peer can't. */
static void make_vector(struct init_read *r)
{
	struct auth_vector v = {.len = 0};

	if (!r->authenticates || !r->random.value || !r->hmacs.value) return;
	if (!auth_vector_add(&v, &r->random) || (r->chunks.value && !auth_vector_add(&v, &r->chunks)) || !auth_vector_add(&v, &r->hmacs)) return;
	r->auth = v;
}

static size_t write_extensions(const struct sctp_sock *so, const struct auth_vector *auth, uint8_t *p)
{
	uint8_t types[4];
	uint16_t n = 0;

	if (auth->len) types[n++] = CHUNK_AUTH;
	if (auth->len && so->set.asconf) {
		types[n++] = CHUNK_ASCONF;
		types[n++] = CHUNK_ASCONF_ACK;
	}
	if (so->set.reconfig) types[n++] = CHUNK_RECONFIG;
	return n ? sctp_param_emit(&(struct sctp_param){.type = PARAM_EXTENSIONS, .len = n, .value = types}, p) : 0;
}

static uint16_t read_param(const struct sctp_sock *so, const struct sctp_param *v, struct init_read *r, bool *go_on)
{
	struct addr a;

	switch (v->type) {
	case PARAM_IPV4:
	case PARAM_IPV6:
		if (v->len != (v->type == PARAM_IPV4 ? 4 : 16)) return CAUSE_PROTOCOL;
		a = v->type == PARAM_IPV4 ? addr_v4_octets(v->value) : addr_v6_octets(v->value);
		add_address(so, &a, r);
		return 0;
	case PARAM_COOKIE:
		r->cookie = v->value;
		r->cookie_len = v->len;
		return 0;
	case PARAM_PRESERVATIVE:
		if (v->len == 4) r->preserve_ms = MIN(read32(v->value), PRESERVE_MOST_MS);
		return 0;
	case PARAM_FORWARD_TSN:
		r->forwards = true;
		return 0;
	case PARAM_EXTENSIONS:
		read_extensions(so, v, r);
		return 0;
	case PARAM_ECN:
		r->marks = so->set.ecn;
		return 0;
	case PARAM_ADAPTATION:
		r->has_adaptation = v->len == 4;
		if (r->has_adaptation) r->adaptation = read32(v->value);
		return 0;
	case PARAM_UNRECOGNIZED:
	case PARAM_FAMILIES:
		return 0;
	case PARAM_HOST_NAME:
		return CAUSE_ADDRESS;          /* RFC 9260 §3.3.2.1.4: never sent, and who receives it aborts */
	default:
		if (!read_auth(so, v, r)) *go_on = pass_unknown(v, r);
		return 0;
	}
}

int init_read(const struct sctp_sock *so, const struct sctp_chunk *c, const struct addr *from, struct init_read *ret)
{
	struct init_read r = {0};
	int n = sctp_init_parse(&r.h, c);
	size_t at = (size_t)n;
	bool go_on = true;

	if (n < 0) return CAUSE_PROTOCOL;
	/* RFC 9260 §3.3.2, §3.3.3 */
	if (r.h.out_streams == 0 || r.h.in_streams == 0) return CAUSE_MANDATORY;
	if (r.h.rwnd < SCTP_RWND_LEAST) return CAUSE_PROTOCOL;
	sctp_addrs_add(&r.addrs, from);
	for (unsigned i = 0; go_on && at < c->len && i < PARAMS_MOST; i++) {
		struct sctp_param v;
		uint16_t cause;
		n = sctp_param_parse(&v, c->value + at, c->len - at);
		if (n < 0) return CAUSE_PROTOCOL;
		cause = read_param(so, &v, &r, &go_on);
		if (cause) return cause;
		at += (size_t)n;
	}
	if (!auth_params_are_right(&r.random, &r.hmacs)) return CAUSE_PROTOCOL;
	/* RFC 5061 §4.2.7: who lists ASCONF without AUTH is refused. */
	if (r.readdresses && so->set.auth.on && !r.authenticates) return CAUSE_PROTOCOL;
	make_vector(&r);
	*ret = r;
	return 0;
}

static size_t write_address(const struct addr *a, uint8_t *p)
{
	bool v4 = addr_is_v4(a);
	struct sctp_param v = {.type = v4 ? PARAM_IPV4 : PARAM_IPV6, .len = v4 ? 4 : 16, .value = v4 ? a->b + 12 : a->b};

	return sctp_param_emit(&v, p);
}

size_t init_write(uint8_t *p, size_t room, const struct sctp_init *h, const struct sctp_addrs *local, const struct sctp_sock *so,
		  const struct auth_vector *auth)
{
	static const uint8_t both[] = {0, PARAM_IPV4, 0, PARAM_IPV6};
	bool v6 = so->inet.sk.domain == AF_INET6, v4 = !v6 || !so->inet.v6only;
	uint8_t ind[4];
	size_t at = SCTP_INIT_FIXED;

	sctp_init_emit(h, p);
	/* RFC 9260 §5.1.2: with one address, where the packet comes from says it. */
	for (uint32_t i = 0; local->n > 1 && i < local->n && at + 64 + auth->len + 8 < room; i++) at += write_address(&local->at[i], p + at);
	at += sctp_param_emit(&(struct sctp_param){.type = PARAM_FAMILIES, .len = v4 && v6 ? 4 : 2, .value = v4 ? both : both + 2}, p + at);
	at += sctp_param_emit(&(struct sctp_param){.type = PARAM_FORWARD_TSN}, p + at);
	if (so->set.ecn) at += sctp_param_emit(&(struct sctp_param){.type = PARAM_ECN}, p + at);
	at += auth_vector_emit(auth, p + at);
	at += write_extensions(so, auth, p + at);
	write32(ind, so->set.adaptation);
	at += sctp_param_emit(&(struct sctp_param){.type = PARAM_ADAPTATION, .len = sizeof ind, .value = ind}, p + at);
	return at;
}
