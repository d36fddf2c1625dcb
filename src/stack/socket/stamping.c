/* SO_TIMESTAMPING, and the control messages of SOL_SOCKET that go with a send: stamping.h. */
#include "stack/socket/stamping.h"
#include <errno.h>
#include "stack/socket/option.h"

enum { TIMESTAMPING_NEW = 65, TS_OPT_ID = 81 };   /* of <asm/socket.h>, where libc has other names for them or none */
#define PRIORITY_FREE 6u                          /* what anyone may ask for */

/* An int, or struct so_timestamping. */
int stamping_set(struct sock *sk, const void *val, socklen_t len, bool new_layout, uint32_t first_id)
{
	uint32_t flags;

	if (len < sizeof flags) return -EINVAL;
	memcpy(&flags, val, sizeof flags);
	if (flags & ~STAMPS_ALL || (flags & STAMPS_ID_TCP && !(flags & STAMPS_ID))) return -EINVAL;
	if (flags & STAMPS_ID && !(sk->timestamping & STAMPS_ID)) sk->stamp_id = first_id;
	if (flags & STAMPS_STATS && !(flags & STAMPS_ONLY)) return -EINVAL;
	if (flags & STAMPS_PHC) return -EOPNOTSUPP;
	sk->timestamping = flags;
	sk->timestamp_new = new_layout;
	return 0;
}

/* As Linux: the newer number tells of what was set by it. */
int stamping_get(struct sock *sk, void *val, socklen_t *len, bool new_layout)
{
	const uint32_t v[2] = {new_layout && !sk->timestamp_new ? 0 : sk->timestamping};

	return opt_copy_out(val, len, v, sizeof v);
}

struct send_control send_control_of(const struct sock *sk)
{
	return (struct send_control){.mark = sk->mark, .priority = (uint32_t)sk->priority, .stamps = sk->timestamping & STAMPS_OF_SENT};
}

/* SCM_RIGHTS and SCM_CREDENTIALS mean something to AF_UNIX only and pass; SO_MARK asks for a capability. */
int send_control_read(const struct sock *sk, const struct cmsg_in *c, struct send_control *ret)
{
	uint32_t v = 0;

	if (c->type == SCM_RIGHTS || c->type == SCM_CREDENTIALS) return 0;
	if (c->type == SCM_TXTIME) return sk->txtime_on && c->len == sizeof(uint64_t) ? 0 : -EINVAL;   /* no queue here waits for a time */
	if (c->type == SO_MARK && !sock_is_privileged(sk)) return -EPERM;
	if (c->len != sizeof v) return -EINVAL;
	memcpy(&v, c->data, sizeof v);
	switch (c->type) {
	case SO_MARK: ret->mark = v; return 0;
	case SO_PRIORITY:   /* told to a receiver on this host; nothing is queued by it */
		if (v > PRIORITY_FREE && !sock_is_privileged(sk)) return -EPERM;
		ret->priority = v;
		return 0;
	case SO_TIMESTAMPING: case TIMESTAMPING_NEW:
		if (v & ~STAMPS_OF_SENT) return -EINVAL;
		ret->stamps = v;
		return 0;
	case TS_OPT_ID:
		if (sk->type == SOCK_STREAM || !(sk->timestamping & STAMPS_ID)) return -EINVAL;   /* a stream's numbers are its octets' */
		ret->numbered = true;
		ret->stamp_id = v;
		return 0;
	default: return -EINVAL;
	}
}

int send_control_read_all(const struct sock *sk, const struct sock_msg *m, struct send_control *ret)
{
	size_t offset = 0;
	struct cmsg_in c;
	int r;

	while ((r = cmsg_next(m, &offset, &c)) > 0) {
		if (c.level != SOL_SOCKET) continue;
		r = send_control_read(sk, &c, ret);
		if (r < 0) return r;
	}
	return r;
}
