/*
 * Options about an association, its peer and its paths. Each begins with the association's number; with SCTP_FUTURE_ASSOC (and of a one-to-one
 * socket without an association) it is about those to come.
 *
 * Read first: RFC 6458 §8.1, §8.2.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

struct path *opt_path(const struct opt_target *t, const struct sockaddr_storage *ss)
{
	struct addr a;
	uint16_t port;

	return t->a && sctp_addr_read(t->so, ss, &a, &port) == 0 ? assoc_path(t->a, &a) : NULL;
}

/* ---- timeouts and limits ---- */

static void apply_rto(struct assoc_settings *set, const void *v)
{
	const struct sctp_rtoinfo *i = v;

	if (i->srto_initial) set->rto_initial_ms = i->srto_initial;
	if (i->srto_max) set->rto_max_ms = i->srto_max;
	if (i->srto_min) set->rto_min_ms = i->srto_min;
}

static int set_rtoinfo(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_rtoinfo v;
	struct opt_target t;
	int r = opt_read(val, len, &v, sizeof v);
	uint32_t least, most;

	if (r == 0) r = opt_target(sk, v.srto_assoc_id, &t);
	if (r < 0) return r;
	least = v.srto_min ? v.srto_min : t.set->rto_min_ms;
	most = v.srto_max ? v.srto_max : t.set->rto_max_ms;
	if (least > most) return -EINVAL;
	apply_rto(t.set, &v);
	return 0;
}

static int get_rtoinfo(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_rtoinfo v;

	ASKED(v, srto_assoc_id);
	v.srto_initial = t.set->rto_initial_ms;
	v.srto_max = t.set->rto_max_ms;
	v.srto_min = t.set->rto_min_ms;
	return TOLD(v);
}

static int set_associnfo(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_assocparams v;
	struct opt_target t;
	int r = opt_read(val, len, &v, sizeof v);
	uint32_t sum = 0;

	if (r == 0) r = opt_target(sk, v.sasoc_assoc_id, &t);
	if (r < 0) return r;
	if (v.sasoc_asocmaxrxt) {
		/* RFC 6458 §8.1.2: not more than its paths have together, where there are several. */
		if (t.a) list_each(const struct path, p, &t.a->paths, node) sum += p->set.max_retrans;
		if (t.a && t.a->n_paths > 1 && v.sasoc_asocmaxrxt > sum) return -EINVAL;
		t.set->max_retrans = v.sasoc_asocmaxrxt;
	}
	if (v.sasoc_cookie_life) t.set->cookie_life_ms = v.sasoc_cookie_life;
	return 0;
}

static int get_associnfo(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assocparams v;

	ASKED(v, sasoc_assoc_id);
	v.sasoc_asocmaxrxt = t.set->max_retrans;
	v.sasoc_cookie_life = t.set->cookie_life_ms;
	v.sasoc_peer_rwnd = t.a ? t.a->snd.peer_rwnd : 0;
	v.sasoc_local_rwnd = t.a ? assoc_rwnd(t.a) : 0;
	v.sasoc_number_peer_destinations = (uint16_t)(t.a ? t.a->n_paths : 0);
	return TOLD(v);
}

static void apply_sack(struct assoc_settings *set, const void *v)
{
	const struct sctp_sack_info *i = v;

	if (i->sack_delay) set->sack_delay_ms = i->sack_delay;
	if (i->sack_freq == 1) set->sack_delay_ms = 0;
	if (i->sack_freq > 1) set->sack_freq = i->sack_freq;
	if (i->sack_freq > 1 && set->sack_delay_ms == 0) set->sack_delay_ms = 200;
}

static int set_sack(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sack_info v = {0};
	struct sctp_assoc_value old;

	if (len == sizeof old) {               /* as it was before: only the time */
		memcpy(&old, val, sizeof old);
		v = (struct sctp_sack_info){.sack_assoc_id = old.assoc_id, .sack_delay = old.assoc_value, .sack_freq = old.assoc_value == 0};
	} else if (len == sizeof v) {
		memcpy(&v, val, sizeof v);
		if (v.sack_delay == 0 && v.sack_freq == 0) return 0;
	} else {
		return -EINVAL;
	}
	if (v.sack_delay > 500) return -EINVAL;   /* RFC 9260 §6.2 */
	return opt_apply(sk, v.sack_assoc_id, apply_sack, &v);
}

static int get_sack(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_sack_info v = {0};
	bool old = *len == sizeof(struct sctp_assoc_value);
	struct opt_target t;
	int r;

	if (*len < sizeof v && !old) return -EINVAL;
	memcpy(&v, val, old ? sizeof(struct sctp_assoc_value) : sizeof v);
	r = opt_target(sk, v.sack_assoc_id, &t);
	if (r < 0) return r;
	v.sack_delay = t.set->sack_delay_ms;
	v.sack_freq = t.set->sack_delay_ms ? t.set->sack_freq : 1;
	return opt_copy_out(val, len, &v, old ? sizeof(struct sctp_assoc_value) : sizeof v);
}

/* ---- one number of an association: struct sctp_assoc_value, or an int for the future ---- */

static int value_read(const void *val, socklen_t len, struct sctp_assoc_value *ret)
{
	*ret = (struct sctp_assoc_value){.assoc_id = SCTP_FUTURE_ASSOC};
	if (len == sizeof *ret) memcpy(ret, val, sizeof *ret);
	else if (len == sizeof(int)) memcpy(&ret->assoc_value, val, sizeof(int));
	else return -EINVAL;
	return 0;
}

static int value_get(struct sock *sk, void *val, socklen_t *len, uint32_t (*get)(const struct opt_target *))
{
	struct sctp_assoc_value v;
	struct opt_target t;
	int r = value_read(val, (socklen_t)(*len >= sizeof v ? sizeof v : *len), &v);

	if (r == 0) r = opt_target(sk, v.assoc_id, &t);
	if (r < 0) return r;
	v.assoc_value = get(&t);
	return *len >= sizeof v ? TOLD(v) : opt_copy_out(val, len, &v.assoc_value, sizeof v.assoc_value);
}

#define VALUE(what, field) \
	static void apply_##what(struct assoc_settings *set, const void *v) { set->field = *(const uint32_t *)v; } \
	static uint32_t of_##what(const struct opt_target *t) { return t->set->field; } \
	static int get_##what(struct sock *sk, void *val, socklen_t *len) { return value_get(sk, val, len, of_##what); } \
	static int set_##what(struct sock *sk, const void *val, socklen_t len) \
	{ \
		struct sctp_assoc_value v; \
		int r = value_read(val, len, &v); \
		return r < 0 ? r : opt_apply(sk, v.assoc_id, apply_##what, &v.assoc_value); \
	}
VALUE(context, rcv_context)
VALUE(burst, max_burst)

static void apply_maxseg(struct assoc_settings *set, const void *v) { set->max_seg = *(const uint32_t *)v; }
static uint32_t of_maxseg(const struct opt_target *t) { return t->a ? assoc_fragment_point(t->a) : t->set->max_seg; }
static int get_maxseg(struct sock *sk, void *val, socklen_t *len) { return value_get(sk, val, len, of_maxseg); }

#define MAXSEG_LEAST (512u - IP4_HDR_MIN - SCTP_HDR_LEN - SCTP_DATA_HDR)
#define MAXSEG_MOST (PACKET_MAX - SCTP_DATA_HDR)

static int set_maxseg(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_assoc_value v;
	int r = value_read(val, len, &v);

	if (r < 0) return r;
	if (v.assoc_value && (v.assoc_value < MAXSEG_LEAST || v.assoc_value > MAXSEG_MOST)) return -EINVAL;
	return opt_apply(sk, v.assoc_id, apply_maxseg, &v.assoc_value);
}

static uint32_t of_pr(const struct opt_target *t) { return t->a ? t->a->peer_forwards : 1; }
static int get_pr(struct sock *sk, void *val, socklen_t *len) { return value_get(sk, val, len, of_pr); }

/* ---- what a send begins with ---- */

static void apply_send(struct assoc_settings *set, const void *v)
{
	const struct sctp_sndrcvinfo *i = v;

	set->send.stream = i->sinfo_stream;
	set->send.flags = i->sinfo_flags;
	set->send.ppid = i->sinfo_ppid;
	set->send.context = i->sinfo_context;
	set->send.lifetime_ms = i->sinfo_timetolive;
}

#define DEFAULT_FLAGS (SCTP_UNORDERED | SCTP_ADDR_OVER | SCTP_ABORT | SCTP_EOF)

static int set_send_param(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sndrcvinfo v;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	return v.sinfo_flags & ~DEFAULT_FLAGS ? -EINVAL : opt_apply(sk, v.sinfo_assoc_id, apply_send, &v);
}

static int get_send_param(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_sndrcvinfo v;

	ASKED(v, sinfo_assoc_id);
	v.sinfo_stream = t.set->send.stream;
	v.sinfo_flags = t.set->send.flags;
	v.sinfo_ppid = t.set->send.ppid;
	v.sinfo_context = t.set->send.context;
	v.sinfo_timetolive = t.set->send.lifetime_ms;
	return TOLD(v);
}

static void apply_sndinfo(struct assoc_settings *set, const void *v)
{
	const struct sctp_sndinfo *i = v;

	set->send.stream = i->snd_sid;
	set->send.flags = i->snd_flags;
	set->send.ppid = i->snd_ppid;
	set->send.context = i->snd_context;
}

static int set_sndinfo(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sndinfo v;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	return v.snd_flags & ~DEFAULT_FLAGS ? -EINVAL : opt_apply(sk, v.snd_assoc_id, apply_sndinfo, &v);
}

static int get_sndinfo(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_sndinfo v;

	ASKED(v, snd_assoc_id);
	v.snd_sid = t.set->send.stream;
	v.snd_flags = t.set->send.flags;
	v.snd_ppid = t.set->send.ppid;
	v.snd_context = t.set->send.context;
	return TOLD(v);
}

static void apply_prinfo(struct assoc_settings *set, const void *v)
{
	const struct sctp_default_prinfo *i = v;

	set->pr_policy = i->pr_policy;
	set->pr_value = i->pr_policy == SCTP_PR_SCTP_NONE ? 0 : i->pr_value;
}

static int set_prinfo(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_default_prinfo v;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	if (v.pr_policy & ~SCTP_PR_SCTP_MASK || v.pr_policy == SCTP_PR_SCTP_PRIO) return -EINVAL;
	return opt_apply(sk, v.pr_assoc_id, apply_prinfo, &v);
}

static int get_prinfo(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_default_prinfo v;

	ASKED(v, pr_assoc_id);
	v.pr_policy = t.set->pr_policy;
	v.pr_value = t.set->pr_value;
	return TOLD(v);
}

const struct sockopt sctp_assoc_options[] = {
	{SCTP_BLOB(SCTP_RTOINFO), BOTH, .get = get_rtoinfo, .set = set_rtoinfo},
	{SCTP_BLOB(SCTP_ASSOCINFO), BOTH, .get = get_associnfo, .set = set_associnfo},
	{SCTP_BLOB(SCTP_DELAYED_SACK), BOTH, .get = get_sack, .set = set_sack},
	{SCTP_BLOB(SCTP_CONTEXT), BOTH, .get = get_context, .set = set_context},
	{SCTP_BLOB(SCTP_MAX_BURST), BOTH, .get = get_burst, .set = set_burst},
	{SCTP_BLOB(SCTP_MAXSEG), BOTH, .get = get_maxseg, .set = set_maxseg},
	{SCTP_BLOB(SCTP_DEFAULT_SEND_PARAM), BOTH, .get = get_send_param, .set = set_send_param},
	{SCTP_BLOB(SCTP_DEFAULT_SNDINFO), BOTH, .get = get_sndinfo, .set = set_sndinfo},
	{SCTP_BLOB(SCTP_DEFAULT_PRINFO), BOTH, .get = get_prinfo, .set = set_prinfo, .note = "by lifetime or retransmissions; not by priority"},
	{SCTP_BLOB(SCTP_PR_SUPPORTED), GET, .get = get_pr},
	{.text = NULL},
};
