/*
 * Kernel TLS beside a model of it: records of any type and length, padded or empty, that arrive in any pieces, and reads of any kind; sends of any kind, and
 * the records that they make. The cipher is one that changes nothing, so that all of it is plain to see.
 */
#include "../unit-tcp/bench.h"
#include "base/crypto.h"
#include "base/random.h"
#include "stack/tls/tls.h"

#define STEPS 4000
#define RECORDS 64
#define TEXT_MAX 3000

/* ---- a cipher of nothing: the tag is the nonce, and what is added ---- */

struct aead { int uses; };
static struct aead only;

static int plain_new(const char *cipher, const uint8_t *key, bool seals, struct aead **ret)
{
	(void)cipher, (void)key, (void)seals;
	only.uses++;
	*ret = &only;
	return 0;
}

static void plain_free(struct aead *a) { a->uses--; }

static void tag_of(const struct aead_text *t, uint8_t ret[AEAD_TAG])
{
	memset(ret, (int)t->len, AEAD_TAG);
	for (size_t i = 0; i < AEAD_NONCE; i++) ret[i] ^= t->nonce[i];
	for (size_t i = 0; i < t->aad_len; i++) ret[i] ^= ((const uint8_t *)t->aad)[i];
}

static bool plain_seal(struct aead *a, const struct aead_text *t)
{
	(void)a;
	tag_of(t, t->tag);
	return true;
}

static bool plain_open(struct aead *a, const struct aead_text *t)
{
	uint8_t tag[AEAD_TAG];
	(void)a;
	tag_of(t, tag);
	return memcmp(tag, t->tag, sizeof tag) == 0;
}

static const struct crypto *plain(void)
{
	static const struct crypto ops = {.aead = {.new = plain_new, .free = plain_free, .seal = plain_seal, .open = plain_open}};
	return &ops;
}

/* ---- the model: a line of records, of which those at the end are not whole yet ---- */

struct model_record { uint8_t type, text[TEXT_MAX]; size_t len, at; };

struct world {
	struct bench *b;
	struct random random;
	struct tls_keys seals, opens;                  /* the peer's */
	struct model_record coming[RECORDS];
	size_t first, n;                               /* those that are whole and not read to their end */
	uint8_t octets[TEXT_MAX * 2]; size_t len, gone; struct model_record pending; bool has_pending;   /* of a record that is on its way */
	struct model_record open; bool has_open;       /* what we write: not closed yet */
	seq32 arrived, acked;
};

static size_t below(struct world *w, size_t n) { return (size_t)(random_next(&w->random) % n); }

static uint8_t any_type(struct world *w) { return (uint8_t[]){TLS_DATA, TLS_DATA, TLS_DATA, 21, 22, 100}[below(w, 6)]; }

static void any_text(struct world *w, uint8_t *to, size_t len) { random_fill(&w->random, to, len); }

static size_t any_length(struct world *w) { return below(w, 4) ? below(w, 40) : below(w, TEXT_MAX); }

static struct model_record *line_at(struct world *w, size_t i) { return &w->coming[(w->first + i) % RECORDS]; }

/* What recv has to answer, and in to what it has to give. */
static ssize_t model_recv(struct world *w, uint8_t *to, size_t len, bool peek, bool control, int *ret_type)
{
	size_t done = 0, i = 0;
	*ret_type = -1;
	for (; i < w->n && done < len && (*ret_type < 0 || *ret_type == TLS_DATA); i++) {
		struct model_record *r = line_at(w, i);
		size_t n = MIN(r->len - r->at, len - done);
		if (*ret_type >= 0 && r->type != *ret_type) break;
		if (r->type != TLS_DATA && !control) return -EIO;
		*ret_type = r->type;
		memcpy(to + done, r->text + r->at, n);
		done += n;
		if (!peek) r->at += n;
		if (r->at < r->len && !peek) break;
	}
	bool stopped = i < w->n || (*ret_type >= 0 && *ret_type != TLS_DATA);
	if (!peek) w->first = (w->first + i) % RECORDS, w->n -= i;
	return done || !len || (stopped && *ret_type >= 0) ? (ssize_t)done : -EAGAIN;
}

/* ---- steps ---- */

static void make_record(struct world *w)
{
	struct model_record *r = &w->pending;
	size_t zeros = w->seals.version == TLS_1_3_VERSION && !below(w, 3) ? below(w, 300) : 0, before = tls_before(&w->seals);
	*r = (struct model_record){.type = any_type(w), .len = any_length(w)};
	any_text(w, r->text, r->len);
	if (r->type == 22 && r->len) r->text[0] = 1;           /* no KeyUpdate */
	memcpy(w->octets + before, r->text, r->len);
	/* Zeros behind the type: a record whose text ends with the type and them. */
	if (zeros) {
		w->octets[before + r->len] = r->type;
		memset(w->octets + before + r->len + 1, 0, zeros - 1);
		assert_int_equal(tls_seal(&w->seals, &plain()->aead, 0, w->octets, r->len + zeros), 0);
	} else
		assert_int_equal(tls_seal(&w->seals, &plain()->aead, r->type, w->octets, r->len), 0);
	w->len = before + r->len + zeros + tls_behind(&w->seals);
	w->gone = 0;
	w->has_pending = true;
}

static void step_arrive(struct world *w)
{
	if (!w->has_pending && w->n == RECORDS - 1) return;
	if (!w->has_pending) make_record(w);
	size_t n = below(w, 3) ? w->len : 1 + below(w, 50);
	n = MIN(n, MIN(w->len - w->gone, 1400u));
	inject(w->b, ACK, .seq = w->arrived, .ack = w->acked, .len = (uint32_t)n, .data = (const char *)w->octets + w->gone);
	bench_flush(w->b);
	if (tcp_of(w->b->sk)->rcv.nxt != PEER_ISN + w->arrived + (seq32)n) return;    /* there was no room: it comes again */
	w->arrived += (seq32)n;
	w->gone += n;
	if (w->gone < w->len) return;
	*line_at(w, w->n++) = w->pending;
	w->has_pending = false;
}

static void step_read(struct world *w)
{
	static uint8_t want[20000], got[20000];
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c;
	bool peek = !below(w, 4), control = below(w, 4);
	size_t len = below(w, 10) ? any_length(w) : below(w, sizeof got);
	struct sock_msg m = {.data = got, .len = len, .flags = peek ? MSG_PEEK : 0, .control = c.octets, .control_len = control ? sizeof c.octets : 0};
	bool readable = w->n > 0;
	int type;
	assert_int_equal(!!(sock_poll(w->b->sk) & EPOLLIN), readable);
	ssize_t n = model_recv(w, want, len, peek, control, &type);
	assert_int_equal(sock_recv(w->b->sk, &m), n);
	if (n > 0) assert_memory_equal(want, got, n);
	if (n < 0 || !control || !len) return;
	assert_int_equal(m.control_len, CMSG_SPACE(1));
	assert_int_equal(*CMSG_DATA(&c.h), type);
	bench_flush(w->b);
}

/* The next record that we sent is this. */
static void expect_sent(struct world *w, const struct model_record *want)
{
	struct tcp_sock *conn = tcp_of(w->b->sk);
	static uint8_t record[TEXT_MAX * 8];
	struct tls_text text;
	uint8_t header[16];
	size_t before = tls_before(&w->opens);
	assert_true(conn->snd.queue.len >= before);
	ring_peek(&conn->snd.queue, 0, header, before);
	ssize_t size = tls_record_size(&w->opens, header);
	assert_true(size > 0 && (size_t)size <= conn->snd.queue.len);
	ring_peek(&conn->snd.queue, 0, record, (size_t)size);
	assert_int_equal(tls_open(&w->opens, &plain()->aead, record, (size_t)size, &text), 0);
	assert_int_equal(text.type, want->type);
	assert_int_equal(text.len, want->len);
	assert_memory_equal(text.at, want->text, want->len);
	for (seq32 end = w->acked + (seq32)size; w->acked != end;) {
		bench_flush(w->b);
		w->acked = MIN(end, conn->snd.nxt - w->b->iss);
		inject(w->b, ACK, .seq = w->arrived, .ack = w->acked);
	}
}

static void step_write(struct world *w)
{
	uint8_t type = below(w, 3) ? TLS_DATA : any_type(w);
	bool says = type != TLS_DATA || !below(w, 4), more = !says && below(w, 2);
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c = {.h = {CMSG_LEN(1), SOL_TLS, TLS_SET_RECORD_TYPE}};
	struct model_record r = {.type = type, .len = any_length(w)};
	struct sock_msg m = {.data = r.text, .len = r.len, .flags = more ? MSG_MORE : 0, .control = c.octets, .control_len = says ? sizeof c.octets : 0};
	if (w->has_open && w->open.len + r.len > TEXT_MAX) return;
	*CMSG_DATA(&c.h) = type;
	any_text(w, r.text, r.len);
	assert_int_equal(sock_send(w->b->sk, &m), r.len);
	if (says && w->has_open) {
		expect_sent(w, &w->open);
		w->has_open = false;
	}
	if (!r.len) return;
	if (!w->has_open) w->open = (struct model_record){.type = type};
	memcpy(w->open.text + w->open.len, r.text, r.len);
	w->open.len += r.len;
	w->has_open = more;
	if (!more) expect_sent(w, &w->open);
	assert_int_equal(tcp_of(w->b->sk)->snd.queue.len, 0);
}

static void play(struct bench *b, uint16_t version, uint16_t cipher, socklen_t len, uint64_t seed)
{
	static struct world w;
	uint8_t info[64] = {0};
	memcpy(info, &(struct tls_crypto_info){version, cipher}, sizeof(struct tls_crypto_info));
	w = (struct world){.b = b, .random = random_seeded(seed, "tls"), .arrived = 1, .acked = 1};
	bench_crypto = plain;
	passive(b, .mss = 1460);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_ULP, "tls", 3), 0);
	assert_int_equal(sock_setsockopt(b->sk, SOL_TLS, TLS_TX, info, len), 0);
	assert_int_equal(sock_setsockopt(b->sk, SOL_TLS, TLS_RX, info, len), 0);
	assert_int_equal(tls_keys_set(&w.seals, &plain()->aead, info, len, true), 0);
	assert_int_equal(tls_keys_set(&w.opens, &plain()->aead, info, len, false), 0);
	for (int i = 0; i < STEPS; i++) (*(void (*const[])(struct world *)){step_arrive, step_arrive, step_arrive, step_read, step_read,
									    step_write}[below(&w, 6)])(&w);
	tls_keys_clear(&w.seals, &plain()->aead);
	tls_keys_clear(&w.opens, &plain()->aead);
}

static void one(void **state, uint16_t version, uint16_t cipher, socklen_t len)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		only.uses = 0;
		bool v6 = ((struct bench *)*state)->v6;
		play(*state, version, cipher, len, seed);
		bench_close(state);
		assert_int_equal(only.uses, 0);
		(v6 ? bench_open6 : bench_open4)(state);
	}
}

static void of_1_2(void **state) { one(state, TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128, sizeof(struct tls12_crypto_info_aes_gcm_128)); }
static void of_1_3(void **state) { one(state, TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128, sizeof(struct tls12_crypto_info_aes_gcm_128)); }

int main(void)
{
	const struct CMUnitTest tests[] = {both(of_1_2), both(of_1_3)};
	return cmocka_run_group_tests_name("tls random", tests, NULL, NULL);
}
