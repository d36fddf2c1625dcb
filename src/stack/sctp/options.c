/*
 * The options of a socket: what new associations begin with, what it is told, and how it sends. Those about one association and its paths are in
 * options_assoc.c.
 *
 * Read first: RFC 6458 §8.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

int opt_read(const void *val, socklen_t len, void *to, size_t size)
{
	if (len != size) return -EINVAL;
	memcpy(to, val, size);
	return 0;
}

int opt_target(struct sock *sk, sctp_assoc_t id, struct opt_target *ret)
{
	struct sctp_sock *so = sctp_of(sk);
	struct assoc *a = assoc_find(so, id);

	if (!a && so->many && id != SCTP_FUTURE_ASSOC) return -EINVAL;
	*ret = (struct opt_target){so, a, a ? &a->set : &so->set};
	return 0;
}

int opt_offer(struct sock *sk, const void *val, socklen_t len, bool *flag)
{
	struct sctp_assoc_value v;
	struct opt_target t;
	int r = opt_read(val, len, &v, sizeof v);

	if (r == 0) r = opt_target(sk, v.assoc_id, &t);
	if (r == 0) *flag = v.assoc_value != 0;
	return r;
}

int opt_apply(struct sock *sk, sctp_assoc_t id, void (*apply)(struct assoc_settings *, const void *), const void *v)
{
	struct sctp_sock *so = sctp_of(sk);
	struct opt_target t;
	int r;

	if (so->many && (id == SCTP_CURRENT_ASSOC || id == SCTP_ALL_ASSOC)) {
		list_each(struct assoc, a, &so->assocs, node) apply(&a->set, v);
		if (id == SCTP_ALL_ASSOC) apply(&so->set, v);
		return 0;
	}
	r = opt_target(sk, id, &t);
	if (r == 0) apply(t.set, v);
	return r;
}

/* ---- the socket's own ---- */

static int set_initmsg(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_initmsg v, *set = &sctp_of(sk)->set.init;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	if (v.sinit_num_ostreams) set->sinit_num_ostreams = v.sinit_num_ostreams;
	if (v.sinit_max_instreams) set->sinit_max_instreams = v.sinit_max_instreams;
	if (v.sinit_max_attempts) set->sinit_max_attempts = v.sinit_max_attempts;
	if (v.sinit_max_init_timeo) set->sinit_max_init_timeo = v.sinit_max_init_timeo;
	return 0;
}

static int get_initmsg(struct sock *sk, void *val, socklen_t *len)
{
	const struct sctp_initmsg *set = &sctp_of(sk)->set.init;

	return *len < sizeof *set ? -EINVAL : opt_copy_out(val, len, set, sizeof *set);
}

static int set_autoclose(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);

	(void)len;
	if (!so->many) return -EOPNOTSUPP;
	so->autoclose_s = *(const uint32_t *)val;
	list_each(struct assoc, a, &so->assocs, node) {
		timer_clear(sk->stack, &a->autoclose);
		autoclose_touch(a);
	}
	return 0;
}

static int get_autoclose(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	if (!sctp_of(sk)->many) return -EOPNOTSUPP;
	*(int *)val = (int)sctp_of(sk)->autoclose_s;
	return 0;
}

static int set_mapped(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	sctp_of(sk)->mapped_off = !*(const int *)val;
	return 0;
}

static int get_mapped(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = !sctp_of(sk)->mapped_off;
	return 0;
}

static int set_reuse_port(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);

	(void)len;
	/* RFC 6458 §8.1.27, as Linux: one-to-one, and before bind. */
	if (so->many || so->inet.bound) return -EFAULT;
	so->reuse_port = sk->reuseport = *(const int *)val != 0;
	return 0;
}

static int set_pd_point(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t v = *(const uint32_t *)val;

	(void)len;
	if (v > sk->rcvbuf / 2) return -EINVAL;
	sctp_of(sk)->pd_point = v;
	return 0;
}

static int set_adaptation(struct sock *sk, const void *val, socklen_t len)
{
	return opt_read(val, len, &sctp_of(sk)->set.adaptation, sizeof(struct sctp_setadaptation));
}

static int get_adaptation(struct sock *sk, void *val, socklen_t *len)
{
	if (*len < sizeof(struct sctp_setadaptation)) return -EINVAL;
	return opt_copy_out(val, len, &sctp_of(sk)->set.adaptation, sizeof(struct sctp_setadaptation));
}

/* ---- notifications ---- */

#define KINDS (SCTP_SN_TYPE_MAX - SCTP_SN_TYPE_BASE + 1)

struct event_change { uint32_t mask, on; };

static void apply_events(struct assoc_settings *set, const void *v)
{
	const struct event_change *c = v;

	set->events = (set->events & ~c->mask) | c->on;
}

/* One octet a kind, as many as the program's struct has. As Linux: of the socket and of all its associations. */
static int set_events(struct sock *sk, const void *val, socklen_t len)
{
	struct event_change c = {.mask = (1u << KINDS) - 1};
	const uint8_t *on = val;

	if (len > sizeof(struct sctp_event_subscribe)) return -EINVAL;
	for (socklen_t i = 0; i < len && i < KINDS; i++)
		if (on[i]) c.on |= 1u << i;
	apply_events(&sctp_of(sk)->set, &c);
	list_each(struct assoc, a, &sctp_of(sk)->assocs, node) apply_events(&a->set, &c);
	return 0;
}

static int get_events(struct sock *sk, void *val, socklen_t *len)
{
	uint8_t on[sizeof(struct sctp_event_subscribe)] = {0};

	if (*len == 0) return -EINVAL;
	for (size_t i = 0; i < MIN(sizeof on, (size_t)KINDS); i++) on[i] = sctp_of(sk)->set.events >> i & 1;
	return opt_copy_out(val, len, on, sizeof on);
}

static int set_event(struct sock *sk, const void *val, socklen_t len)
{
	struct event_change c;
	struct sctp_event v;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	if (v.se_type < SCTP_SN_TYPE_BASE || v.se_type > SCTP_SN_TYPE_MAX) return -EINVAL;
	c.mask = 1u << (v.se_type - SCTP_SN_TYPE_BASE);
	c.on = v.se_on ? c.mask : 0;
	return opt_apply(sk, v.se_assoc_id, apply_events, &c);
}

static int get_event(struct sock *sk, void *val, socklen_t *len)
{
	struct opt_target t;
	struct sctp_event v;
	int r;

	if (*len < sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (v.se_type < SCTP_SN_TYPE_BASE || v.se_type > SCTP_SN_TYPE_MAX) return -EINVAL;
	r = opt_target(sk, v.se_assoc_id, &t);
	if (r < 0) return r;
	v.se_on = t.set->events >> (v.se_type - SCTP_SN_TYPE_BASE) & 1;
	return opt_copy_out(val, len, &v, sizeof v);
}

/* ---- several addresses ---- */

/* As connect(): -EINPROGRESS, -EALREADY, then the association's number, once. */
static int connectx(struct sock *sk, const void *val, socklen_t len, bool tells)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sctp_addrs all;
	sctp_assoc_t id;
	uint16_t port;
	int r = sctp_addrs_parse(so, val, len, &all, &port);

	if (r < 0) return r;
	if (port == 0) return -EINVAL;
	r = sctp_connect_all(so, &all, port, &id);
	return r == 0 && tells ? id : r;
}

/* The descriptor is the host's to make: sctp_peel_off() is what it calls. */
static int get_peeloff(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)val, (void)len;
	return -EINVAL;
}

static int set_connectx(struct sock *sk, const void *val, socklen_t len) { return connectx(sk, val, len, true); }
static int set_connectx_old(struct sock *sk, const void *val, socklen_t len) { return connectx(sk, val, len, false); }

#define FLAG(n, f) {.level = IPPROTO_SCTP, .name = n, .text = #n, .type = OPT_BOOL, BOTH, OPT_FIELD(struct sctp_sock, f)}
const struct sockopt sctp_options[] = {
	{SCTP_BLOB(SCTP_INITMSG), BOTH, .get = get_initmsg, .set = set_initmsg},
	FLAG(SCTP_NODELAY, nodelay),
	FLAG(SCTP_DISABLE_FRAGMENTS, no_fragments),
	FLAG(SCTP_RECVRCVINFO, rcvinfo),
	FLAG(SCTP_RECVNXTINFO, nxtinfo),
	{SCTP_ROW(SCTP_AUTOCLOSE), .type = OPT_INT, BOTH, .get = get_autoclose, .set = set_autoclose},
	{SCTP_ROW(SCTP_I_WANT_MAPPED_V4_ADDR), .type = OPT_BOOL, BOTH, .get = get_mapped, .set = set_mapped},
	FLAG(SCTP_FRAGMENT_INTERLEAVE, interleave),
	{SCTP_ROW(SCTP_PARTIAL_DELIVERY_POINT), .type = OPT_INT, BOTH, OPT_FIELD(struct sctp_sock, pd_point), .set = set_pd_point,
	 .note = "a message that fits the receive buffer comes whole"},
	{SCTP_ROW(SCTP_REUSE_PORT), .type = OPT_INT, BOTH, OPT_FIELD(struct sctp_sock, reuse_port), .set = set_reuse_port},
	{SCTP_BLOB(SCTP_ADAPTATION_LAYER), BOTH, .get = get_adaptation, .set = set_adaptation},
	{SCTP_BLOB(SCTP_EVENTS), BOTH, .get = get_events, .set = set_events},
	{SCTP_BLOB(SCTP_EVENT), BOTH, .get = get_event, .set = set_event},
	{SCTP_BLOB(SCTP_SOCKOPT_PEELOFF), .access = OPT_GET, .get = get_peeloff, .note = "makes a descriptor"},
	{SCTP_BLOB(SCTP_SOCKOPT_PEELOFF_FLAGS), .access = OPT_GET, .get = get_peeloff, .note = "makes a descriptor"},
	{SCTP_BLOB(SCTP_SOCKOPT_CONNECTX), SET, .set = set_connectx},
	{SCTP_BLOB(SCTP_SOCKOPT_CONNECTX_OLD), SET, .set = set_connectx_old},
	{.text = NULL},
};
