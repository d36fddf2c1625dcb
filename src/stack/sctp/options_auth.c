/*
 * The options of authenticated chunks: whether they are offered, which chunks and algorithms, and the program's keys.
 *
 * Read first: RFC 6458 §8.3; Linux for the order of errors: -EACCES wherever it is turned off, or the peer can't.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

#define HMAC_SHA1 1

static bool is_on(const struct opt_target *t) { return t->a ? t->a->auth.able : t->so->set.auth.on; }

/* ---- what is offered ---- */

/* RFC 5061 §4: its chunks are taken only so. */
void auth_add_asconf(struct assoc_settings *set)
{
	if (!set->auth.on || !set->asconf) return;
	auth_add_chunk(&set->auth, CHUNK_ASCONF);
	auth_add_chunk(&set->auth, CHUNK_ASCONF_ACK);
}

static int set_supported(struct sock *sk, const void *val, socklen_t len)
{
	struct auth_settings *set = &sctp_of(sk)->set.auth;
	struct sctp_assoc_value v;
	struct opt_target t;
	int r = opt_read(val, len, &v, sizeof v);

	if (r == 0) r = opt_target(sk, v.assoc_id, &t);
	if (r < 0) return r;
	if (v.assoc_value) {
		if (!auth_is_possible(sk->stack)) return -ENOMEM;
		r = auth_keys_begin(&t.so->keys);
		if (r < 0) return r;
		if (set->n_hmacs == 0) set->hmacs[set->n_hmacs++] = HMAC_SHA1;
	}
	set->on = v.assoc_value != 0;
	auth_add_asconf(&t.so->set);
	return 0;
}

static int get_supported(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = is_on(&t);
	return TOLD(v);
}

static int set_chunk(struct sock *sk, const void *val, socklen_t len)
{
	struct auth_settings *set = &sctp_of(sk)->set.auth;
	struct sctp_authchunk v;
	int r;

	if (!set->on) return -EACCES;
	r = opt_read(val, len, &v, sizeof v);
	if (r < 0) return r;
	/* RFC 4895 §3.2 */
	if (v.sauth_chunk == CHUNK_INIT || v.sauth_chunk == CHUNK_INIT_ACK || v.sauth_chunk == CHUNK_SHUTDOWN_COMPLETE || v.sauth_chunk == CHUNK_AUTH)
		return -EINVAL;
	auth_add_chunk(set, v.sauth_chunk);
	return memchr(set->chunks, v.sauth_chunk, set->n_chunks) ? 0 : -EINVAL;
}

static int set_hmacs(struct sock *sk, const void *val, socklen_t len)
{
	struct auth_settings *set = &sctp_of(sk)->set.auth;
	struct sctp_hmacalgo v;
	uint16_t ids[AUTH_HMACS_MOST];
	bool sha1 = false;

	if (!set->on) return -EACCES;
	if (len < sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (v.shmac_num_idents == 0 || v.shmac_num_idents > AUTH_HMACS_MOST || v.shmac_num_idents * sizeof *ids > len - sizeof v) return -EINVAL;
	memcpy(ids, (const uint8_t *)val + sizeof v, v.shmac_num_idents * sizeof *ids);
	for (uint32_t i = 0; i < v.shmac_num_idents; i++) {
		if (!auth_hmac_is_known(ids[i])) return -EOPNOTSUPP;
		sha1 |= ids[i] == HMAC_SHA1;
	}
	/* RFC 4895 §3.3: every end has that one. */
	if (!sha1) return -EINVAL;
	memcpy(set->hmacs, ids, v.shmac_num_idents * sizeof *ids);
	set->n_hmacs = (uint8_t)v.shmac_num_idents;
	return 0;
}

static int get_hmacs(struct sock *sk, void *val, socklen_t *len)
{
	const struct auth_settings *set = &sctp_of(sk)->set.auth;
	struct sctp_hmacalgo v = {.shmac_num_idents = set->n_hmacs};
	size_t need = sizeof v + set->n_hmacs * sizeof *set->hmacs;

	if (!set->on) return -EACCES;
	if (*len < need) return -EINVAL;
	memcpy(val, &v, sizeof v);
	memcpy((uint8_t *)val + sizeof v, set->hmacs, set->n_hmacs * sizeof *set->hmacs);
	*len = (socklen_t)need;
	return 0;
}

/* ---- keys ---- */

struct key_change { uint16_t id; const uint8_t *key; uint32_t len; int (*act)(struct auth_keys *, const struct key_change *); };

static int change_in(struct sctp_sock *so, struct assoc *a, const struct key_change *c)
{
	int r;

	if (!(a ? a->auth.able : so->set.auth.on)) return -EACCES;
	r = c->act(a ? &a->keys : &so->keys, c);
	if (r == 0 && a) auth_keys_release(a);
	return r;
}

/* As Linux: of the association; without one the socket's, its associations', or both, as the id says. */
static int change(struct sock *sk, sctp_assoc_t id, const struct key_change *c)
{
	struct sctp_sock *so = sctp_of(sk);
	struct assoc *one = assoc_find(so, id);
	int r = 0;

	if (one) return change_in(so, one, c);
	if (so->many && (id > SCTP_ALL_ASSOC || id < 0)) return -EINVAL;
	if (!so->many || id != SCTP_CURRENT_ASSOC) r = change_in(so, NULL, c);
	if (r < 0 || !so->many || id == SCTP_FUTURE_ASSOC) return r;
	list_each(struct assoc, a, &so->assocs, node) {
		int each = change_in(so, a, c);
		if (r == 0) r = each;
	}
	return r;
}

static int act_set(struct auth_keys *k, const struct key_change *c) { return auth_key_set(k, c->id, c->key, c->len); }
static int act_delete(struct auth_keys *k, const struct key_change *c) { return auth_key_delete(k, c->id); }
static int act_activate(struct auth_keys *k, const struct key_change *c) { return auth_key_activate(k, c->id); }
static int act_deactivate(struct auth_keys *k, const struct key_change *c) { return auth_key_deactivate(k, c->id); }

static int set_key(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_authkey v;

	if (len <= sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (v.sca_keylength > len - sizeof v) return -EINVAL;
	return change(sk, v.sca_assoc_id, &(struct key_change){v.sca_keynumber, (const uint8_t *)val + sizeof v, v.sca_keylength, act_set});
}

static int change_by_id(struct sock *sk, const void *val, socklen_t len, int (*act)(struct auth_keys *, const struct key_change *))
{
	struct sctp_authkeyid v;
	int r = opt_read(val, len, &v, sizeof v);

	return r < 0 ? r : change(sk, v.scact_assoc_id, &(struct key_change){.id = v.scact_keynumber, .act = act});
}

static int set_active(struct sock *sk, const void *val, socklen_t len) { return change_by_id(sk, val, len, act_activate); }
static int set_delete(struct sock *sk, const void *val, socklen_t len) { return change_by_id(sk, val, len, act_delete); }
static int set_deactivate(struct sock *sk, const void *val, socklen_t len) { return change_by_id(sk, val, len, act_deactivate); }

static int get_active(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_authkeyid v;

	ASKED(v, scact_assoc_id);
	if (!is_on(&t)) return -EACCES;
	v.scact_keynumber = t.a ? t.a->keys.active : t.so->keys.active;
	return TOLD(v);
}

/* ---- which chunks ---- */

static int put_chunks(void *val, socklen_t *len, sctp_assoc_t id, const uint8_t *types, uint16_t n)
{
	struct sctp_authchunks v = {.gauth_assoc_id = id, .gauth_number_of_chunks = n};

	if (*len < sizeof v + n) return -EINVAL;
	memcpy(val, &v, sizeof v);
	if (n) memcpy((uint8_t *)val + sizeof v, types, n);
	*len = (socklen_t)(sizeof v + n);
	return 0;
}

static int get_peer_chunks(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_authchunks v;
	const uint8_t *types;
	uint16_t n;

	ASKED(v, gauth_assoc_id);
	if (!t.a) return -EINVAL;
	if (!t.a->auth.able) return -EACCES;
	types = auth_types(&t.a->auth.peers, &n);
	return put_chunks(val, len, v.gauth_assoc_id, types, n);
}

static int get_local_chunks(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_authchunks v;
	const uint8_t *types;
	uint16_t n;

	ASKED(v, gauth_assoc_id);
	if (!is_on(&t)) return -EACCES;
	if (!t.a) return put_chunks(val, len, v.gauth_assoc_id, t.so->set.auth.chunks, t.so->set.auth.n_chunks);
	types = auth_types(&t.a->auth.mine, &n);
	return put_chunks(val, len, v.gauth_assoc_id, types, n);
}

const struct sockopt sctp_auth_options[] = {
	{SCTP_BLOB(SCTP_AUTH_SUPPORTED), BOTH, .get = get_supported, .set = set_supported},
	{SCTP_BLOB(SCTP_AUTH_CHUNK), SET, .set = set_chunk},
	{SCTP_BLOB(SCTP_HMAC_IDENT), BOTH, .get = get_hmacs, .set = set_hmacs},
	{SCTP_BLOB(SCTP_AUTH_KEY), SET, .set = set_key},
	{SCTP_BLOB(SCTP_AUTH_ACTIVE_KEY), BOTH, .get = get_active, .set = set_active},
	{SCTP_BLOB(SCTP_AUTH_DELETE_KEY), SET, .set = set_delete},
	{SCTP_BLOB(SCTP_AUTH_DEACTIVATE_KEY), SET, .set = set_deactivate},
	{SCTP_BLOB(SCTP_PEER_AUTH_CHUNKS), GET, .get = get_peer_chunks},
	{SCTP_BLOB(SCTP_LOCAL_AUTH_CHUNKS), GET, .get = get_local_chunks},
	{.text = NULL},
};
