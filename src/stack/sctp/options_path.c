/*
 * Options about the peer's addresses, and what an association tells of itself; and those that are refused.
 *
 * Read first: RFC 6458 §8.1.9 to §8.1.12, §8.2, §9.3 to §9.6.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

/* The address in a packed struct, where it may lie anywhere. */
static struct path *path_at(const struct opt_target *t, const void *ss)
{
	struct sockaddr_storage copy;

	memcpy(&copy, ss, sizeof copy);
	return opt_path(t, &copy);
}

/* None is named: AF_UNSPEC or the wildcard. */
static bool names_none(const struct opt_target *t, const void *ss)
{
	struct sockaddr_storage copy;
	struct addr a;
	uint16_t port;

	memcpy(&copy, ss, sizeof copy);
	return sctp_addr_read(t->so, &copy, &a, &port) == 0 && addr_is_any(&a);
}

static void show(const struct opt_target *t, const struct path *p, void *ss)
{
	struct sockaddr_storage s;
	socklen_t len;

	sctp_addr_show(t->so, &p->addr, t->a->rport, &s, &len);
	memcpy(ss, &s, sizeof s);
}

/* ---- the primary path ---- */

static int set_primary(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_prim v;
	struct opt_target t;
	struct path *p;
	int r = opt_read(val, len, &v, sizeof v);

	if (r == 0) r = opt_target(sk, v.ssp_assoc_id, &t);
	if (r < 0) return r;
	p = path_at(&t, &v.ssp_addr);
	if (!p) return -EINVAL;
	path_make_primary(p);
	return 0;
}

static int get_primary(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_prim v;

	ASKED(v, ssp_assoc_id);
	if (!t.a) return -EINVAL;
	show(&t, t.a->primary, &v.ssp_addr);
	return TOLD(v);
}

/* ---- parameters of paths ---- */

#define SPP_KNOWN (SPP_HB | SPP_HB_DEMAND | SPP_PMTUD | SPP_SACKDELAY | SPP_HB_TIME_IS_ZERO | SPP_DSCP)
#define MTU_LEAST 512u

static void apply_params(const struct sctp_paddrparams *v, struct path_settings *set)
{
	uint32_t flags = v->spp_flags;

	if (flags & SPP_HB_ENABLE) set->hb = true;
	if (flags & SPP_HB_DISABLE) set->hb = false;
	if (flags & SPP_HB_ENABLE && v->spp_hbinterval) set->hb_interval_ms = v->spp_hbinterval;
	if (flags & SPP_HB_TIME_IS_ZERO) set->hb_interval_ms = 0;
	if (flags & SPP_PMTUD_ENABLE) set->pmtud = true;
	if (flags & SPP_PMTUD_DISABLE) set->pmtud = false;
	if (flags & SPP_PMTUD_DISABLE && v->spp_pathmtu) set->mtu_bytes = v->spp_pathmtu;
	if (v->spp_pathmaxrxt) set->max_retrans = v->spp_pathmaxrxt;
	if (flags & SPP_DSCP) {
		set->dscp = v->spp_dscp & 0xfc;
		set->has_dscp = true;
	}
}

static void apply_path_params(const struct sctp_paddrparams *v, struct path *p)
{
	apply_params(v, &p->set);
	path_route(p);
	if (v->spp_flags & SPP_HB_DEMAND && assoc_in(p->assoc, SCTP_UP)) heartbeat_send(p);
	if (assoc_in(p->assoc, SCTP_UP)) heartbeat_schedule(p);
}

static void apply_sack_delay(const struct sctp_paddrparams *v, struct assoc_settings *set)
{
	if (v->spp_flags & SPP_SACKDELAY_DISABLE) set->sack_delay_ms = 0;
	if (v->spp_flags & SPP_SACKDELAY_ENABLE && v->spp_sackdelay) set->sack_delay_ms = v->spp_sackdelay;
}

static bool both(uint32_t flags, uint32_t pair) { return (flags & pair) == pair; }

static int params_check(const struct sctp_paddrparams *v)
{
	uint32_t f = v->spp_flags;

	if (f & ~(uint32_t)SPP_KNOWN || both(f, SPP_HB) || both(f, SPP_PMTUD) || both(f, SPP_SACKDELAY)) return -EINVAL;
	if (v->spp_sackdelay > 500 || (v->spp_pathmtu && v->spp_pathmtu < MTU_LEAST)) return -EINVAL;
	return 0;
}

static int set_params(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_paddrparams v = {0};
	struct opt_target t;
	struct path *p;
	int r;

	/* It was shorter once: without what follows the flags. */
	if (len != sizeof v && len != offsetof(struct sctp_paddrparams, spp_ipv6_flowlabel)) return -EINVAL;
	memcpy(&v, val, len);
	r = params_check(&v);
	if (r == 0) r = opt_target(sk, v.spp_assoc_id, &t);
	if (r < 0) return r;
	p = path_at(&t, &v.spp_address);
	if (!p && !names_none(&t, &v.spp_address)) return -EINVAL;
	if (v.spp_flags & SPP_HB_DEMAND && !t.a) return -EINVAL;
	if (p) {
		apply_path_params(&v, p);
		return 0;
	}
	apply_params(&v, &t.set->path);
	apply_sack_delay(&v, t.set);
	if (t.a) list_each(struct path, each, &t.a->paths, node) apply_path_params(&v, each);
	return 0;
}

static int get_params(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_paddrparams v = {0};
	const struct path_settings *set;
	size_t size = *len >= sizeof v ? sizeof v : offsetof(struct sctp_paddrparams, spp_ipv6_flowlabel);
	struct opt_target t;
	struct path *p;
	int r;

	if (*len < size) return -EINVAL;
	memcpy(&v, val, size);
	r = opt_target(sk, v.spp_assoc_id, &t);
	if (r < 0) return r;
	p = path_at(&t, &v.spp_address);
	if (!p && !names_none(&t, &v.spp_address)) return -EINVAL;
	set = p ? &p->set : &t.set->path;
	v.spp_hbinterval = set->hb_interval_ms;
	v.spp_pathmaxrxt = set->max_retrans;
	v.spp_pathmtu = p ? p->mtu_bytes : set->mtu_bytes;
	v.spp_sackdelay = t.set->sack_delay_ms;
	v.spp_flags = (set->hb ? SPP_HB_ENABLE : SPP_HB_DISABLE) | (set->pmtud ? SPP_PMTUD_ENABLE : SPP_PMTUD_DISABLE) |
		      (t.set->sack_delay_ms ? SPP_SACKDELAY_ENABLE : SPP_SACKDELAY_DISABLE) | (set->has_dscp ? SPP_DSCP : 0);
	v.spp_dscp = set->dscp;
	return opt_copy_out(val, len, &v, size);
}

/* ---- what it tells ---- */

static void path_info(const struct opt_target *t, const struct path *p, struct sctp_paddrinfo *i)
{
	i->spinfo_assoc_id = t->a->id;
	show(t, p, &i->spinfo_address);
	i->spinfo_state = path_may_fail(p) ? SCTP_PF : p->state;
	i->spinfo_cwnd = p->cwnd;
	i->spinfo_srtt = (uint32_t)(p->srtt_ns / NS_PER_MS);
	i->spinfo_rto = (uint32_t)(p->rto_ns / NS_PER_MS);
	i->spinfo_mtu = p->mtu_bytes;
}

static uint16_t length_of(const struct list *l)
{
	uint32_t n = 0;

	for (const struct list *at = l->next; at != l; at = at->next) n++;
	return (uint16_t)MIN(n, UINT16_MAX);
}

static int get_status(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_status v;

	ASKED(v, sstat_assoc_id);
	if (!t.a) return -EINVAL;
	v = (struct sctp_status){.sstat_assoc_id = t.a->id, .sstat_state = t.a->state, .sstat_rwnd = t.a->snd.peer_rwnd,
				 .sstat_unackdata = length_of(&t.a->snd.flight), .sstat_penddata = length_of(&t.a->rcv.pieces),
				 .sstat_instrms = t.a->in_streams, .sstat_outstrms = t.a->out_streams,
				 .sstat_fragmentation_point = assoc_fragment_point(t.a)};
	path_info(&t, t.a->primary, &v.sstat_primary);
	return TOLD(v);
}

static int get_path_info(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_paddrinfo v;
	const struct path *p;

	ASKED(v, spinfo_assoc_id);
	p = path_at(&t, &v.spinfo_address);
	if (!p) return -EINVAL;
	if (path_may_fail(p) && t.a->set.pf_expose == PF_EXPOSE_OFF) return -EACCES;
	path_info(&t, p, &v);
	return TOLD(v);
}

static int get_number(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	if (!sctp_of(sk)->many) return -EOPNOTSUPP;
	*(int *)val = (int)sctp_of(sk)->n_assocs;
	return 0;
}

static int get_ids(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_sock *so = sctp_of(sk);
	size_t need = sizeof(uint32_t) + so->n_assocs * sizeof(sctp_assoc_t);
	uint8_t *at = val;

	if (!so->many) return -EOPNOTSUPP;
	if (*len < need) return -EINVAL;
	memcpy(at, &so->n_assocs, sizeof so->n_assocs);
	at += sizeof so->n_assocs;
	list_each(const struct assoc, a, &so->assocs, node) {
		memcpy(at, &a->id, sizeof a->id);
		at += sizeof a->id;
	}
	*len = (socklen_t)need;
	return 0;
}

/* ---- all addresses of an end: struct sctp_getaddrs, then one sockaddr behind the other ---- */

struct addr_list { uint8_t *at, *end; uint32_t n; };

static int put_addr(struct addr_list *l, const struct sctp_sock *so, const struct addr *a, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len;

	sctp_addr_show(so, a, port, &ss, &len);
	if ((size_t)(l->end - l->at) < len) return -ENOMEM;
	memcpy(l->at, &ss, len);
	l->at += len;
	l->n++;
	return 0;
}

static int addrs_end(struct addr_list *l, void *val, socklen_t *len)
{
	*len = (socklen_t)(l->at - (uint8_t *)val);
	memcpy((uint8_t *)val + offsetof(struct sctp_getaddrs, addr_num), &l->n, sizeof l->n);
	return 0;
}

static int get_peer_addrs(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_getaddrs v;
	struct addr_list l = {.at = (uint8_t *)val + sizeof v, .end = (uint8_t *)val + *len};

	ASKED(v, assoc_id);
	if (!t.a) return -EINVAL;
	list_each(const struct path, p, &t.a->paths, node) {
		r = put_addr(&l, t.so, &p->addr, t.a->rport);
		if (r < 0) return r;
	}
	return addrs_end(&l, val, len);
}

static int get_local_addrs(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_getaddrs v;
	struct addr_list l = {.at = (uint8_t *)val + sizeof v, .end = (uint8_t *)val + *len};
	struct sctp_addrs all;

	ASKED(v, assoc_id);
	if (t.a) all = t.a->local;
	else if (t.so->bound.n) all = t.so->bound;
	else if (t.so->inet.bound) sctp_addrs_towards(t.so, &addr_loop4, &all);
	else all.n = 0;
	for (uint32_t i = 0; i < all.n; i++) {
		r = put_addr(&l, t.so, &all.at[i], t.so->inet.lport);
		if (r < 0) return r;
	}
	return addrs_end(&l, val, len);
}

static int get_stats(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_stats v = {0};
	struct opt_target t;
	int r;

	if (*len < sizeof v.sas_assoc_id) return -EINVAL;
	memcpy(&v.sas_assoc_id, val, sizeof v.sas_assoc_id);
	r = opt_target(sk, v.sas_assoc_id, &t);
	if (r < 0) return r;
	if (!t.a) return -EINVAL;
#define COUNT(f) v.sas_##f = t.a->stats.f
	COUNT(isacks); COUNT(osacks); COUNT(opackets); COUNT(ipackets); COUNT(rtxchunks); COUNT(outofseqtsns); COUNT(idupchunks); COUNT(gapcnt);
	COUNT(ouodchunks); COUNT(iuodchunks); COUNT(oodchunks); COUNT(iodchunks); COUNT(octrlchunks); COUNT(ictrlchunks);
#undef COUNT
	v.sas_maxrto = (uint64_t)(t.a->stats.rto_most / NS_PER_MS);
	if (v.sas_maxrto) {
		struct path *p = assoc_path(t.a, &t.a->stats.rto_most_of);
		if (p) show(&t, p, &v.sas_obs_rto_ipaddr);
	}
	t.a->stats.rto_most = 0;               /* of the time since it was asked last */
	return TOLD(v);
}

static int get_pr_status(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_prstatus v;

	ASKED(v, sprstat_assoc_id);
	if (!t.a || v.sprstat_policy & ~(SCTP_PR_SCTP_MASK | SCTP_PR_SCTP_ALL)) return -EINVAL;
	v.sprstat_abandoned_unsent = v.sprstat_abandoned_sent = 0;
	for (unsigned i = 1; i < 4; i++) {
		if (!(v.sprstat_policy & SCTP_PR_SCTP_ALL) && v.sprstat_policy >> 4 != (int)i) continue;
		v.sprstat_abandoned_unsent += t.a->stats.abandoned_unsent[i];
		v.sprstat_abandoned_sent += t.a->stats.abandoned_sent[i];
	}
	return TOLD(v);
}

const struct sockopt sctp_path_options[] = {
	{SCTP_BLOB(SCTP_PRIMARY_ADDR), BOTH, .get = get_primary, .set = set_primary},
	{SCTP_BLOB(SCTP_PEER_ADDR_PARAMS), BOTH, .get = get_params, .set = set_params, .note = "not SPP_IPV6_FLOWLABEL"},
	{SCTP_BLOB(SCTP_STATUS), GET, .get = get_status},
	{SCTP_BLOB(SCTP_GET_PEER_ADDR_INFO), GET, .get = get_path_info},
	{SCTP_ROW(SCTP_GET_ASSOC_NUMBER), .type = OPT_INT, GET, .get = get_number},
	{SCTP_BLOB(SCTP_GET_ASSOC_ID_LIST), GET, .get = get_ids},
	{SCTP_BLOB(SCTP_GET_PEER_ADDRS), GET, .get = get_peer_addrs},
	{SCTP_BLOB(SCTP_GET_LOCAL_ADDRS), GET, .get = get_local_addrs},
	{SCTP_BLOB(SCTP_GET_ASSOC_STATS), GET, .get = get_stats},
	{SCTP_BLOB(SCTP_PR_ASSOC_STATUS), GET, .get = get_pr_status},
	{.text = NULL},
};
