/*
 * The options of stream reconfiguration: whether it is offered and was agreed upon, what the peer may ask for, and requests of the program's.
 *
 * Read first: RFC 6525 §6.3.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

static int set_reconfig(struct sock *sk, const void *val, socklen_t len)
{
	return opt_offer(sk, val, len, &sctp_of(sk)->set.reconfig);
}

static int get_reconfig(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.a ? t.a->reconfig.able : t.so->set.reconfig;
	return TOLD(v);
}

static void apply_allowed(struct assoc_settings *set, const void *v) { set->reset_allowed = *(const uint32_t *)v; }

static int set_allowed(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_assoc_value v;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	return v.assoc_value & ~(uint32_t)SCTP_ENABLE_STRRESET_MASK ? -EINVAL : opt_apply(sk, v.assoc_id, apply_allowed, &v.assoc_value);
}

static int get_allowed(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.set->reset_allowed;
	return TOLD(v);
}

static int set_reset_streams(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_reset_streams v;
	struct assoc *a;
	uint16_t *list;
	int r;

	if (len < sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (v.srs_number_streams * sizeof *list > len - sizeof v) return -EINVAL;
	a = assoc_find(sctp_of(sk), v.srs_assoc_id);
	if (!a) return -EINVAL;
	list = calloc(v.srs_number_streams + 1u, sizeof *list);
	if (!list) return -ENOMEM;
	memcpy(list, (const uint8_t *)val + sizeof v, v.srs_number_streams * sizeof *list);
	r = reconfig_reset_streams(a, v.srs_flags, (struct streams){list, v.srs_number_streams});
	free(list);
	return r;
}

static int set_reset_assoc(struct sock *sk, const void *val, socklen_t len)
{
	sctp_assoc_t id;
	struct assoc *a;
	int r = opt_read(val, len, &id, sizeof id);

	if (r < 0) return r;
	a = assoc_find(sctp_of(sk), id);
	return a ? reconfig_reset_assoc(a) : -EINVAL;
}

static int set_add_streams(struct sock *sk, const void *val, socklen_t len)
{
	struct sctp_add_streams v;
	struct assoc *a;
	int r = opt_read(val, len, &v, sizeof v);

	if (r < 0) return r;
	a = assoc_find(sctp_of(sk), v.sas_assoc_id);
	return a ? reconfig_add_streams(a, v.sas_instrms, v.sas_outstrms) : -EINVAL;
}

const struct sockopt sctp_reconfig_options[] = {
	{SCTP_BLOB(SCTP_RECONFIG_SUPPORTED), BOTH, .get = get_reconfig, .set = set_reconfig},
	{SCTP_BLOB(SCTP_ENABLE_STREAM_RESET), BOTH, .get = get_allowed, .set = set_allowed},
	{SCTP_BLOB(SCTP_RESET_STREAMS), SET, .set = set_reset_streams},
	{SCTP_BLOB(SCTP_RESET_ASSOC), SET, .set = set_reset_assoc},
	{SCTP_BLOB(SCTP_ADD_STREAMS), SET, .set = set_add_streams},
	{.text = NULL},
};
