/*
 * Kernel TLS, octet by octet: what goes into a segment, and what comes of one. The records that are expected, and those that arrive, are made here by hand
 * of libcrypto: RFC 8446 §5, RFC 5246 §6.2.3.3, RFC 5288, RFC 6655, RFC 7905.
 */
#include "../unit-tcp/bench.h"
#include <malloc.h>
#include <openssl/evp.h>
#include "host/crypto.h"
#include "stack/inet/mib.h"
#include "stack/tls/tls.h"

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

/* ---- records by hand ---- */

struct kind { uint16_t version, cipher; uint8_t iv, key, salt; const EVP_CIPHER *(*evp)(void); };

static const struct kind kinds[] = {
	{TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128, 8, 16, 4, EVP_aes_128_gcm}, {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128, 8, 16, 4, EVP_aes_128_gcm},
	{TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256, 8, 32, 4, EVP_aes_256_gcm}, {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256, 8, 32, 4, EVP_aes_256_gcm},
	{TLS_1_2_VERSION, TLS_CIPHER_AES_CCM_128, 8, 16, 4, EVP_aes_128_ccm}, {TLS_1_3_VERSION, TLS_CIPHER_AES_CCM_128, 8, 16, 4, EVP_aes_128_ccm},
	{TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0, EVP_chacha20_poly1305},
	{TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0, EVP_chacha20_poly1305},
	{TLS_1_2_VERSION, TLS_CIPHER_ARIA_GCM_128, 8, 16, 4, EVP_aria_128_gcm},
};

/* struct tls12_crypto_info_…: head, iv, key, salt, number. */
struct info { uint8_t octets[64]; socklen_t len; };

static struct info info_of(const struct kind *k, uint64_t number)
{
	struct info i = {.len = (socklen_t)(4 + k->iv + k->key + k->salt + 8)};
	const struct tls_crypto_info head = {k->version, k->cipher};
	for (socklen_t n = 0; n < i.len; n++) i.octets[n] = (uint8_t)(n * 11 + 3);
	memcpy(i.octets, &head, sizeof head);
	for (int n = 0; n < 8; n++) i.octets[i.len - 8 + n] = (uint8_t)(number >> (56 - 8 * n));
	return i;
}

static const uint8_t *iv_of(const struct info *i) { return i->octets + 4; }
static const uint8_t *key_of(const struct kind *k, const struct info *i) { return i->octets + 4 + k->iv; }
static const uint8_t *salt_of(const struct kind *k, const struct info *i) { return i->octets + 4 + k->iv + k->key; }

static void seal(const struct kind *k, const uint8_t *key, const uint8_t nonce[12], const uint8_t *aad, int aad_len, uint8_t *data, int len, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ccm = k->cipher == TLS_CIPHER_AES_CCM_128;
	int n;
	assert_true(EVP_EncryptInit_ex(c, k->evp(), NULL, NULL, NULL));
	assert_true(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL));
	if (ccm) assert_true(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, NULL));
	assert_true(EVP_EncryptInit_ex(c, NULL, NULL, key, nonce));
	if (ccm) assert_true(EVP_EncryptUpdate(c, NULL, &n, NULL, len));
	assert_true(EVP_EncryptUpdate(c, NULL, &n, aad, aad_len));
	assert_true(EVP_EncryptUpdate(c, data, &n, data, len));
	assert_true(EVP_EncryptFinal_ex(c, data + len, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(c);
}

struct record { char octets[17000]; uint32_t len; };

static void seal_1_3(const struct kind *k, const struct info *i, const uint8_t number[8], uint8_t type, const char *text, size_t len, size_t zeros,
		     struct record *r)
{
	uint8_t nonce[12], *at = (uint8_t *)r->octets;
	size_t inside = len + 1 + zeros;
	memcpy(nonce, salt_of(k, i), k->salt);
	memcpy(nonce + k->salt, iv_of(i), k->iv);
	for (int n = 0; n < 8; n++) nonce[4 + n] ^= number[n];
	memcpy(at, (uint8_t[]){23, 3, 3, (uint8_t)((inside + 16) >> 8), (uint8_t)(inside + 16)}, 5);
	memcpy(at + 5, text, len);
	at[5 + len] = type;
	memset(at + 6 + len, 0, zeros);
	seal(k, key_of(k, i), nonce, at, 5, at + 5, (int)inside, at + 5 + inside);
	r->len = (uint32_t)(5 + inside + 16);
}

/* shift: how many records the sender's iv has counted since it was set. */
static void seal_1_2(const struct kind *k, const struct info *i, const uint8_t number[8], uint8_t shift, uint8_t type, const char *text, size_t len,
		     struct record *r)
{
	uint8_t nonce[12], aad[13], *at = (uint8_t *)r->octets;
	size_t own = k->salt ? 8 : 0;
	memcpy(nonce, salt_of(k, i), k->salt);
	memcpy(nonce + k->salt, iv_of(i), k->iv);
	if (own) nonce[11] = (uint8_t)(nonce[11] + shift);
	else for (int n = 0; n < 8; n++) nonce[4 + n] ^= number[n];
	memcpy(at, (uint8_t[]){type, 3, 3, (uint8_t)((own + len + 16) >> 8), (uint8_t)(own + len + 16)}, 5);
	memcpy(at + 5, nonce + 4, own);
	memcpy(at + 5 + own, text, len);
	memcpy(aad, number, 8);
	memcpy(aad + 8, (uint8_t[]){type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len}, 5);
	seal(k, key_of(k, i), nonce, aad, 13, at + 5 + own, (int)len, at + 5 + own + len);
	r->len = (uint32_t)(5 + own + len + 16);
}

/* The record of that number, of a connection whose keys were set with number `first`. */
static struct record *record_of(const struct kind *k, uint64_t first, uint64_t number, uint8_t type, const char *text, size_t len)
{
	static struct record r;
	const struct info i = info_of(k, first);
	uint8_t at[8];
	for (int n = 0; n < 8; n++) at[n] = (uint8_t)(number >> (56 - 8 * n));
	if (k->version == TLS_1_3_VERSION) seal_1_3(k, &i, at, type, text, len, 0, &r);
	else seal_1_2(k, &i, at, (uint8_t)(number - first), type, text, len, &r);
	return &r;
}

/* ---- a connection ---- */

static uint32_t arrived, sent;      /* relative numbers of what comes and goes next */

static int set_keys(struct bench *b, int way, const struct kind *k, uint64_t number)
{
	const struct info i = info_of(k, number);
	return sock_setsockopt(b->sk, SOL_TLS, way, i.octets, i.len);
}

static void tls_begin(struct bench *b)
{
	bench_crypto = host_crypto;
	arrived = sent = 1;
	passive(b, .mss = 1460);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_ULP, "tls", 3), 0);
}

static void come(struct bench *b, const char *octets, uint32_t len)
{
	for (uint32_t n; len; octets += n, len -= n, arrived += n) {
		n = MIN(len, 1400u);
		inject(b, ACK, .seq = arrived, .ack = sent, .len = n, .data = octets);
	}
	bench_flush(b);
}

static void come_record(struct bench *b, const struct record *r) { come(b, r->octets, r->len); }

static ssize_t take(struct bench *b, char *to, size_t len, int flags, int *ret_type)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c;
	struct sock_msg m = {.data = to, .len = len, .flags = flags, .control = c.octets, .control_len = ret_type ? sizeof c.octets : 0};
	ssize_t n = sock_recv(b->sk, &m);
	if (ret_type) *ret_type = n >= 0 && m.control_len ? *CMSG_DATA(&c.h) : -1;
	return n;
}

static ssize_t put(struct bench *b, const char *text, size_t len, int flags, int type)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c = {.h = {CMSG_LEN(1), SOL_TLS, TLS_SET_RECORD_TYPE}};
	struct sock_msg m = {.data = (void *)text, .len = len, .flags = flags, .control = c.octets, .control_len = type ? sizeof c.octets : 0};
	*CMSG_DATA(&c.h) = (uint8_t)type;
	return sock_send(b->sk, &m);
}

static void expect_record(struct bench *b, const struct record *r)
{
	expect(b, ACK | PSH, .seq = sent, .ack = arrived, .len = r->len, .data = r->octets);
	sent += r->len;
	inject(b, ACK, .seq = arrived, .ack = sent);
	expect_nothing(b);
}

static bool is_readable(struct bench *b) { return sock_poll(b->sk) & EPOLLIN; }

static void again(void **state)
{
	bool v6 = ((struct bench *)*state)->v6;
	bench_close(state);
	(v6 ? bench_open6 : bench_open4)(state);
}

/* ---- tests ---- */

static void records_are_as_the_rfcs_say(void **state)
{
	for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
		struct bench *b = *state;
		const struct kind *k = &kinds[n];
		char got[64];
		int type;
		tls_begin(b);
		assert_int_equal(set_keys(b, TLS_TX, k, 0x1ff), 0);
		assert_int_equal(set_keys(b, TLS_RX, k, 0x1ff), 0);
		/* Two each way: the numbers count up. */
		assert_int_equal(put(b, "first", 5, 0, 0), 5);
		expect_record(b, record_of(k, 0x1ff, 0x1ff, DATA, "first", 5));
		assert_int_equal(put(b, "\2\50", 2, 0, ALERT), 2);
		expect_record(b, record_of(k, 0x1ff, 0x200, ALERT, "\2\50", 2));
		come_record(b, record_of(k, 0x1ff, 0x1ff, DATA, "from the peer", 13));
		come_record(b, record_of(k, 0x1ff, 0x200, HANDSHAKE, "hello", 5));
		assert_int_equal(take(b, got, sizeof got, 0, &type), 13);
		assert_int_equal(type, DATA);
		assert_memory_equal(got, "from the peer", 13);
		assert_int_equal(take(b, got, sizeof got, 0, &type), 5);
		assert_int_equal(type, HANDSHAKE);
		again(state);
	}
}

static void getsockopt_shows_where_it_is(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[0];
	struct info want = info_of(k, 7), got = {.len = want.len};
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_TX, k, 7), 0);
	assert_int_equal(put(b, "x", 1, 0, 0), 1);
	assert_int_equal(sock_getsockopt(b->sk, SOL_TLS, TLS_TX, got.octets, &got.len), 0);
	want.octets[want.len - 1]++;
	want.octets[4 + 7]++;           /* the iv counts, too */
	assert_memory_equal(got.octets, want.octets, want.len);
	got.len = 4;
	assert_int_equal(sock_getsockopt(b->sk, SOL_TLS, TLS_TX, got.octets, &got.len), 0);
	got.len = want.len - 1;
	assert_int_equal(sock_getsockopt(b->sk, SOL_TLS, TLS_TX, got.octets, &got.len), -EINVAL);
	got.len = want.len;
	assert_int_equal(sock_getsockopt(b->sk, SOL_TLS, TLS_RX, got.octets, &got.len), -EBUSY);
}

static void a_part_of_a_record_is_nothing(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	char got[8];
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
	const struct record r = *record_of(k, 0, 0, DATA, "abc", 3);
	for (uint32_t n = 0; n < r.len; n++) {
		assert_false(is_readable(b));
		assert_int_equal(take(b, got, sizeof got, 0, NULL), -EAGAIN);
		come(b, r.octets + n, 1);
	}
	assert_true(is_readable(b));
	assert_int_equal(take(b, got, 2, 0, NULL), 2);
	assert_true(is_readable(b));
	assert_int_equal(take(b, got, 2, 0, NULL), 1);
	assert_false(is_readable(b));
	come(b, r.octets, 4);
	inject(b, FIN | ACK, .seq = arrived, .ack = sent);
	assert_true(is_readable(b));
	assert_int_equal(take(b, got, 2, 0, NULL), 0);
}

static void padding_and_empty_records(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	const struct info i = info_of(k, 0);
	struct record r;
	uint32_t one = 1;
	char got[8];
	int type;
	tls_begin(b);
	assert_int_equal(sock_setsockopt(b->sk, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof one), -EINVAL);
	assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
	assert_int_equal(sock_setsockopt(b->sk, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof one), 0);
	seal_1_3(k, &i, (uint8_t[8]){0}, DATA, "pad", 3, 900, &r);
	come_record(b, &r);
	seal_1_3(k, &i, (uint8_t[8]){[7] = 1}, DATA, "", 0, 0, &r);
	come_record(b, &r);
	seal_1_3(k, &i, (uint8_t[8]){[7] = 2}, DATA, "ded", 3, 0, &r);
	come_record(b, &r);
	assert_int_equal(take(b, got, sizeof got, 0, NULL), 6);
	assert_memory_equal(got, "padded", 6);
	assert_int_equal(b->s->mib->tls.padded, 1);
	/* Of another type an empty one can be seen. */
	seal_1_3(k, &i, (uint8_t[8]){[7] = 3}, ALERT, "", 0, 5, &r);
	come_record(b, &r);
	assert_int_equal(take(b, got, sizeof got, 0, &type), 0);
	assert_int_equal(type, ALERT);
	/* Zeros alone have no type. */
	seal_1_3(k, &i, (uint8_t[8]){[7] = 4}, 0, "\0\0", 2, 5, &r);
	come_record(b, &r);
	assert_int_equal(take(b, got, sizeof got, 0, NULL), -EBADMSG);
	assert_int_equal(take(b, got, sizeof got, 0, NULL), -EBADMSG);
}

static const struct tls_record *only_opened(struct bench *b)
{
	const struct tls *t = tls_of(tcp_of(b->sk));
	assert_ptr_equal(t->rx.opened.next, t->rx.opened.prev);
	return list_entry(t->rx.opened.next, struct tls_record, node);
}

/* Who only looks has each record opened for that, and the next one: neither empty ones nor padding pile up. */
static void looking_keeps_text_alone(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	const struct info i = info_of(k, 0);
	struct record r;
	char got[8];
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
	for (uint8_t n = 0; n < 100; n++) {
		seal_1_3(k, &i, (uint8_t[8]){[7] = n}, DATA, "", 0, 1000, &r);
		come_record(b, &r);
		assert_int_equal(take(b, got, sizeof got, MSG_PEEK, NULL), -EAGAIN);
		assert_true(malloc_usable_size((void *)only_opened(b)) < 200);
	}
	seal_1_3(k, &i, (uint8_t[8]){[7] = 100}, DATA, "text", 4, 0, &r);
	come_record(b, &r);
	assert_int_equal(take(b, got, sizeof got, 0, NULL), 4);
	assert_memory_equal(got, "text", 4);
}

static void each_changed_octet_breaks_it(void **state)
{
	for (size_t n = 0; n < 3; n++) {
		const struct kind *k = &kinds[(size_t[]){0, 1, 4}[n]];
		const struct record whole = *record_of(k, 0, 0, DATA, "text", 4);
		for (uint32_t at = 5; at < whole.len; at++) {
			struct bench *b = *state;
			struct record r = whole;
			char got[8];
			tls_begin(b);
			assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
			r.octets[at] ^= 1;
			come_record(b, &r);
			assert_int_equal(take(b, got, sizeof got, 0, NULL), -EBADMSG);
			assert_true(sock_poll(b->sk) & EPOLLERR);
			assert_int_equal(b->s->mib->tls.decrypt_errors, 1);
			again(state);
		}
	}
}

/* Each header that there can be, but for its type: it is refused, or waited for. */
static void headers(void **state)
{
	static const struct { const char *octets; int kind, err; } rows[] = {
		{"\x17\x03\x03\x40\x18", 0, 0}, {"\x17\x03\x03\x40\x19", 0, EMSGSIZE}, {"\x17\x03\x03\x00\x18", 0, 0}, {"\x17\x03\x03\x00\x17", 0, EBADMSG},
		{"\x17\x03\x03\x40\x11", 1, 0}, {"\x17\x03\x03\x40\x12", 1, EMSGSIZE}, {"\x17\x03\x03\x00\x10", 1, 0}, {"\x17\x03\x03\x00\x0f", 1, EBADMSG},
		{"\x17\x03\x04\x00\x20", 1, EINVAL}, {"\x17\x02\x03\x00\x20", 1, EINVAL},
		{"\x17\x03\x03\xff\xff", 6, EMSGSIZE}, {"\x17\x03\x03\x00\x00", 6, EBADMSG},
	};
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
		struct bench *b = *state;
		char octets[13] = {0}, got[8];
		tls_begin(b);
		assert_int_equal(set_keys(b, TLS_RX, &kinds[rows[n].kind], 0), 0);
		memcpy(octets, rows[n].octets, 5);
		come(b, octets, sizeof octets);
		assert_int_equal(!!(sock_poll(b->sk) & EPOLLERR), rows[n].err != 0);
		assert_int_equal(take(b, got, sizeof got, 0, NULL), rows[n].err ? -rows[n].err : -EAGAIN);
		assert_int_equal(take(b, got, sizeof got, 0, NULL), -EAGAIN);
		again(state);
	}
}

static void records_are_full_or_end_with_the_send(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	static char text[40000], got[sizeof text];
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_TX, k, 0), 0);
	for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 3 + (i >> 8));
	assert_int_equal(put(b, text, 16383, MSG_MORE, 0), 16383);
	assert_int_equal(tcp_of(b->sk)->snd.queue.len, 0);
	assert_int_equal(put(b, text + 16383, 1, MSG_MORE, 0), 1);
	assert_int_equal(tcp_of(b->sk)->snd.queue.len, 16384 + 22);
	ring_peek(&tcp_of(b->sk)->snd.queue, 0, got, 16384 + 22);
	assert_memory_equal(got, record_of(k, 0, 0, DATA, text, 16384)->octets, 16384 + 22);
	/* A call of which this is only a part: whole records of it. */
	struct sock_msg part = {.data = text, .len = 20000, .call_len = 40000};
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 200000);
	assert_int_equal(sock_send(b->sk, &part), 16384);
	part = (struct sock_msg){.data = text + 16384, .len = 40000 - 16384};
	assert_int_equal(sock_send(b->sk, &part), 40000 - 16384);
	assert_int_equal(tcp_of(b->sk)->snd.queue.len, 16384 + 40000 + 4 * 22);
	/* What is said of a type goes for itself. */
	assert_int_equal(put(b, "a", 1, MSG_MORE, 0), 1);
	assert_int_equal(put(b, "b", 1, MSG_MORE, ALERT), -EINVAL);
	assert_int_equal(put(b, "b", 1, 0, ALERT), 1);
	assert_int_equal(tcp_of(b->sk)->snd.queue.len, 16384 + 40000 + 6 * 22 + 2);
}

static void a_full_buffer_ends_between_records(void **state)
{
	struct bench *b = *state;
	static char text[200000];
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_TX, &kinds[0], 0), 0);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 20000);
	ssize_t n = put(b, text, sizeof text, 0, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof text && n % 16384 == 0);
	assert_int_equal(put(b, text, 1, 0, 0), -EAGAIN);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
}

/* Less fits the buffer than a record: its parts make way for each other. */
static void a_record_larger_than_the_buffer(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[0];
	static char text[16384], got[sizeof text];
	for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 5 + (i >> 7));
	tls_begin(b);
	bench_set(b->sk, SOL_SOCKET, SO_RCVBUF, 2304);
	assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
	const struct record r = *record_of(k, 0, 0, DATA, text, sizeof text);
	for (uint32_t at = 0, n; at < r.len; at += n) {
		n = MIN(r.len - at, 500u);
		assert_false(is_readable(b));
		come(b, r.octets + at, n);
		assert_int_equal(tcp_of(b->sk)->rcv.nxt, PEER_ISN + arrived);
	}
	assert_true(is_readable(b));
	assert_int_equal(take(b, got, sizeof got, 0, NULL), sizeof text);
	assert_memory_equal(got, text, sizeof text);
}

/* RFC 8446 §4.6.3 */
static void other_keys(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	char got[8];
	int type;
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_RX, k, 0), 0);
	assert_int_equal(set_keys(b, TLS_TX, k, 0), 0);
	come_record(b, record_of(k, 0, 0, HANDSHAKE, "\30\0\0\1\1", 5));
	come_record(b, record_of(k, 0, 500, DATA, "new", 3));
	assert_int_equal(take(b, got, sizeof got, 0, &type), 5);
	assert_false(is_readable(b));
	assert_int_equal(take(b, got, sizeof got, 0, NULL), -EKEYEXPIRED);
	assert_int_equal(set_keys(b, TLS_RX, &kinds[3], 0), -EINVAL);
	assert_int_equal(set_keys(b, TLS_RX, k, 500), 0);
	assert_true(is_readable(b));
	assert_int_equal(take(b, got, sizeof got, 0, NULL), 3);
	assert_int_equal(put(b, "old", 3, MSG_MORE, 0), 3);
	assert_int_equal(set_keys(b, TLS_TX, k, 90), 0);
	expect_record(b, record_of(k, 0, 0, DATA, "old", 3));
	assert_int_equal(put(b, "new", 3, 0, 0), 3);
	expect_record(b, record_of(k, 90, 90, DATA, "new", 3));
	assert_int_equal(b->s->mib->tls.rekeyed[0] + b->s->mib->tls.rekeyed[1], 2);
	assert_int_equal(b->s->mib->tls.rekey_errors[0], 1);
	assert_int_equal(b->s->mib->tls.key_updates, 1);
}

static void numbers_run_out(void **state)
{
	struct bench *b = *state;
	const struct kind *k = &kinds[1];
	char got[8];
	tls_begin(b);
	assert_int_equal(set_keys(b, TLS_TX, k, UINT64_MAX - 1), 0);
	assert_int_equal(put(b, "x", 1, 0, 0), 1);
	assert_int_equal(put(b, "y", 1, 0, 0), -EBADMSG);
	assert_int_equal(put(b, "z", 1, 0, 0), -EBADMSG);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 23, .data = record_of(k, UINT64_MAX - 1, UINT64_MAX - 1, DATA, "x", 1)->octets);
	expect_nothing(b);
	assert_int_equal(set_keys(b, TLS_RX, k, UINT64_MAX), 0);
	come_record(b, record_of(k, UINT64_MAX, UINT64_MAX, DATA, "last", 4));
	come_record(b, record_of(k, 0, 0, DATA, "more", 4));
	assert_int_equal(take(b, got, 4, 0, NULL), 4);
	assert_int_equal(take(b, got, sizeof got, 0, NULL), -EBADMSG);
}

static void without_ciphers(void **state)
{
	struct bench *b = *state;
	tls_begin(b);
	bench_crypto = NULL;
	assert_int_equal(set_keys(b, TLS_TX, &kinds[0], 0), -ENOENT);
	bench_crypto = host_crypto;
	assert_int_equal(set_keys(b, TLS_TX, &kinds[0], 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(records_are_as_the_rfcs_say), both(getsockopt_shows_where_it_is), both(a_part_of_a_record_is_nothing), both(padding_and_empty_records),
		both(looking_keeps_text_alone),
		both(each_changed_octet_breaks_it), both(headers), both(records_are_full_or_end_with_the_send), both(a_full_buffer_ends_between_records),
		both(a_record_larger_than_the_buffer), both(other_keys), both(numbers_run_out), both(without_ciphers),
	};
	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
