/*
 * The option engine: finds the row of (level, name) and does what is the same for all of them - access, length, range, truncation.
 *
 *     set:  row found? -> may be set? -> long enough? -> in range? -> row->set, or the field and row->after
 *     get:  row found? -> may be read? -> row->get, or the field -> as much as the caller has room for
 *
 * How lengths are treated differs by type, and each way is Linux's for the levels that use it:
 *   INT, BOOL     at least 4 octets in; out min(len, 4)                       SOL_SOCKET, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP
 *   BYTE_OR_…     1 to 3 octets in: the first one counts; out likewise        IPPROTO_IP
 *   BLOB          the row's own business
 */
#include "stack/socket/option.h"
#include <errno.h>
#include <netinet/in.h>
#include "stack/core/sysctl.h"

static const struct sockopt *row_in(const struct sockopt *table, const struct sock *sk, int level, int name)
{
	for (const struct sockopt *o = table; o->text; o++)
		if (o->level == level && o->name == name && (!o->domain || o->domain == sk->domain)) return o;
	return NULL;
}

static const struct sockopt *row_find(const struct sock *sk, int level, int name)
{
	const struct sockopt *o = NULL;

	for (const struct sockopt *const *t = sk->ops->options; t && *t && !o; t++)
		o = row_in(*t, sk, level, name);
	if (!o) o = row_in(sock_options, sk, level, name);
	if (!o) o = row_in(device_options, sk, level, name);
	return o ? o : row_in(refused_options, sk, level, name);
}

/* A refused row names a level that not every socket has. */
static bool level_is_served(const struct sock *sk, const struct sockopt *o)
{
	if (!o->refused || o->level == SOL_SOCKET) return true;
	for (const struct sockopt *const *t = sk->ops->options; t && *t; t++)
		for (const struct sockopt *r = *t; r->text; r++)
			if (r->level == o->level && (!r->domain || r->domain == sk->domain)) return true;
	return false;
}

static void *field_of(const struct sock *sk, const struct sockopt *o)
{
	return (char *)sk + o->offset;
}

static void field_set(struct sock *sk, const struct sockopt *o, int v)
{
	void *f = field_of(sk, o);

	switch (o->size) {
	case 1: *(uint8_t *)f = (uint8_t)v; break;
	case 2: *(uint16_t *)f = (uint16_t)v; break;
	case 4: *(int32_t *)f = v; break;
	default: *(int64_t *)f = v;
	}
}

static int field_get(const struct sock *sk, const struct sockopt *o)
{
	const void *f = field_of(sk, o);

	switch (o->size) {
	case 1: return *(const uint8_t *)f;
	case 2: return *(const uint16_t *)f;
	case 4: return *(const int32_t *)f;
	default: return (int)*(const int64_t *)f;
	}
}

static bool takes_octet(const struct sockopt *o) { return o->type == OPT_BYTE_OR_INT || o->type == OPT_BYTE_OR_BOOL; }
static bool is_flag(const struct sockopt *o) { return o->type == OPT_BOOL || o->type == OPT_BYTE_OR_BOOL; }

/* Families that have nothing but SOL_SOCKET. */
static bool has_no_options(const struct sock *sk) { return sk->domain == AF_UNIX || (sk->domain == AF_PACKET && sk->type == SOCK_PACKET); }

/* Linux: a level that the family does not have is -ENOPROTOOPT, but to ask for it of an AF_INET socket -EOPNOTSUPP. */
static int get_unknown(const struct sock *sk, int level)
{
	if (has_no_options(sk) && level != SOL_SOCKET) return -EOPNOTSUPP;
	if (sk->domain != AF_INET || level == SOL_SOCKET) return -ENOPROTOOPT;
	for (const struct sockopt *const *t = sk->ops->options; t && *t; t++)
		for (const struct sockopt *o = *t; o->text; o++)
			if (o->level == level && (!o->domain || o->domain == sk->domain)) return -ENOPROTOOPT;
	return -EOPNOTSUPP;
}

/* The integer in val under the rules of the row's type. */
static int int_read(const struct sockopt *o, const void *val, socklen_t len, int *ret)
{
	if (o->exact && len != sizeof *ret) return -EINVAL;
	if (len >= sizeof *ret)
		memcpy(ret, val, sizeof *ret);
	else if (o->short_is_zero)
		*ret = 0;
	else if (!takes_octet(o))
		return -EINVAL;
	else
		*ret = len ? *(const uint8_t *)val : 0;
	if ((o->min || o->max) && (*ret < o->min || *ret > o->max)) return -EINVAL;
	if (is_flag(o)) *ret = *ret != 0;
	return 0;
}

/* Levels at which Linux wants an int before it looks for the option. */
static bool looks_at_length_first(const struct sock *sk, int level)
{
	bool udp = sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE;

	if (sk->domain != AF_INET && sk->domain != AF_INET6) return level == SOL_SOCKET;
	if (sk->type == SOCK_RAW) return level == SOL_SOCKET || (level == IPPROTO_RAW && sk->domain == AF_INET6);
	return level == SOL_SOCKET || level == sk->protocol || (udp && (level == IPPROTO_UDP || level == IPPROTO_UDPLITE));
}

static bool is_settable(const struct sock *sk, const struct sockopt *o) { return o && o->access & OPT_SET && level_is_served(sk, o); }

/* What Linux looks at before the value of a row that may be set. */
static int set_allowed(const struct sock *sk, const struct sockopt *o, socklen_t len)
{
	if (o->of_stream && sk->type == SOCK_STREAM) return -o->of_stream;
	if (len < o->least || (o->exact && o->type == OPT_BLOB && len != o->least)) return -EINVAL;
	if (o->privileged && !sock_is_privileged(sk)) return -EPERM;
	return 0;
}

static bool too_short(const struct sock *sk, const struct sockopt *o, int level, socklen_t len)
{
	bool own_length = o && o->type == OPT_BLOB && o->access & OPT_SET && (level != SOL_SOCKET || o->name == SO_BINDTODEVICE);

	return len < sizeof(int) && !own_length && looks_at_length_first(sk, level);
}

/* Where the length is looked at even if the value can't be read. */
static bool wants_int_first(const struct sock *sk, const struct sockopt *o)
{
	return o->type != OPT_BLOB && !o->refused && (sk->domain == AF_PACKET || o->level == IPPROTO_IPV6);
}

int sock_setsockopt_none(const struct sock *sk, int level, int name, socklen_t len)
{
	const struct sockopt *o = row_find(sk, level, name);
	int r;

	if (sk->ops->setsockopt_unread && level != SOL_SOCKET) return sock_setsockopt_unread(sk, level, name, len);
	if (!is_settable(sk, o) || o->type != OPT_BLOB || len == 0) return 0;
	r = set_allowed(sk, o, len);
	if (r == 0 && o->unread) r = o->unread(sk, len);
	return r < 0 || o->none_is_zero ? r : -EFAULT;
}

int sock_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len)
{
	const struct sockopt *o = row_find(sk, level, name);
	bool reads_first = looks_at_length_first(sk, level) || (level == IPPROTO_IPV6 && sk->domain == AF_INET6);
	int r;

	r = sk->ops->setsockopt_unread ? sk->ops->setsockopt_unread(sk, level, name, len) : OPT_AS_OTHERS;
	if (r != OPT_AS_OTHERS) return r;
	if ((int)len < 0) return -EINVAL;
	if (has_no_options(sk) && level != SOL_SOCKET) return -EOPNOTSUPP;
	if (too_short(sk, o, level, len)) return -EINVAL;
	if (!is_settable(sk, o)) return reads_first && len >= sizeof(int) ? -EFAULT : -ENOPROTOOPT;
	if (reads_first && len >= sizeof(int)) return -EFAULT;
	if (wants_int_first(sk, o) && (o->exact ? len != sizeof(int) : len < sizeof(int))) return -EINVAL;
	r = o->type == OPT_BLOB || o->refused ? set_allowed(sk, o, len) : 0;
	if (r == 0 && o->unread) r = o->unread(sk, len);
	return r < 0 ? r : -EFAULT;
}

int option_set(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	const struct sockopt *o = row_find(sk, level, name);
	int v, r;

	if ((int)len < 0) return -EINVAL;
	if (has_no_options(sk) && level != SOL_SOCKET) return -EOPNOTSUPP;
	if (too_short(sk, o, level, len)) return -EINVAL;
	if (!is_settable(sk, o)) return -ENOPROTOOPT;
	r = set_allowed(sk, o, len);
	if (r < 0) return r;
	if (o->refused) return -o->refused;
	if (o->type == OPT_BLOB) return o->set(sk, val, len);
	r = int_read(o, val, len, &v);
	if (r < 0) return r;
	if (o->set) return o->set(sk, &v, sizeof v);
	field_set(sk, o, v);
	return o->after ? o->after(sk) : 0;
}

int opt_copy_out(void *val, socklen_t *len, const void *from, size_t size)
{
	if (size < *len) *len = (socklen_t)size;
	memcpy(val, from, *len);
	return 0;
}

static int int_write(const struct sockopt *o, int v, void *val, socklen_t *len)
{
	uint8_t octet = (uint8_t)v;

	if ((takes_octet(o) || o->level == IPPROTO_IP) && *len > 0 && *len < sizeof v && v >= 0 && v <= 255) return opt_copy_out(val, len, &octet, 1);
	return opt_copy_out(val, len, &v, sizeof v);
}

int option_get(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	const struct sockopt *o = row_find(sk, level, name);
	socklen_t int_len = sizeof(int);
	int v = 0, r;

	if (!o || !(o->access & OPT_GET) || !level_is_served(sk, o)) return get_unknown(sk, level);
	if (o->refused && !o->get) return -o->refused;
	if ((int)*len < 0 && level != IPPROTO_IPV6) return -EINVAL;   /* IPPROTO_IPV6 takes any length for a large one */
	if (o->type == OPT_BLOB) return o->get(sk, val, len);
	if (o->whole && *len < sizeof v) return -EINVAL;
	r = o->get ? o->get(sk, &v, &int_len) : 0;
	if (r < 0) return r;
	if (!o->get) v = field_get(sk, o);
	return int_write(o, v, val, len);
}

int sock_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	return (sk->ops->setsockopt ? sk->ops->setsockopt : option_set)(sk, level, name, val, len);
}

int sock_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	return (sk->ops->getsockopt ? sk->ops->getsockopt : option_get)(sk, level, name, val, len);
}

/* ---- what several rows do ---- */

int opt_get_zero(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)len;
	*(int *)val = 0;
	return 0;
}

int opt_set_eperm_if_on(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)len;
	return *(const int *)val ? -EPERM : 0;
}

int opt_set_nothing(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)val, (void)len;
	return 0;
}

int opt_set_unknown(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)val, (void)len;
	return -ENOPROTOOPT;
}

bool sock_is_privileged(const struct sock *sk) { return sk->stack->sysctl->privileged; }
