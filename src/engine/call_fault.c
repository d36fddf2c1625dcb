/*
 * Faults of calls: what somebody wants to happen to the calls of a host's programs. The word arena.faults says which calls have any; the shim asks about
 * those before each of them (RPC_FAULT), and all that is decided is decided here: one rule after the other, in the order they were set.
 *
 *     engine:  host, program, call, port?  ──► the rule's own count: first, every, p ──► struck: errno, short, delay, reset
 *
 * A rule with `after` counts the octets of a connection's calls: it lets a call have what is missing to the count, and takes back what the call did not
 * move (RPC_FAULT_DONE). A connection that is to be reset after so many sent goes by the stack, which knows when the other end has them all.
 *
 * Read first: rpc/call_fault.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "engine/private.h"
#include "rpc/call_fault.h"
#include "stack/tcp/tcp.h"

#define WORDS_TEXT_MAX 200

struct rule {
	struct list node;                          /* engine.call_faults */
	struct call_fault f;
	size_t host;
	char program[64];                          /* empty: all */
	char words[WORDS_TEXT_MAX];
	uint64_t seen, struck;                     /* calls */
	struct random random;
	time_ns due;                               /* TIME_NEVER: stays */
};

static void word_publish(struct engine *e)
{
	uint32_t calls = 0;
	list_each(struct rule, r, &e->call_faults, node) calls |= r->f.calls;
	shared_set32(&e->arena->faults, calls);
}

static void rule_free(struct engine *e, struct rule *r)
{
	list_remove(&r->node);
	free(r);
	word_publish(e);
}

/* ---- whom a rule is about ---- */

static uint16_t port_in(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)a)->sin_port);
	return a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

static bool has_port(const struct call *k, uint16_t port)
{
	struct sockaddr_storage named = {0}, local = {0}, peer = {0};
	socklen_t local_len = sizeof local, peer_len = sizeof peer;
	memcpy(&named, k->in, MIN(k->q->in_len, sizeof named));
	if (k->es) {
		sock_getsockname(k->es->sk, &local, &local_len);
		sock_getpeername(k->es->sk, &peer, &peer_len);
	}
	return port_in(&named) == port || port_in(&local) == port || port_in(&peer) == port;
}

static bool concerns(const struct rule *r, const struct call *k, enum fault_call call)
{
	bool of_streams = r->f.action == FAULT_SHORT || r->f.action == FAULT_RESET || r->f.has_after;
	if (!(r->f.calls & FAULT_BIT(call)) || r->host != k->c->host) return false;
	if (*r->program && strcmp(r->program, k->c->name) != 0) return false;
	bool connection = k->es && k->es->stream && !k->es->listening && !k->es->sk->ops->asked;
	if (of_streams && !connection) return false;
	return r->f.port == 0 || has_port(k, r->f.port);
}

/* ---- what happens ---- */

static uint64_t *counter(const struct call *k, enum fault_call call) { return &k->es->faulted[call == FAULT_RECV]; }

/* Its turn, by the rule's own count of calls. */
static bool strikes(struct rule *r)
{
	const struct call_fault *f = &r->f;
	r->seen++;
	if (f->first && r->seen > f->first) return false;
	if (f->every && r->seen % f->every != 0) return false;
	return f->p >= 1 || random_unit(&r->random) < f->p;
}

static void reset(struct engine *e, struct esock *es)
{
	direct_bar(e, es);
	esock_flush(e, es);
	if (es->sk) tcp_break(es->sk);
}

static void strike(struct rule *r, struct call *k, enum fault_call call, struct rpc_fault *ret)
{
	r->struck++;
	switch (r->f.action) {
	case FAULT_ERRNO: ret->err = r->f.err; break;
	case FAULT_SHORT: ret->limit = MIN(ret->limit, r->f.octets); break;
	case FAULT_DELAY: ret->delay_ns += r->f.delay_ns; break;
	default:
		reset(k->e, k->es);
		if (call == FAULT_RECV) ret->err = ECONNRESET;      /* what has come and was not read stays unread */
	}
}

static void judge(struct rule *r, struct call *k, enum fault_call call, struct rpc_fault *ret)
{
	uint64_t so_far = r->f.has_after ? *counter(k, call) : 0;
	if (r->f.has_after && so_far < r->f.after) {
		ret->counts = true;
		ret->limit = MIN(ret->limit, r->f.after - so_far);
	} else if (strikes(r)) {
		strike(r, k, call, ret);
	}
}

static bool stops_here(const struct rpc_fault *f) { return f->err != 0; }

/* The channel is asked for here, since socket() has none. */
int64_t serve_fault(struct call *k)
{
	uint64_t call = (uint64_t)k->q->arg[0], wanted = (uint64_t)k->q->arg[1];
	struct rpc_fault f = {.limit = UINT64_MAX};
	if (call >= FAULT_CALLS) return -EINVAL;
	k->es = k->q->channel ? esock_find(k->e, k->q->channel, k->q->generation) : NULL;
	if (k->q->channel && (!k->es || !k->es->sk)) return -EBADF;
	if (k->es) engine_enter(k->e, k->es->sk);
	list_each(struct rule, r, &k->e->call_faults, node) {
		if (stops_here(&f) || (k->es && !k->es->sk)) break;
		if (concerns(r, k, (enum fault_call)call)) judge(r, k, (enum fault_call)call, &f);
	}
	f.limit = MIN(f.limit, wanted);
	if (f.err != 0) f.counts = false;
	if (f.counts && k->es) *counter(k, (enum fault_call)call) += f.limit;
	call_out(k, &f, sizeof f);
	return 0;
}

/* ---- connections that are reset after so many octets ---- */

/* Is what its program wrote at the other end, or has it no other end any more? */
static bool all_arrived(struct engine *e, struct esock *es)
{
	int left = 0;
	direct_bar(e, es);
	esock_flush(e, es);
	if (!es->sk) return true;
	sock_ioctl(es->sk, SIOCOUTQ, &left, sizeof left);
	return left == 0 && tx_pending(&e->pool, &es->tx) == 0;
}

static struct rule *reset_due(struct call *k, enum fault_call call)
{
	list_each(struct rule, r, &k->e->call_faults, node)
		if (r->f.action == FAULT_RESET && r->f.has_after && concerns(r, k, call) && *counter(k, call) >= r->f.after) return r;
	return NULL;
}

int64_t serve_fault_done(struct call *k)
{
	uint64_t call = (uint64_t)k->q->arg[0], allowed = (uint64_t)k->q->arg[1], moved = (uint64_t)k->q->arg[2];
	if ((call != FAULT_SEND && call != FAULT_RECV) || moved > allowed || allowed - moved > *counter(k, (enum fault_call)call)) return -EINVAL;
	*counter(k, (enum fault_call)call) -= allowed - moved;
	struct rule *r = reset_due(k, (enum fault_call)call);
	if (!r) return 0;
	if (call == FAULT_SEND && !all_arrived(k->e, k->es)) return -EAGAIN;
	if (!k->es->sk) return 0;
	if (strikes(r)) strike(r, k, (enum fault_call)call, &(struct rpc_fault){0});
	return 0;
}

/* ---- the verb ---- */

static const char usage[] = "fault HOST[:PROGRAM] CALL[,CALL…] errno NAME|short N|delay TIME|reset [p P%] [first N] [every N] [after OCTETS] [port N] "
			    "[for TIME], or fault --heal [HOST]\n";

/* "client:curl" */
static int whom_read(const struct engine *e, const char *word, struct rule *r, struct text *t)
{
	char host[TOPO_NAME_MAX];
	size_t len = strcspn(word, ":");
	snprintf(host, sizeof host, "%.*s", (int)MIN(len, sizeof host), word);
	r->host = host_find(e, host);
	if (len >= sizeof host || r->host == e->topo->n_hosts) {
		text_add(t, "no host named %.*s\n", (int)MIN(len, 60), word);
		return -ENOENT;
	}
	snprintf(r->program, sizeof r->program, "%s", word[len] ? word + len + 1 : "");
	return 0;
}

static void words_join(char *to, size_t size, size_t n, char **words)
{
	size_t len = 0;
	*to = 0;
	for (size_t i = 0; i < n && len < size; i++) len += (size_t)snprintf(to + len, size - len, "%s%s", i ? " " : "", words[i]);
}

static int heal(struct engine *e, size_t n, char **words, struct text *t)
{
	struct rule of = {.host = e->topo->n_hosts};
	int err = n > 0 ? whom_read(e, words[0], &of, t) : 0;
	if (n > 1) text_add(t, "%s", usage);
	if (err < 0 || n > 1) return err < 0 ? err : -EINVAL;
	list_each(struct rule, r, &e->call_faults, node)
		if (n == 0 || (r->host == of.host && (!*of.program || strcmp(of.program, r->program) == 0))) rule_free(e, r);
	return 0;
}

int call_fault_set(struct engine *e, size_t n, char **words, struct text *t)
{
	struct rule draft = {0}, *r;
	char stream[32];
	size_t wrong = 0;
	if (n > 0 && strcmp(words[0], "--heal") == 0) return heal(e, n - 1, words + 1, t);
	draft.due = fault_ending(e, &n, words, t);
	if (draft.due < 0) return -EINVAL;
	if (n < 2) {
		text_add(t, "%s", usage);
		return -EINVAL;
	}
	int err = whom_read(e, words[0], &draft, t);
	if (err < 0) return err;
	if (call_fault_parse(&draft.f, n - 1, words + 1, &wrong) < 0) {
		text_add(t, "not understood: %s\n", wrong + 1 < n ? words[wrong + 1] : "the end");
		return -EINVAL;
	}
	r = malloc(sizeof *r);
	if (!r) return -ENOMEM;
	snprintf(stream, sizeof stream, "call fault %u", ++e->last_call_fault);
	*r = draft;
	r->random = random_seeded(e->config->seed, stream);
	words_join(r->words, sizeof r->words, n - 1, words + 1);
	list_append(&e->call_faults, &r->node);
	word_publish(e);
	return 0;
}

/* ---- time, and what there is ---- */

time_ns call_faults_deadline(const struct engine *e)
{
	time_ns due = TIME_NEVER;
	list_each(struct rule, r, &e->call_faults, node) due = MIN(due, r->due);
	return due;
}

void call_faults_expire(struct engine *e)
{
	list_each(struct rule, r, &e->call_faults, node)
		if (r->due <= e->now) rule_free(e, r);
}

void call_faults_show(struct engine *e, struct page *p)
{
	list_each(struct rule, r, &e->call_faults, node) {
		if (!page_takes(p)) continue;
		text_add(p->t, "fault\thost=%s\tprogram=%s\tfault=%s\tcalls#%llu\tstruck#%llu", e->topo->hosts[r->host].name, r->program, r->words,
			 (unsigned long long)r->seen, (unsigned long long)r->struck);
		if (r->due != TIME_NEVER) text_add(p->t, "\tends_in_ms#%lld", (long long)(MAX(r->due - e->now, 0) / NS_PER_MS));
		text_add(p->t, "\n");
	}
}

void call_faults_free(struct engine *e)
{
	list_each(struct rule, r, &e->call_faults, node) rule_free(e, r);
}
