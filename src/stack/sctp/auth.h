/*
 * Authenticated chunks (RFC 4895). Each end says in INIT or INIT ACK which types of chunks it takes only behind an AUTH chunk, and gives a random number.
 *
 *     vector     = RANDOM | CHUNKS | HMAC-ALGO, as they stood in INIT or INIT ACK, without padding
 *     shared key = the program's key | the smaller vector | the larger one
 *     AUTH       = HMAC(shared key, AUTH with zeroes for it and all behind it in the packet)
 *
 * Programs share keys by number; number 0 is there, and empty, until it is set. A secret has several owners: a socket, and each association that it has
 * begun since.
 *
 *     auth.c   vectors, and the HMACs of packets     auth_keys.c   the program's keys
 */
#pragma once
#include "base/types.h"
#include "wire/wire.h"

#define AUTH_CHUNKS_MOST 20u           /* that a program asks for: as Linux */
#define AUTH_HMACS_MOST 4u
#define AUTH_VECTOR_MOST 128u          /* of a peer with more it is not taken up */
#define AUTH_HEAD 8u                   /* of the chunk: all but the HMAC */
#define AUTH_ROOM (AUTH_HEAD + 32u)    /* at most */

struct stack;
struct packet;
struct assoc;
struct sctp_out;

/* What a socket offers. */
struct auth_settings { bool on; uint8_t n_chunks, n_hmacs, chunks[AUTH_CHUNKS_MOST]; uint16_t hmacs[AUTH_HMACS_MOST]; };
struct auth_vector { uint16_t len; uint8_t at[AUTH_VECTOR_MOST]; };
/* What two ends have agreed upon; a cookie holds it as it is. */
struct auth { bool able; uint16_t hmac; struct auth_vector mine, peers; };   /* hmac: of what we send */

struct auth_secret { uint32_t refs, len; uint8_t at[]; };
struct auth_key { uint16_t id; bool deactivated, told; struct auth_secret *secret; };       /* told: SCTP_AUTH_FREE_KEY was */
struct auth_keys { struct auth_key *at; uint32_t n; uint16_t active; };

/* ---- auth.c ---- */
void auth_add_chunk(struct auth_settings *set, uint8_t type);            /* if there is room */
bool auth_is_possible(struct stack *s);
bool auth_hmac_is_known(uint16_t id);
void auth_vector_begin(struct stack *s, const struct auth_settings *set, struct auth_vector *ret);      /* with a new random number; empty: not offered */
size_t auth_vector_emit(const struct auth_vector *v, uint8_t *p);       /* as parameters; the octets it takes */
bool auth_vector_add(struct auth_vector *v, const struct sctp_param *param);               /* false: no room */
bool auth_params_are_right(const struct sctp_param *random, const struct sctp_param *hmacs);   /* RFC 4895 §3.1, §3.3 */
void auth_agree(struct auth *u);                                        /* both vectors are known: chooses the HMAC */
const uint8_t *auth_types(const struct auth_vector *v, uint16_t *ret_n);       /* of the chunks that the end wants authenticated */
bool auth_needs(const struct auth_vector *v, uint8_t type);
uint32_t auth_room(const struct assoc *a);                              /* octets that a packet with DATA spends on it */
bool auth_sign(struct assoc *a, struct sctp_out *o);                    /* if the peer wants it for a chunk there is. False: it can't be */
enum auth_verdict { AUTH_RIGHT, AUTH_WRONG, AUTH_HMAC_UNKNOWN, AUTH_MALFORMED };
/* c: an AUTH chunk, which stands in p. */
enum auth_verdict auth_verify(struct stack *s, const struct auth *u, const struct auth_keys *keys, const struct sctp_chunk *c, struct packet *p);

/* ---- auth_keys.c: 0, -EINVAL, -ENOMEM ---- */
int auth_keys_begin(struct auth_keys *k);                               /* number 0 */
int auth_keys_copy(struct auth_keys *to, const struct auth_keys *from);
void auth_keys_free(struct auth_keys *k);
int auth_key_set(struct auth_keys *k, uint16_t id, const uint8_t *p, uint32_t len);
int auth_key_delete(struct auth_keys *k, uint16_t id);
int auth_key_deactivate(struct auth_keys *k, uint16_t id);
int auth_key_activate(struct auth_keys *k, uint16_t id);
const struct auth_key *auth_key_find(const struct auth_keys *k, uint16_t id);  /* NULL: none that may be used */
void auth_keys_release(struct assoc *a);                                /* tells of deactivated ones that no message needs any more */
