/* The options of addresses that come and go (asconf.h), and sctp_bindx() of associations that there are. Read first: RFC 6458 §8.1.27, §8.3.1, §9.1. */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

static int set_supported(struct sock *sk, const void *val, socklen_t len)
{
	struct assoc_settings *set = &sctp_of(sk)->set;
	int r = opt_offer(sk, val, len, &set->asconf);

	if (r == 0) auth_add_asconf(set);
	return r;
}

static int get_supported(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.a ? t.a->asconf.able : t.so->set.asconf;
	return TOLD(v);
}

static int set_peer_primary(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_setpeerprim v;
	struct sockaddr_storage ss;
	struct assoc *a;
	struct addr addr;
	uint16_t port;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	a = assoc_find(sctp_of(sk), v.sspp_assoc_id);
	if (!a) return -EINVAL;
	if (!a->asconf.able) return -EPERM;
	if (a->state != SCTP_ESTABLISHED) return -ENOTCONN;
	memcpy(&ss, &v.sspp_addr, sizeof ss);
	if ((ss.ss_family != AF_INET && ss.ss_family != AF_INET6) || sctp_addr_read(a->sock, &ss, &addr, &port) < 0) return -EINVAL;
	if (!sctp_addrs_have(&a->local, &addr) || !asconf_is_source(a, &addr)) return -EADDRNOTAVAIL;
	return asconf_tell(a, PARAM_SET_PRIMARY, &addr);
}

/* ---- sctp_bindx ---- */

static bool is_going(const struct assoc *a, const struct addr *mine)
{
	for (uint32_t i = 0; i < a->asconf.n_ops; i++)
		if (a->asconf.ops[i].type == PARAM_DEL_IP && addr_eq(&a->asconf.ops[i].addr, mine)) return true;
	return false;
}

static bool has_another(const struct assoc *a, const struct sctp_addrs *but)
{
	for (uint32_t i = 0; i < a->local.n; i++)
		if (!sctp_addrs_have(but, &a->local.at[i]) && !is_going(a, &a->local.at[i])) return true;
	return false;
}

/* As Linux: only those that have all of what is removed, and one more; and none of what is added. */
static bool is_told(const struct assoc *a, const struct sctp_addrs *all, bool add)
{
	if (!a->asconf.able || a->state != SCTP_ESTABLISHED || (!add && !has_another(a, all))) return false;
	for (uint32_t i = 0; i < all->n; i++)
		if (sctp_addrs_have(&a->local, &all->at[i]) == add || !asconf_is_source(a, &all->at[i])) return false;
	return a->asconf.n_ops + all->n <= ASCONF_OPS_MOST;
}

static int bindx(struct sock *sk, const void *val, socklen_t len, bool add)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sctp_addrs all;
	uint16_t port;
	int r = sctp_bindx(so, val, len, add);

	if (r < 0 || !so->set.asconf) return r;
	sctp_addrs_parse(so, val, len, &all, &port);
	list_each(struct assoc, a, &so->assocs, node) {
		if (!is_told(a, &all, add)) continue;
		for (uint32_t i = 0; r == 0 && i < all.n; i++) r = asconf_tell(a, add ? PARAM_ADD_IP : PARAM_DEL_IP, &all.at[i]);
	}
	return r;
}

static int set_bindx_add(struct sock *sk, const void *val, socklen_t len) { return bindx(sk, val, len, true); }
static int set_bindx_rem(struct sock *sk, const void *val, socklen_t len) { return bindx(sk, val, len, false); }

const struct sockopt sctp_asconf_options[] = {
	{SCTP_BLOB(SCTP_ASCONF_SUPPORTED), BOTH, .get = get_supported, .set = set_supported},
	{SCTP_BLOB(SCTP_SET_PEER_PRIMARY_ADDR), SET, .set = set_peer_primary},
	{SCTP_BLOB(SCTP_SOCKOPT_BINDX_ADD), SET, .set = set_bindx_add},
	{SCTP_BLOB(SCTP_SOCKOPT_BINDX_REM), SET, .set = set_bindx_rem},
	{.text = NULL},
};
