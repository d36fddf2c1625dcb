/* RFC 4895: what is agreed upon, keys and their numbers, and what comes of packets that nobody with the key has made. */
#include "bench.h"
#include "base/crypto.h"
#include "host/crypto.h"

#define OPT(sk, name, v) sock_setsockopt(sk, IPPROTO_SCTP, name, &(v), sizeof(v))

static int set_supported(struct sock *sk)
{
	struct sctp_assoc_value v = {.assoc_value = 1};

	return OPT(sk, SCTP_AUTH_SUPPORTED, v);
}

static int set_chunk(struct sock *sk, uint8_t type) { return OPT(sk, SCTP_AUTH_CHUNK, type); }

static int set_key(struct sock *sk, sctp_assoc_t id, uint16_t number, const char *text)
{
	struct { struct key_head h; uint8_t key[32]; } v = {.h = {id, number, (uint16_t)strlen(text)}};

	memcpy(v.key, text, strlen(text));
	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_AUTH_KEY, &v, (socklen_t)(sizeof v.h + strlen(text)));
}

static int key_call(struct sock *sk, int name, uint16_t number)
{
	struct sctp_authkeyid v = {.scact_keynumber = number};

	return OPT(sk, name, v);
}

static int set_hmacs(struct sock *sk, uint16_t first, uint16_t second)
{
	struct { struct hmacs_head h; uint16_t ids[2]; } v = {.h = {.shmac_num_idents = second ? 2 : 1}, .ids = {first, second}};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_HMAC_IDENT, &v, (socklen_t)(sizeof v.h + 2 * v.h.shmac_num_idents));
}

static void key_events(struct sock *sk)
{
	struct sctp_event e = {.se_type = SCTP_AUTHENTICATION_EVENT, .se_on = 1};

	assert_int_equal(OPT(sk, SCTP_EVENT, e), 0);
}

static void told(struct sock *sk, uint32_t what, uint16_t key)
{
	const struct got *g = call_recv(sk);
	struct sctp_authkey_event e;

	assert_int_equal(g->n, sizeof e);
	assert_true(g->flags & MSG_NOTIFICATION);
	memcpy(&e, g->data, sizeof e);
	assert_int_equal(e.auth_type, SCTP_AUTHENTICATION_EVENT);
	assert_int_equal(e.auth_indication, what);
	assert_int_equal(e.auth_keynumber, key);
}

/* A pair with these keys, both of which want DATA authenticated, and `also`. */
static void able(struct bench *b, const char *of_x, const char *of_y, uint8_t also, struct sock **x, struct sock **y)
{
	struct sock *l = one(b->net.s[1]);

	*x = one(b->net.s[0]);
	for (int i = 0; i < 2; i++) {
		struct sock *sk = i ? l : *x;
		assert_int_equal(set_supported(sk), 0);
		assert_int_equal(set_chunk(sk, CHUNK_DATA), 0);
		assert_int_equal(set_chunk(sk, also), 0);
		assert_int_equal(set_key(sk, 0, 0, i ? of_y : of_x), 0);
	}
	listening(l, "10.0.0.2", 7);
	call_connect(*x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(sock_accept(l, y), 0);
	sock_close(l);
	bench_pass(b, NS_PER_S);
}

static void hears(struct sock *sk, const char *text)
{
	const struct got *g = call_recv(sk);

	assert_int_equal(g->n, strlen(text));
	assert_memory_equal(g->data, text, strlen(text));
}

/* ---- what is agreed upon ---- */

/* Two of the longest there may be, and no third. */
static void long_keys(struct sock *sk)
{
	static struct { struct key_head h; uint8_t key[65535]; } v;

	set_supported(sk);
	v.h.sca_keylength = 65535;
	for (uint16_t i = 1; i < 4; i++) {
		v.h.sca_keynumber = i;
		assert_int_equal(OPT(sk, SCTP_AUTH_KEY, v), i < 3 ? 0 : -ENOMEM);
	}
}

static void options(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);
	struct { struct hmacs_head h; uint16_t ids[4]; } hmacs;
	struct { struct chunks_head h; uint8_t types[30]; } chunks = {.h.gauth_assoc_id = 0};
	socklen_t len = sizeof hmacs;

	assert_int_equal(set_chunk(x, CHUNK_DATA), -EACCES);
	assert_int_equal(set_key(x, 0, 1, "k"), -EACCES);
	assert_int_equal(key_call(x, SCTP_AUTH_ACTIVE_KEY, 0), -EACCES);
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_HMAC_IDENT, &hmacs, &len), -EACCES);
	assert_int_equal(set_supported(x), 0);
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_HMAC_IDENT, &hmacs, &len), 0);
	assert_int_equal(hmacs.h.shmac_num_idents, 1);
	assert_int_equal(hmacs.ids[0], 1);
	assert_int_equal(set_hmacs(x, 3, 0), -EINVAL);
	assert_int_equal(set_hmacs(x, 1, 2), -EOPNOTSUPP);
	assert_int_equal(set_hmacs(x, 3, 1), 0);
	assert_int_equal(set_chunk(x, CHUNK_INIT), -EINVAL);
	assert_int_equal(set_chunk(x, CHUNK_AUTH), -EINVAL);
	for (int type = 100; type < 120; type++) assert_int_equal(set_chunk(x, (uint8_t)type), 0);
	assert_int_equal(set_chunk(x, 100), 0);
	assert_int_equal(set_chunk(x, 120), -EINVAL);
	len = sizeof chunks;
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_LOCAL_AUTH_CHUNKS, &chunks, &len), 0);
	assert_int_equal(len, sizeof chunks.h + 20);
	assert_int_equal(chunks.types[19], 119);
	len--;
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_LOCAL_AUTH_CHUNKS, &chunks, &len), -EINVAL);
	/* Keys: the active one stays. */
	assert_int_equal(set_key(x, 0, 1, "k"), 0);
	assert_int_equal(key_call(x, SCTP_AUTH_ACTIVE_KEY, 2), -EINVAL);
	assert_int_equal(key_call(x, SCTP_AUTH_ACTIVE_KEY, 1), 0);
	assert_int_equal(key_call(x, SCTP_AUTH_DELETE_KEY, 1), -EINVAL);
	assert_int_equal(key_call(x, SCTP_AUTH_DEACTIVATE_KEY, 1), -EINVAL);
	assert_int_equal(key_call(x, SCTP_AUTH_DEACTIVATE_KEY, 0), 0);
	assert_int_equal(key_call(x, SCTP_AUTH_ACTIVE_KEY, 0), -EINVAL);
	assert_int_equal(key_call(x, SCTP_AUTH_DELETE_KEY, 0), 0);
	assert_int_equal(key_call(x, SCTP_AUTH_DELETE_KEY, 0), -EINVAL);
	for (uint16_t i = 2; i < 65; i++) assert_int_equal(set_key(x, 0, i, "k"), 0);
	assert_int_equal(set_key(x, 0, 65, "k"), -ENOMEM);
	long_keys(many(b->net.s[0]));
	/* The other one does not know it. */
	key_events(y);
	assert_int_equal(call_sendmsg(x, "text", 4, &(struct wish_sent){.to = "10.0.0.2", .port = 7}), 4);
	settle(b);
	told(y, SCTP_AUTH_NO_AUTH, 0);
	hears(y, "text");
	chunks.h.gauth_assoc_id = assoc_at(x)->id;
	len = sizeof chunks;
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_PEER_AUTH_CHUNKS, &chunks, &len), -EACCES);
	assert_int_equal(set_key(x, chunks.h.gauth_assoc_id, 1, "k"), -EACCES);
	assert_int_equal(set_key(x, 1000, 1, "k"), -EINVAL);
	assert_int_equal(b->chunks[CHUNK_AUTH], 0);
}

/* ---- what is sent ---- */

static struct { uint8_t vector[2][256]; size_t len[2]; uint8_t data[2048]; size_t data_len; } seen;

/* INIT's and INIT ACK's parameters, as RFC 4895 §6.1 wants them put together. */
static void remember_vector(int whose, const struct sctp_chunk *c)
{
	size_t at = SCTP_INIT_FIXED;

	seen.len[whose] = 0;
	while (at < c->len) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, c->value + at, c->len - at);
		assert_true(n > 0);
		if (v.type == PARAM_RANDOM || v.type == PARAM_CHUNKS || v.type == PARAM_HMACS) {
			memcpy(seen.vector[whose] + seen.len[whose], c->value + at, v.len + 4u);
			seen.len[whose] += v.len + 4u;
		}
		at += (size_t)n;
	}
}

/* Whatever goes, DATA is behind AUTH. */
static bool watch(struct bench *b, struct seen *p)
{
	bool authentic = false;

	(void)b;
	for (unsigned i = 0; i < p->n; i++) {
		const struct sctp_chunk *c = &p->chunks[i];
		if (c->type == CHUNK_INIT || c->type == CHUNK_INIT_ACK) remember_vector(p->from, c);
		if (c->type == CHUNK_AUTH) authentic = true;
		if (c->type != CHUNK_DATA) continue;
		assert_true(authentic);
		seen.data_len = p->len;
		memcpy(seen.data, p->at, p->len);
	}
	return false;
}

/* RFC 4895 §6.1, §6.2 (4895-1): the HMAC is what the RFC says, put together here once more. */
static void as_the_rfc_says(void **state)
{
	struct bench *b = *state;

	for (int sha256 = 0; sha256 < 2; sha256++) {
		size_t hmac_len = sha256 ? SHA256_LEN : SHA1_LEN;
		uint8_t key[600] = "our secret", made[SHA256_LEN], came[SHA256_LEN];
		struct sock *x, *y, *l = one(b->net.s[1]);
		b->lose = watch;
		x = one(b->net.s[0]);
		for (int i = 0; i < 2; i++) {
			struct sock *sk = i ? l : x;
			set_supported(sk);
			if (sha256) assert_int_equal(set_hmacs(sk, 3, 1), 0);
			for (uint8_t type = 0; type < (i ? 1 : 3); type++) set_chunk(sk, type ? (uint8_t)(99 + type) : CHUNK_DATA);
			set_key(sk, 0, 0, "our secret");
		}
		listening(l, "10.0.0.2", 7);
		call_connect(x, "10.0.0.2", 7);
		settle(b);
		assert_int_equal(sock_accept(l, &y), 0);
		sock_close(l);
		call_send(x, "text", 4);
		settle(b);
		hears(y, "text");
		/* x's is longer: it names more chunks. */
		assert_true(seen.len[0] > seen.len[1]);
		memcpy(key + 10, seen.vector[1], seen.len[1]);
		memcpy(key + 10 + seen.len[1], seen.vector[0], seen.len[0]);
		assert_int_equal(seen.data[SCTP_HDR_LEN], CHUNK_AUTH);
		assert_int_equal(read16(seen.data + SCTP_HDR_LEN + 2), 8 + hmac_len);
		assert_int_equal(read16(seen.data + SCTP_HDR_LEN + 6), sha256 ? 3 : 1);
		memcpy(came, seen.data + SCTP_HDR_LEN + 8, hmac_len);
		memset(seen.data + SCTP_HDR_LEN + 8, 0, hmac_len);
		struct octets k = {key, 10 + seen.len[0] + seen.len[1]}, data = {seen.data + SCTP_HDR_LEN, seen.data_len - SCTP_HDR_LEN};
		assert_true(sha256 ? host_crypto()->hmac_sha256(made, k, data) : host_crypto()->hmac_sha1(made, k, data));
		assert_memory_equal(came, made, hmac_len);
		sock_close(x);
		sock_close(y);
		bench_pass(b, NS_PER_S);
	}
}

/* Messages of all sizes, over packets that have less room now. */
static void much(void **state)
{
	static uint8_t data[20000];
	struct bench *b = *state;
	struct sock *x, *y;

	b->lose = watch;
	able(b, "k", "k", CHUNK_SACK, &x, &y);
	for (size_t n = 1; n < sizeof data; n = n * 3 + 1) {
		memset(data, (int)n, n);
		assert_int_equal(call_send(x, data, n), n);
		bench_pass(b, 2 * NS_PER_S);
		const struct got *g = call_recv(y);
		assert_int_equal(g->n, n);
		assert_memory_equal(g->data, data, n);
	}
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(assoc_fragment_point(assoc_at(x)), 1424);
}

/* ---- keys ---- */

/* RFC 4895 §6.3 (4895-2): with another key nothing arrives, and nothing is broken; with the right one it does. */
static void another_key(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, "one", "other", CHUNK_SACK, &x, &y);
	call_send(x, "text", 4);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
	assert_int_equal(assoc_at(y)->state, SCTP_ESTABLISHED);
	assert_int_equal(set_key(y, 0, 0, "one"), 0);
	bench_pass(b, 20 * NS_PER_S);
	hears(y, "text");
	assert_int_equal(assoc_at(x)->snd.queued, 0);
}

/* RFC 6458 §8.3.3 to §8.3.5: from one key to the next; the old one goes when nothing needs it. */
static void from_key_to_key(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, "one", "one", CHUNK_SHUTDOWN, &x, &y);
	key_events(x);
	key_events(y);
	for (int i = 0; i < 2; i++) assert_int_equal(set_key(i ? x : y, 0, 7, "seven"), 0);
	assert_int_equal(call_sendmsg(x, "seven", 5, &(struct wish_sent){.key = 7}), 5);
	assert_int_equal(call_sendmsg(x, "eight", 5, &(struct wish_sent){.key = 8}), -EINVAL);
	call_send(x, "zero", 4);
	bench_pass(b, NS_PER_S);
	told(y, SCTP_AUTH_NEW_KEY, 7);
	hears(y, "seven");
	hears(y, "zero");
	b->net.cut[0] = b->net.cut[1] = true;
	call_send(x, "last", 4);
	assert_int_equal(key_call(x, SCTP_AUTH_ACTIVE_KEY, 7), 0);
	assert_int_equal(key_call(x, SCTP_AUTH_DEACTIVATE_KEY, 0), 0);
	assert_int_equal(call_recv(x)->n, -EAGAIN);
	assert_int_equal(call_sendmsg(x, "zero", 4, &(struct wish_sent){.key = 0}), 4);
	b->net.cut[0] = b->net.cut[1] = false;
	bench_pass(b, 10 * NS_PER_S);
	told(x, SCTP_AUTH_FREE_KEY, 0);
	assert_int_equal(call_recv(x)->n, -EAGAIN);
	assert_int_equal(key_call(y, SCTP_AUTH_ACTIVE_KEY, 7), 0);
	assert_int_equal(key_call(y, SCTP_AUTH_DELETE_KEY, 0), 0);
	call_send(y, "back", 4);
	bench_pass(b, NS_PER_S);
	hears(x, "back");
}

/* ---- who has no key ---- */

static void inject(struct bench *b, struct sock *to, const uint8_t *chunks, size_t len)
{
	const struct assoc *a = assoc_at(to);

	bench_inject(b, 1, &(struct sctp_hdr){a->rport, a->lport, a->my_tag}, chunks, len);
}

static size_t put_data(uint8_t *p, const struct assoc *to)
{
	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_DATA, .flags = CHUNK_DATA_B | CHUNK_DATA_E, .len = 16}, p);
	sctp_data_emit(&(struct sctp_data){to->rcv.cum + 1, 0, 0, 0}, p + 4);
	memcpy(p + 16, "text", 4);
	return 20;
}

/* RFC 4895 §6.3 (4895-3): what is to be authenticated and is not is not there; nor what stands behind a wrong HMAC. */
static void forged(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint8_t p[1200] = {0};
	uint32_t errors;

	able(b, "k", "k", CHUNK_SHUTDOWN, &x, &y);
	inject(b, y, p, put_data(p, assoc_at(y)));
	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_SHUTDOWN, .len = 4}, p);
	write32(p + 4, assoc_at(y)->snd.acked);
	inject(b, y, p, 8);
	/* Of a key that there is not, of the wrong HMAC, of another length. */
	for (int kind = 0; kind < 2; kind++) {
		memset(p, 0, sizeof p);
		sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_AUTH, .len = 24}, p);
		write16(p + 4, kind ? 5 : 0);
		write16(p + 6, 1);
		inject(b, y, p, 28 + put_data(p + 28, assoc_at(y)));
	}
	settle(b);
	errors = b->chunks[CHUNK_ERROR];
	write16(p + 6, 3);
	inject(b, y, p, 28 + put_data(p + 28, assoc_at(y)));
	settle(b);
	assert_int_equal(b->chunks[CHUNK_ERROR], errors + 1);
	assert_int_equal(read16(b->last[1] + SCTP_HDR_LEN + SCTP_CHUNK_HDR), CAUSE_HMAC);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_int_equal(assoc_at(y)->state, SCTP_ESTABLISHED);
	/* Many of them cost one look. */
	write16(p + 4, 0);
	write16(p + 6, 1);
	for (size_t i = 1; i < 40; i++) memcpy(p + 28 * i, p, 28);
	inject(b, y, p, 28 * 40);
	call_send(x, "good", 4);
	bench_pass(b, NS_PER_S);
	hears(y, "good");
	write16(p + 2, 27);
	inject(b, y, p, 28);
	assert_null(assoc_at(y));
}

static bool spoil_octet(struct bench *b, struct seen *p)
{
	size_t at = SCTP_HDR_LEN + (size_t)b->count;

	if (!seen_has(p, CHUNK_DATA) || at >= p->len) return false;
	p->at[at] ^= 1;
	sctp_emit(&p->h, p->at, p->len);
	return false;
}

/* No octet of an authenticated packet can be changed on its way. */
static void each_octet(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 48; i++) {
		struct sock *x, *y;
		b->lose = NULL;
		able(b, "k", "k", CHUNK_SACK, &x, &y);
		b->lose = spoil_octet;
		b->count = i;
		call_send(x, "text", 4);
		settle(b);
		assert_int_equal(call_recv(y)->n, assoc_at(y) ? -EAGAIN : -ECONNABORTED);
		b->lose = NULL;
		if (assoc_at(y)) {
			bench_pass(b, 5 * NS_PER_S);
			hears(y, "text");
		}
		sock_close(x);
		sock_close(y);
		bench_pass(b, NS_PER_S);
	}
}

/* user NULL: the chunk before a cookie is none that is known, of those that are passed over. */
static bool strip_auth(struct bench *b, struct seen *p)
{
	if (p->n < 2 || p->chunks[0].type != CHUNK_AUTH || p->chunks[1].type != CHUNK_COOKIE_ECHO) return false;
	b->count++;
	if (b->user) return false;
	p->at[SCTP_HDR_LEN] = 0xbf;
	sctp_emit(&p->h, p->at, p->len);
	return false;
}

/* RFC 4895 §6.3 (4895-4): a cookie may have to be authenticated, too. */
static void cookies(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	for (int kind = 0; kind < 3; kind++) {
		struct sock *l = one(b->net.s[1]);
		x = one(b->net.s[0]);
		for (int i = 0; i < 2; i++) {
			set_supported(i ? l : x);
			set_chunk(i ? l : x, CHUNK_COOKIE_ECHO);
			set_chunk(i ? l : x, CHUNK_DATA);
			set_key(i ? l : x, 0, 0, kind == 1 && i ? "other" : "k");
		}
		listening(l, "10.0.0.2", 7);
		b->count = 0;
		b->lose = strip_auth;
		b->user = kind == 2 ? NULL : b;
		call_connect(x, "10.0.0.2", 7);
		bench_pass(b, NS_PER_S);
		assert_int_equal(b->count, 1);
		assert_int_equal(sock_accept(l, &y), kind == 0 ? 0 : -EAGAIN);
		b->lose = NULL;
		if (kind == 0) {
			call_send(x, "text", 4);
			bench_pass(b, NS_PER_S);
			hears(y, "text");
			sock_close(y);
		}
		sock_close(x);
		sock_close(l);
		bench_pass(b, 100 * NS_PER_S);
	}
}

/* Both begin at once: they have told each other the same, whichever packets made the association. */
static void both_begin(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = many(b->net.s[1]);

	for (int i = 0; i < 2; i++) {
		struct sock *sk = i ? x : y;
		set_supported(sk);
		set_chunk(sk, CHUNK_DATA);
		set_key(sk, 0, 0, "k");
		listening(sk, "0.0.0.0", 7);
	}
	call_sendmsg(x, "one", 3, &(struct wish_sent){.to = "10.0.0.2", .port = 7});
	call_sendmsg(y, "other", 5, &(struct wish_sent){.to = "10.0.0.1", .port = 7});
	bench_pass(b, NS_PER_S);
	hears(x, "other");
	hears(y, "one");
	assert_int_equal(sctp_of(x)->n_assocs, 1);
	assert_int_equal(sctp_of(y)->n_assocs, 1);
}

/* What is not as it must be in INIT. */
static void bad_inits(void **state)
{
	struct bench *b = *state;
	struct sock *y = many(b->net.s[1]);
	static const uint8_t zeroes[300], auth = CHUNK_AUTH;
	static const uint8_t sha1[] = {0, 1}, sha256[] = {0, 3};
	static const struct { uint16_t random; const uint8_t *hmac; uint16_t chunks; bool aborts, able; } rows[] = {
		{32, sha1, 0, false, true}, {31, sha1, 0, true, false}, {32, sha256, 0, true, false}, {32, sha1, 250, false, false}, {0, sha1, 2, false, false},
	};

	set_supported(y);
	listening(y, "0.0.0.0", 7);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t p[600] = {0};
		size_t n = SCTP_CHUNK_HDR + SCTP_INIT_FIXED;
		uint32_t aborts = b->chunks[CHUNK_ABORT], acks = b->chunks[CHUNK_INIT_ACK];
		if (rows[i].random) n += sctp_param_emit(&(struct sctp_param){PARAM_RANDOM, rows[i].random, zeroes}, p + n);
		n += sctp_param_emit(&(struct sctp_param){PARAM_HMACS, 2, rows[i].hmac}, p + n);
		if (rows[i].chunks) n += sctp_param_emit(&(struct sctp_param){PARAM_CHUNKS, rows[i].chunks, zeroes}, p + n);
		n += sctp_param_emit(&(struct sctp_param){PARAM_EXTENSIONS, 1, &auth}, p + n);
		sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_INIT, .len = (uint16_t)(n - SCTP_CHUNK_HDR)}, p);
		sctp_init_emit(&(struct sctp_init){1, 5000, 1, 1, 1}, p + SCTP_CHUNK_HDR);
		bench_inject(b, 1, &(struct sctp_hdr){99, 7, 0}, p, n);
		assert_int_equal(b->chunks[CHUNK_ABORT] - aborts, rows[i].aborts);
		assert_int_equal(b->chunks[CHUNK_INIT_ACK] - acks, !rows[i].aborts);
		if (rows[i].aborts) continue;
		seen.len[1] = 0;
		struct sctp_chunk c;
		assert_true(sctp_chunk_parse(&c, b->last[1] + SCTP_HDR_LEN, b->last_len[1] - SCTP_HDR_LEN) > 0);
		remember_vector(1, &c);
		assert_int_equal(seen.len[1] > 0, rows[i].able);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(options), BENCH_TEST(as_the_rfc_says), BENCH_TEST(much), BENCH_TEST(another_key), BENCH_TEST(from_key_to_key), BENCH_TEST(forged),
		BENCH_TEST(each_octet), BENCH_TEST(cookies), BENCH_TEST(both_begin), BENCH_TEST(bad_inits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
