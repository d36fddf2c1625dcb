/*
 * The options of paths that may be failing (RFC 7829): from how many errors on another is taken, when that one becomes the primary, and whether programs
 * are told.
 *
 * Read first: RFC 7829 §7, Linux for its errors.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

/* What a call is about: a path, or an association with all of its paths, or the socket. -ENOENT: a path that there is not */
static int target(struct sock *sk, sctp_assoc_t id, const void *address, struct opt_target *ret, struct path **ret_path)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sockaddr_storage ss;
	struct addr a;
	uint16_t port;

	memcpy(&ss, address, sizeof ss);
	*ret_path = NULL;
	if (sctp_addr_read(so, &ss, &a, &port) < 0) return -ENOENT;
	if (addr_is_any(&a)) return opt_target(sk, id, ret);
	ret->so = so;
	ret->a = assoc_find(so, id);
	*ret_path = ret->a ? assoc_path(ret->a, &a) : NULL;
	return *ret_path ? 0 : -ENOENT;
}

static void apply(struct path_settings *set, const struct sctp_paddrthlds_v2 *v, bool v2)
{
	if (v->spt_pathmaxrxt) set->max_retrans = v->spt_pathmaxrxt;
	set->pf_retrans = v->spt_pathpfthld;
	if (v2) set->ps_retrans = v->spt_pathcpthld;
}

static int set_thresholds(struct sock *sk, const void *val, socklen_t len, bool v2)
{
	size_t size = v2 ? sizeof(struct sctp_paddrthlds_v2) : sizeof(struct sctp_paddrthlds);
	struct sctp_paddrthlds_v2 v = {0};
	struct opt_target t;
	struct path *p;
	int r;

	if (len < size) return -EINVAL;
	memcpy(&v, val, v2 ? size : offsetof(struct sctp_paddrthlds_v2, spt_pathcpthld));
	if (v2 && v.spt_pathpfthld > v.spt_pathcpthld) return -EINVAL;
	r = target(sk, v.spt_assoc_id, &v.spt_address, &t, &p);
	if (r < 0) return r;
	if (p) {
		apply(&p->set, &v, v2);
		return 0;
	}
	apply(&t.set->path, &v, v2);
	if (t.a) list_each(struct path, each, &t.a->paths, node) apply(&each->set, &v, v2);
	return 0;
}

static int get_thresholds(struct sock *sk, void *val, socklen_t *len, bool v2)
{
	size_t size = v2 ? sizeof(struct sctp_paddrthlds_v2) : sizeof(struct sctp_paddrthlds);
	struct sctp_paddrthlds_v2 v = {0};
	const struct path_settings *set;
	struct opt_target t;
	struct path *p;
	int r;

	if (*len < size) return -EINVAL;
	memcpy(&v, val, offsetof(struct sctp_paddrthlds_v2, spt_pathcpthld));
	r = target(sk, v.spt_assoc_id, &v.spt_address, &t, &p);
	if (r < 0) return r;
	set = p ? &p->set : &t.set->path;
	v.spt_pathmaxrxt = set->max_retrans;
	v.spt_pathpfthld = set->pf_retrans;
	v.spt_pathcpthld = set->ps_retrans;
	return opt_copy_out(val, len, &v, size);
}

static int set_thlds(struct sock *sk, const void *val, socklen_t len) { return set_thresholds(sk, val, len, false); }
static int get_thlds(struct sock *sk, void *val, socklen_t *len) { return get_thresholds(sk, val, len, false); }
static int set_thlds_v2(struct sock *sk, const void *val, socklen_t len) { return set_thresholds(sk, val, len, true); }
static int get_thlds_v2(struct sock *sk, void *val, socklen_t *len) { return get_thresholds(sk, val, len, true); }

static int set_expose(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_assoc_value v;
	struct opt_target t;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	if (v.assoc_value > PF_EXPOSE_ON) return -EINVAL;
	r = opt_target(sk, v.assoc_id, &t);
	if (r == 0) t.set->pf_expose = (uint8_t)v.assoc_value;
	return r;
}

static int get_expose(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.set->pf_expose;
	return TOLD(v);
}

const struct sockopt sctp_failover_options[] = {
	{SCTP_BLOB(SCTP_PEER_ADDR_THLDS), BOTH, .get = get_thlds, .set = set_thlds},
	{SCTP_BLOB(SCTP_PEER_ADDR_THLDS_V2), BOTH, .get = get_thlds_v2, .set = set_thlds_v2},
	{SCTP_BLOB(SCTP_EXPOSE_POTENTIALLY_FAILED_STATE), BOTH, .get = get_expose, .set = set_expose},
	{.text = NULL},
};
