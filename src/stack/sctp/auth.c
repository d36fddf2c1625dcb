/* See auth.h: vectors, and the HMACs of packets. Read first: RFC 4895 §3, §4, §6. */
#include <stdlib.h>
#include "base/crypto.h"
#include "base/secret.h"
#include "stack/core/packet.h"
#include "stack/sctp/assoc.h"

#define RANDOM_LEN 32u
#define PARAM_HDR 4u

/* ---- algorithms ---- */

enum { HMAC_SHA1 = 1, HMAC_SHA256 = 3 };
static const struct hmac { uint16_t id, len; } hmacs[] = {{HMAC_SHA1, SHA1_LEN}, {HMAC_SHA256, SHA256_LEN}};

static const struct hmac *hmac_of(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(hmacs); i++)
		if (hmacs[i].id == id) return &hmacs[i];
	return NULL;
}

bool auth_hmac_is_known(uint16_t id) { return hmac_of(id); }

static const struct crypto *crypto(struct stack *s) { return s->ops->crypto ? s->ops->crypto(s->host) : NULL; }

bool auth_is_possible(struct stack *s) { return crypto(s); }

static bool hmac(struct stack *s, uint16_t id, struct octets key, struct octets data, uint8_t ret[SHA256_LEN])
{
	const struct crypto *c = crypto(s);

	if (!c) return false;
	return id == HMAC_SHA1 ? c->hmac_sha1(ret, key, data) : c->hmac_sha256(ret, key, data);
}

void auth_add_chunk(struct auth_settings *set, uint8_t type)
{
	if (set->n_chunks < AUTH_CHUNKS_MOST && !(set->n_chunks && memchr(set->chunks, type, set->n_chunks))) set->chunks[set->n_chunks++] = type;
}

/* ---- vectors ---- */

bool auth_vector_add(struct auth_vector *v, const struct sctp_param *param)
{
	if ((size_t)v->len + PARAM_HDR + param->len > sizeof v->at) return false;
	write16(v->at + v->len, param->type);
	write16(v->at + v->len + 2, (uint16_t)(PARAM_HDR + param->len));
	memcpy(v->at + v->len + PARAM_HDR, param->value, param->len);
	v->len = (uint16_t)(v->len + PARAM_HDR + param->len);
	return true;
}

void auth_vector_begin(struct stack *s, const struct auth_settings *set, struct auth_vector *ret)
{
	uint8_t random[RANDOM_LEN], ids[2 * AUTH_HMACS_MOST];

	ret->len = 0;
	if (!set->on) return;
	for (size_t i = 0; i < RANDOM_LEN; i += 4) write32(random + i, stack_random32(s));
	for (size_t i = 0; i < set->n_hmacs; i++) write16(ids + 2 * i, set->hmacs[i]);
	auth_vector_add(ret, &(struct sctp_param){.type = PARAM_RANDOM, .len = RANDOM_LEN, .value = random});
	if (set->n_chunks) auth_vector_add(ret, &(struct sctp_param){.type = PARAM_CHUNKS, .len = set->n_chunks, .value = set->chunks});
	auth_vector_add(ret, &(struct sctp_param){.type = PARAM_HMACS, .len = (uint16_t)(2 * set->n_hmacs), .value = ids});
}

/* The next parameter; they lie without padding. False: that was the last. */
static bool vector_next(const struct auth_vector *v, size_t *at, struct sctp_param *ret)
{
	if (*at >= v->len || sctp_param_parse(ret, v->at + *at, v->len - *at) < 0) return false;
	*at += PARAM_HDR + ret->len;
	return true;
}

size_t auth_vector_emit(const struct auth_vector *v, uint8_t *p)
{
	struct sctp_param param;
	size_t at = 0, len = 0;

	while (vector_next(v, &at, &param)) len += sctp_param_emit(&param, p + len);
	return len;
}

static bool vector_find(const struct auth_vector *v, uint16_t type, struct sctp_param *ret)
{
	size_t at = 0;

	while (vector_next(v, &at, ret))
		if (ret->type == type) return true;
	return false;
}

const uint8_t *auth_types(const struct auth_vector *v, uint16_t *ret_n)
{
	struct sctp_param chunks = {.len = 0};

	*ret_n = vector_find(v, PARAM_CHUNKS, &chunks) ? chunks.len : 0;
	return chunks.value;
}

bool auth_needs(const struct auth_vector *v, uint8_t type)
{
	uint16_t n;
	const uint8_t *types = auth_types(v, &n);

	/* RFC 4895 §3.2: those are never. */
	if (type == CHUNK_INIT || type == CHUNK_INIT_ACK || type == CHUNK_SHUTDOWN_COMPLETE || type == CHUNK_AUTH) return false;
	return n && memchr(types, type, n);
}

static bool has_hmac(const struct sctp_param *list, uint16_t id)
{
	for (uint16_t i = 0; i + 2 <= list->len; i = (uint16_t)(i + 2))
		if (read16(list->value + i) == id) return true;
	return false;
}

bool auth_params_are_right(const struct sctp_param *random, const struct sctp_param *list)
{
	return (!random->value || random->len == RANDOM_LEN) && (!list->value || has_hmac(list, HMAC_SHA1));
}

/* RFC 4895 §3.3: the first of the peer's that we have. */
void auth_agree(struct auth *u)
{
	struct sctp_param list;

	u->hmac = HMAC_SHA1;
	if (!vector_find(&u->peers, PARAM_HMACS, &list)) return;
	for (uint16_t i = 0; i + 2 <= list.len; i = (uint16_t)(i + 2)) {
		if (!hmac_of(read16(list.value + i))) continue;
		u->hmac = read16(list.value + i);
		return;
	}
}

/* ---- packets ---- */

/* RFC 4895 §6.1. Each vector begins with RANDOM's type: the longer one is the larger number. */
static bool is_smaller(const struct auth_vector *x, const struct auth_vector *y)
{
	return x->len != y->len ? x->len < y->len : memcmp(x->at, y->at, x->len) < 0;
}

static uint8_t *append(uint8_t *to, const uint8_t *p, size_t len)
{
	if (len) memcpy(to, p, len);
	return to + len;
}

/* The HMAC of `len` octets from an AUTH chunk on, with the chunk's own being zeroes. */
static bool packet_hmac(struct stack *s, const struct auth *u, const struct auth_secret *secret, uint16_t id, struct octets data, uint8_t ret[SHA256_LEN])
{
	bool mine_first = is_smaller(&u->mine, &u->peers);
	const struct auth_vector *first = mine_first ? &u->mine : &u->peers, *second = mine_first ? &u->peers : &u->mine;
	size_t len = secret->len + (size_t)first->len + second->len;
	uint8_t *key = malloc(len);
	bool ok;

	if (!key) return false;
	append(append(append(key, secret->at, secret->len), first->at, first->len), second->at, second->len);
	ok = hmac(s, id, (struct octets){key, len}, data, ret);
	secret_wipe(key, len);
	free(key);
	return ok;
}

enum auth_verdict auth_verify(struct stack *s, const struct auth *u, const struct auth_keys *keys, const struct sctp_chunk *c, struct packet *p)
{
	size_t at = (size_t)(c->value - SCTP_CHUNK_HDR - p->data);
	uint8_t came[SHA256_LEN], made[SHA256_LEN], *field = p->data + at + AUTH_HEAD;
	uint16_t id = read16(c->value + 2);
	const struct hmac *h = hmac_of(id);
	const struct auth_key *key = auth_key_find(keys, read16(c->value));
	struct sctp_param list;
	bool ok;

	if (!h || !vector_find(&u->mine, PARAM_HMACS, &list) || !has_hmac(&list, id)) return AUTH_HMAC_UNKNOWN;
	if (c->len != AUTH_HEAD - SCTP_CHUNK_HDR + h->len) return AUTH_MALFORMED;
	if (!key) return AUTH_WRONG;
	memcpy(came, field, h->len);
	memset(field, 0, h->len);
	ok = packet_hmac(s, u, key->secret, id, (struct octets){p->data + at, p->len - at}, made) && secret_equal(came, made, h->len);
	memcpy(field, came, h->len);           /* as it came, for who looks at it after us */
	return ok ? AUTH_RIGHT : AUTH_WRONG;
}

uint32_t auth_room(const struct assoc *a)
{
	const struct hmac *h = a->auth.able && auth_needs(&a->auth.peers, CHUNK_DATA) ? hmac_of(a->auth.hmac) : NULL;

	return h ? AUTH_HEAD + h->len : 0;
}

/* Where the first chunk stands that the peer wants authenticated; 0: there is none. */
static size_t first_needing(const struct assoc *a, const struct packet *p)
{
	struct sctp_chunk c;
	int n;

	for (size_t at = SCTP_HDR_LEN; at < p->len; at += (size_t)n) {
		n = sctp_chunk_parse(&c, p->data + at, p->len - at);
		if (n < 0) return 0;
		if (auth_needs(&a->auth.peers, c.type)) return at;
	}
	return 0;
}

bool auth_sign(struct assoc *a, struct sctp_out *o)
{
	size_t at = a->auth.able ? first_needing(a, o->p) : 0;
	const struct auth_key *key = auth_key_find(&a->keys, o->has_data ? o->key : a->keys.active);
	const struct hmac *h = hmac_of(a->auth.hmac);
	uint8_t made[SHA256_LEN], *chunk;

	if (at == 0) return true;
	/* Deleted since: the active one, or nothing could be sent any more. */
	if (!key) key = auth_key_find(&a->keys, a->keys.active);
	if (!key || !h) return false;
	chunk = packet_push(o->p, AUTH_HEAD + h->len);
	memmove(chunk, chunk + AUTH_HEAD + h->len, at);
	chunk += at;
	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_AUTH, .len = (uint16_t)(AUTH_HEAD - SCTP_CHUNK_HDR + h->len)}, chunk);
	write16(chunk + 4, key->id);
	write16(chunk + 6, h->id);
	memset(chunk + AUTH_HEAD, 0, h->len);
	if (!packet_hmac(assoc_stack(a), &a->auth, key->secret, h->id, (struct octets){chunk, o->p->len - at}, made)) return false;
	memcpy(chunk + AUTH_HEAD, made, h->len);
	return true;
}
