/*
 * TLS records on a TCP connection: what Linux does after TCP_ULP "tls". The program makes the handshake itself and hands over the keys (SOL_TLS); from
 * then on what it writes leaves as records, and what it reads is what was in records.
 *
 *     send ──► the open record ── full, or no more follows ──► sealed ──► snd.queue
 *     rcv.queue ── one is whole ──► opened, in a list ──► recv
 *         └─ gathered: the part of one that is larger than what the receive buffer takes
 *
 *     cipher.c    keys, and one record sealed or opened in memory      send.c, recv.c    the two ways
 *     options.c   SOL_TLS                                              tls.c             the rest of an upper protocol (tcp/ulp.h)
 *
 * Each way by itself is plain until its keys are set. A record that is broken, or a header that can't be, ends the way in for good: nothing behind it can
 * be told from noise.
 *
 * Read first: Linux's tls.rst and <linux/tls.h>; RFC 8446 §5, RFC 5246 §6.2.
 */
#pragma once
#include <linux/tls.h>
#include "base/crypto.h"
#include "stack/tcp/ulp.h"

enum { TLS_HANDSHAKE = 22, TLS_DATA = 23 };       /* content types */
#define TLS_HEADER 5u
#define TLS_TEXT_MAX 16384u                       /* RFC 8446 §5.1, RFC 5246 §6.2.1 */
#define TLS_ENDS_MAX (TLS_HEADER + 8u + 1u + AEAD_TAG)   /* header, nonce; the type inside, tag */

struct tls_cipher {
	uint16_t type, info_size;                 /* of its struct tls12_crypto_info_… */
	const char *name;                         /* libcrypto's */
	uint8_t iv, key, salt;                    /* octets of each in that struct, in this order; rec_seq follows */
	bool only_1_2;
};

/* One way's. */
struct tls_keys {
	const struct tls_cipher *cipher;          /* NULL: none were set */
	struct aead *aead;
	uint16_t version;
	uint8_t nonce[AEAD_NONCE];                /* salt and iv */
	uint8_t seq[8];
	bool spent;                               /* the last number was used */
	uint8_t info[64];                         /* as they were set */
};

/* A record that was opened and not read to its end. */
struct tls_record { struct list node; uint8_t type, *at; size_t left; uint8_t octets[]; };

struct tls {
	struct tcp_upper upper;                   /* first */
	struct tcp_sock *conn;
	const struct aead_ops *aead;              /* NULL until keys were set */
	bool zerocopy_ro, expect_no_pad;          /* asked for: they change nothing here but what is counted */
	struct {
		struct tls_keys keys;
		uint8_t *record;                  /* the open one, with room for what comes before and behind; NULL: there is none */
		size_t len;                       /* octets of text in it */
		uint8_t type;
	} tx;
	struct {
		struct tls_keys keys;
		struct list opened;               /* struct tls_record */
		uint8_t *gathered; size_t n_gathered;
		bool stopped;                     /* a header could not be */
		bool broken;                      /* a record was not what was sealed */
		bool rekey;                       /* a KeyUpdate has come: what follows needs other keys */
	} rx;
};

static inline struct tls *tls_of(const struct tcp_sock *conn) { return (struct tls *)container_of(conn->upper, struct tls, upper); }

/* cipher.c */
int tls_keys_set(struct tls_keys *k, const struct aead_ops *ops, const void *info, socklen_t len, bool seals);   /* before anything is changed: -EINVAL … */
void tls_keys_show(const struct tls_keys *k, void *info);             /* as they are now */
void tls_keys_clear(struct tls_keys *k, const struct aead_ops *ops);
size_t tls_before(const struct tls_keys *k);                          /* octets of a record before its text */
size_t tls_behind(const struct tls_keys *k);
/* A record's header, of which tls_before(k) octets are there: its whole length, or -EMSGSIZE, -EBADMSG, -EINVAL. */
ssize_t tls_record_size(const struct tls_keys *k, const uint8_t *header);
/* len: of the text in it. 0, -EBADMSG: no number is left. */
int tls_seal(struct tls_keys *k, const struct aead_ops *ops, uint8_t type, uint8_t *record, size_t len);
/* In place: 0 with what is in it, or -EBADMSG. padded: there was something behind the text. */
struct tls_text { uint8_t type, *at; size_t len; bool padded; };
int tls_open(struct tls_keys *k, const struct aead_ops *ops, uint8_t *record, size_t size, struct tls_text *ret);

/* send.c */
ssize_t tls_send(struct tcp_sock *conn, const struct sock_msg *m);
int tls_flush(struct tls *t);                     /* the open record goes, if there is one */

/* recv.c */
ssize_t tls_recv(struct tcp_sock *conn, struct sock_msg *m);
void tls_arrived(struct tcp_sock *conn);
bool tls_is_readable(struct tls *t);

/* For lists of sockets. false: there is no TLS on it. */
struct tls_facts { uint16_t version, cipher; bool tx, rx, zerocopy_ro, expect_no_pad; };
bool tls_facts(const struct sock *sk, struct tls_facts *ret);
