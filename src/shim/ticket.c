/*
 * Datagrams straight into the receiver's inbox (src/channel/inbox.h). The tickets that the engine gave are kept here, one for each socket and name in a
 * table that forgets the older of two that fall on the same place. What has no ticket, or needs more than data and name, is a SEND.
 */
#include <netinet/in.h>
#include <sys/mman.h>
#include "channel/inbox.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define PLACES 1024u
#define ASK_SKIP_MAX 64u
#define BUSY_YIELDS 4
#define NAME_MOST sizeof(struct unix_target)

struct place {
	struct lock lock;
	uint32_t index, generation;        /* whose; 0: nobody's */
	uint32_t name_len;
	uint8_t name[NAME_MOST];
	struct rpc_ticket ticket;          /* serial 0: the engine gave none */
	uint32_t skip, refused;            /* so many SENDs do not ask */
};
static struct place *places;               /* PLACES, touched lazily */

/* What a message is for: the socket, and the name that it gives. */
struct key { const struct sock *s; uint32_t name_len; uint8_t name[NAME_MOST]; };

static bool places_make(void)
{
	if (__atomic_load_n(&places, __ATOMIC_ACQUIRE)) return true;
	if (shim.sandboxed) return false;
	long p = sys(SYS_mmap, NULL, PLACES * sizeof *places, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return false;
	struct place *none = NULL;
	if (!__atomic_compare_exchange_n(&places, &none, (struct place *)p, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		sys(SYS_munmap, p, PLACES * sizeof *places);
	return true;
}

static struct place *place_of(const struct key *k)
{
	uint32_t hash = k->s->index * 0x9e3779b1u;
	for (uint32_t i = 0; i < k->name_len; i++) hash = (hash ^ k->name[i]) * 0x01000193u;
	return &places[(hash ^ hash >> 16) % PLACES];
}

static bool is_of(const struct place *p, const struct key *k)
{
	return p->index == k->s->index && p->generation == k->s->generation && p->name_len == k->name_len && memcmp(p->name, k->name, k->name_len) == 0;
}

static bool ticket_find(struct place *p, const struct key *k, struct rpc_ticket *ret)
{
	lock_enter(&p->lock);
	bool found = is_of(p, k) && p->ticket.serial != 0;
	if (found) *ret = p->ticket;
	lock_leave(&p->lock);
	return found;
}

/* Asking is work for the engine; where it gave none it is asked less and less. */
static bool ticket_wanted(struct place *p, const struct key *k)
{
	lock_enter(&p->lock);
	bool wanted = !is_of(p, k) || p->skip == 0;
	if (!wanted) p->skip--;
	lock_leave(&p->lock);
	return wanted;
}

static void ticket_keep(struct place *p, const struct key *k, const struct rpc_ticket *t)
{
	lock_enter(&p->lock);
	uint32_t refused = is_of(p, k) ? p->refused : 0;
	p->index = k->s->index;
	p->generation = k->s->generation;
	p->name_len = k->name_len;
	memcpy(p->name, k->name, k->name_len);
	p->ticket = *t;
	p->refused = t->serial != 0 ? 0 : MIN(refused == 0 ? 1 : refused * 2, ASK_SKIP_MAX);
	p->skip = p->refused;
	lock_leave(&p->lock);
}

/* Another thread may have been in the middle of one: the child begins anew. */
void tickets_forked(void)
{
	if (places) sys(SYS_madvise, places, PLACES * sizeof *places, MADV_DONTNEED);
}

/* ---- sending ---- */

static bool key_of(const struct sock *s, const struct message *m, struct key *ret)
{
	ret->s = s;
	ret->name_len = m->name ? m->name_len : 0;
	if (ret->name_len > sizeof ret->name) return false;
	return ret->name_len == 0 || user_copy(ret->name, m->name, ret->name_len) == 0;
}

static bool may_have_ticket(const struct sock *s, const struct message *m)
{
	bool udp = s->c->protocol == IPPROTO_UDP && s->c->type == SOCK_DGRAM && (s->c->domain == AF_INET || s->c->domain == AF_INET6);
	return udp && m->control_len == 0 && !(m->flags & ~MSG_NOSIGNAL);
}

struct letter { const struct message *m; size_t left; struct inbox_slot slot; };

/* No more than was asked for room for: another thread may be changing the lengths. */
static long pieces_write(void *arg)
{
	struct letter *l = arg;
	for (int i = 0; i < l->m->count; i++) {
		size_t n = MIN(l->m->iov[i].iov_len, l->left);
		inbox_write(shim.arena, &l->slot, l->m->iov[i].iov_base, n);
		l->left -= n;
	}
	return l->left == 0 ? 0 : -EFAULT;
}

/* One try. */
static enum inbox_answer put_free(const struct sock *s, const struct rpc_ticket *t, struct letter *l)
{
	bool of_unix = s->c->domain == AF_UNIX;
	struct record r = {.data_len = (uint32_t)l->m->total, .name_len = (uint16_t)t->name_len, .sender = s->index,
			   .generation = of_unix ? s->generation : 0};
	critical_enter();
	enum inbox_answer answer = inbox_begin(shim.arena, t->segment, t->serial, shim.client, &r, &l->slot);
	if (answer == INBOX_MINE) {
		inbox_write(shim.arena, &l->slot, t->name, t->name_len);
		l->left = l->m->total;
		if (!inbox_end(&l->slot, guarded(pieces_write, l) == 0)) answer = INBOX_ELSEWHERE;
	}
	critical_leave();
	return answer;
}

static enum inbox_answer put(const struct sock *s, const struct rpc_ticket *t, struct letter *l)
{
	if (s->c->domain != AF_UNIX) return put_free(s, t, l);
	if (!inbox_charge(s->c, (uint32_t)l->m->total, t->unread_max)) return INBOX_ELSEWHERE;
	enum inbox_answer answer = put_free(s, t, l);
	if (answer != INBOX_MINE) inbox_discharge(s->c, (uint32_t)l->m->total);
	return answer;
}

static enum inbox_answer put_patiently(const struct sock *s, const struct rpc_ticket *t, struct letter *l)
{
	enum inbox_answer answer = put(s, t, l);
	for (int i = 0; i < BUSY_YIELDS && answer == INBOX_BUSY && !shim.sandboxed; i++) {
		sys(SYS_sched_yield);
		answer = put(s, t, l);
	}
	/* On Linux the reader that is woken has the processor soon. Of a Unix socket's the sender will be told. */
	if (answer == INBOX_FULL && s->c->domain != AF_UNIX && spin(&l->slot.s->tail, l->slot.tail)) answer = put(s, t, l);
	return answer;
}

/* MINE: it is there. FULL: the slot says where. Otherwise the engine must. */
static enum inbox_answer letter_put(const struct sock *s, const struct message *m, const struct rpc_ticket *t, struct inbox_slot *ret)
{
	struct letter l = {.m = m};
	uint32_t state = shared_get32(&s->c->state);
	if (state & (CHS_ERROR | CHS_GONE) || m->total > t->octets_max || engine_dead()) return INBOX_ELSEWHERE;
	if (shared_get32(&s->c->posted.ticket) != t->ticket) return INBOX_ELSEWHERE;
	enum inbox_answer answer = put_patiently(s, t, &l);
	if (answer == INBOX_MINE) direct_delivered(l.slot.reader);
	*ret = l.slot;
	return answer;
}

/* false: the engine must. */
static bool letter_send(const struct sock *s, const struct message *m, const struct rpc_ticket *t)
{
	struct inbox_slot slot;
	closes_settle();
	bool edges = shared_get32(&s->c->flags) & CHF_OUT_EDGES;
	if (edges && atomic_load(&s->c->bell) == BELL_MANY) return false;
	enum inbox_answer answer = letter_put(s, m, t, &slot);
	if (answer == INBOX_FULL) inbox_dropped(&slot);
	bool left = answer == INBOX_MINE || answer == INBOX_FULL;
	if (left && edges) direct_left(s);
	return left;
}

long dgram_send(const struct sock *s, struct message *m)
{
	struct key k;
	struct rpc_ticket t = {0};
	if (!may_have_ticket(s, m) || !key_of(s, m, &k) || !places_make()) return engine_send(s, m);
	struct place *p = place_of(&k);
	if (ticket_find(p, &k, &t) && letter_send(s, m, &t)) return (long)m->total;
	if (!ticket_wanted(p, &k)) return engine_send(s, m);
	t = (struct rpc_ticket){0};
	m->ticket = &t;
	long r = engine_send(s, m);
	m->ticket = NULL;
	if (r >= 0) ticket_keep(p, &k, &t);
	return r;
}

/* There is no room, and whoever makes some hears of that before the last look. false: he can't. */
static bool room_wait(const struct sock *s, struct message *m, struct segment *inbox)
{
	if (!m->nonblock) {
		if (m->awaits != inbox) unix_letter_over(s, m);
		m->awaits = inbox;
		return inbox_wait(inbox, s->index);
	}
	inbox_stays_full(inbox);
	return true;
}

/* Octets; -EAGAIN: there is no room; RPC_SEND_BY_TICKET: not by this one. */
static long unix_letter_put(const struct sock *s, struct message *m, const struct rpc_ticket *t)
{
	struct inbox_slot slot;
	enum inbox_answer answer = letter_put(s, m, t, &slot);
	if (answer == INBOX_FULL) answer = room_wait(s, m, slot.s) ? letter_put(s, m, t, &slot) : INBOX_ELSEWHERE;
	if (answer == INBOX_FULL) return -EAGAIN;
	return answer == INBOX_MINE ? (long)m->total : RPC_SEND_BY_TICKET;
}

long unix_letter_send(const struct sock *s, struct message *m)
{
	struct key k;
	struct rpc_ticket t = {0};
	if (!key_of(s, m, &k) || !places_make()) return (long)engine_send_once(s, m, 0);
	struct place *p = place_of(&k);
	long r = ticket_find(p, &k, &t) ? unix_letter_put(s, m, &t) : RPC_SEND_BY_TICKET;
	if (r != RPC_SEND_BY_TICKET) return r;
	t = (struct rpc_ticket){0};
	m->ticket = &t;
	r = (long)engine_send_once(s, m, 0);
	m->ticket = NULL;
	if (r != RPC_SEND_BY_TICKET) return r;
	ticket_keep(p, &k, &t);
	r = unix_letter_put(s, m, &t);
	return r == RPC_SEND_BY_TICKET ? (long)engine_send_once(s, m, 0) : r;
}

/* A wake that comes to who no longer sleeps there would be one that another has missed. */
void unix_letter_over(const struct sock *s, struct message *m)
{
	if (!m->awaits) return;
	inbox_waits_no_more(m->awaits, s->index);
	direct_stirred(s);
	m->awaits = NULL;
}
