/* The options of streams: whose turn it is, and what of each was given up. Read first: RFC 8260 §4.3, RFC 7496 §4.4. */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

/* The first of what is longer counts, as on Linux. */
static int read_front(const void *val, socklen_t len, void *to, size_t size) { return len < size ? -EINVAL : opt_read(val, (socklen_t)size, to, size); }

static int set_scheduler(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sctp_assoc_value v;
	struct assoc *one;
	int r = read_front(val, len, &v, sizeof v);

	if (r < 0) return r;
	if (v.assoc_value > SCHEDULE_WEIGHTED) return -EINVAL;
	one = assoc_find(so, v.assoc_id);
	if (one) {
		schedule_set(one, (uint8_t)v.assoc_value);
		return 0;
	}
	if (so->many && (v.assoc_id > SCTP_ALL_ASSOC || v.assoc_id < 0)) return -EINVAL;
	if (!so->many || v.assoc_id != SCTP_CURRENT_ASSOC) so->set.scheduler = (uint8_t)v.assoc_value;
	if (!so->many || v.assoc_id == SCTP_FUTURE_ASSOC) return 0;
	list_each(struct assoc, a, &so->assocs, node) schedule_set(a, (uint8_t)v.assoc_value);
	return 0;
}

static int get_scheduler(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.set->scheduler;
	return TOLD(v);
}

static int set_value(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sctp_stream_value v;
	struct assoc *one;
	int r = read_front(val, len, &v, sizeof v);

	if (r < 0) return r;
	one = assoc_find(so, v.assoc_id);
	if (one) return schedule_value_set(one, v.stream_id, v.stream_value);
	if (so->many && v.assoc_id != SCTP_CURRENT_ASSOC) return -EINVAL;
	list_each(struct assoc, a, &so->assocs, node) {
		int each = schedule_value_set(a, v.stream_id, v.stream_value);
		if (r == 0) r = each;
	}
	return r;
}

static int get_value(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_stream_value v;

	ASKED(v, assoc_id);
	r = t.a ? schedule_value(t.a, v.stream_id) : -EINVAL;
	if (r < 0) return r;
	v.stream_value = (uint16_t)r;
	return TOLD(v);
}

static int get_pr_stream(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_prstatus v;
	const struct given_up *g;

	ASKED(v, sprstat_assoc_id);
	if (v.sprstat_policy == 0 || v.sprstat_policy & ~(SCTP_PR_SCTP_MASK | SCTP_PR_SCTP_ALL) || !t.a || v.sprstat_sid >= t.a->out_streams) return -EINVAL;
	v.sprstat_abandoned_unsent = v.sprstat_abandoned_sent = 0;
	g = t.a->snd.streams[v.sprstat_sid].given_up;
	for (unsigned i = 1; g && i < ARRAY_SIZE(g->sent); i++) {
		if (!(v.sprstat_policy & SCTP_PR_SCTP_ALL) && v.sprstat_policy >> 4 != (int)i) continue;
		v.sprstat_abandoned_unsent += g->unsent[i];
		v.sprstat_abandoned_sent += g->sent[i];
	}
	return TOLD(v);
}

const struct sockopt sctp_stream_options[] = {
	{SCTP_BLOB(SCTP_STREAM_SCHEDULER), BOTH, .get = get_scheduler, .set = set_scheduler},
	{SCTP_BLOB(SCTP_STREAM_SCHEDULER_VALUE), BOTH, .get = get_value, .set = set_value},
	{SCTP_BLOB(SCTP_PR_STREAM_STATUS), .access = OPT_GET, .get = get_pr_stream},
	{.text = NULL},
};
