/* See auth.h: the keys that a program shares with its peers, by number. Read first: RFC 6458 §8.3, Linux's net/sctp/auth.c for errors. */
#include <errno.h>
#include <stdlib.h>
#include "base/secret.h"
#include "stack/sctp/assoc.h"

#define KEYS_MOST 64u                  /* of a socket or association: they are in our memory */
#define OCTETS_MOST (128u << 10)

static void secret_unref(struct auth_secret *s)
{
	if (--s->refs > 0) return;
	secret_wipe(s->at, s->len);
	free(s);
}

static struct auth_key *find(const struct auth_keys *k, uint16_t id)
{
	for (uint32_t i = 0; i < k->n; i++)
		if (k->at[i].id == id) return &k->at[i];
	return NULL;
}

/* As Linux: what is deactivated is not taken from the peer either. */
const struct auth_key *auth_key_find(const struct auth_keys *k, uint16_t id)
{
	const struct auth_key *key = find(k, id);

	return key && !key->deactivated ? key : NULL;
}

static bool has_room(const struct auth_keys *k, const struct auth_key *replaced, uint32_t len)
{
	uint32_t octets = len;

	for (uint32_t i = 0; i < k->n; i++)
		if (&k->at[i] != replaced) octets += k->at[i].secret->len;
	return (replaced || k->n < KEYS_MOST) && octets <= OCTETS_MOST;
}

int auth_key_set(struct auth_keys *k, uint16_t id, const uint8_t *p, uint32_t len)
{
	struct auth_key *key = find(k, id), *all = k->at;
	struct auth_secret *secret;

	if (!has_room(k, key, len)) return -ENOMEM;
	secret = malloc(sizeof *secret + len);
	if (secret && !key) all = realloc(k->at, (k->n + 1) * sizeof *all);
	if (!secret || !all) {
		free(secret);
		return -ENOMEM;
	}
	k->at = all;
	*secret = (struct auth_secret){.refs = 1, .len = len};
	if (len) memcpy(secret->at, p, len);
	if (key) secret_unref(key->secret);
	else key = &k->at[k->n++];
	*key = (struct auth_key){.id = id, .secret = secret};
	return 0;
}

int auth_keys_begin(struct auth_keys *k) { return k->n ? 0 : auth_key_set(k, 0, NULL, 0); }

int auth_keys_copy(struct auth_keys *to, const struct auth_keys *from)
{
	*to = (struct auth_keys){.active = from->active};
	if (from->n == 0) return 0;
	to->at = malloc(from->n * sizeof *to->at);
	if (!to->at) return -ENOMEM;
	memcpy(to->at, from->at, from->n * sizeof *to->at);
	to->n = from->n;
	for (uint32_t i = 0; i < to->n; i++) to->at[i].secret->refs++;
	return 0;
}

void auth_keys_free(struct auth_keys *k)
{
	for (uint32_t i = 0; i < k->n; i++) secret_unref(k->at[i].secret);
	free(k->at);
	*k = (struct auth_keys){.at = NULL};
}

/* What is not active, of those there are. */
static struct auth_key *idle(const struct auth_keys *k, uint16_t id) { return id == k->active ? NULL : find(k, id); }

int auth_key_delete(struct auth_keys *k, uint16_t id)
{
	struct auth_key *key = idle(k, id);

	if (!key) return -EINVAL;
	secret_unref(key->secret);
	*key = k->at[--k->n];
	return 0;
}

int auth_key_deactivate(struct auth_keys *k, uint16_t id)
{
	struct auth_key *key = idle(k, id);

	if (!key) return -EINVAL;
	key->deactivated = true;
	return 0;
}

int auth_key_activate(struct auth_keys *k, uint16_t id)
{
	if (!auth_key_find(k, id)) return -EINVAL;
	k->active = id;
	return 0;
}

static bool is_used(const struct assoc *a, uint16_t id)
{
	list_each(const struct out_piece, q, &a->snd.flight, node)
		if (q->msg->key == id) return true;
	list_each(const struct out_piece, q, &a->snd.queue, node)
		if (q->msg->key == id) return true;
	return false;
}

void auth_keys_release(struct assoc *a)
{
	for (uint32_t i = 0; i < a->keys.n; i++) {
		struct auth_key *key = &a->keys.at[i];
		if (!key->deactivated || key->told || is_used(a, key->id)) continue;
		key->told = true;
		notify_key(a, key->id, SCTP_AUTH_FREE_KEY);
	}
}
