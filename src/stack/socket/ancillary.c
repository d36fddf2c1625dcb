/*
 * Control messages (cmsg(3)): a header of 16 octets, the data, padding to 8.
 *
 *     | len, level, type | data ... pad | len, level, type | data ... pad |
 */
#include "stack/socket/stamping.h"
#include <errno.h>
#include <sys/time.h>
#include <time.h>

#define SO_TIMESTAMP_NEW_ 63     /* kernel names that clash with glibc's own choice between old and new */
#define SO_TIMESTAMPNS_NEW_ 64
#define SO_TIMESTAMPING_NEW_ 65

struct cmsg_out cmsg_out_begin(const struct sock_msg *m)
{
	return (struct cmsg_out){.buf = m->control, .cap = m->control ? m->control_len : 0};
}

void cmsg_put(struct cmsg_out *o, int level, int type, const void *data, size_t len)
{
	struct cmsghdr h = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	size_t room = o->cap - o->len;

	if (room < sizeof h) {
		o->truncated = true;
		return;
	}
	if (room < h.cmsg_len) {
		o->truncated = true;
		h.cmsg_len = room;
	}
	memcpy(o->buf + o->len, &h, sizeof h);
	memcpy(o->buf + o->len + sizeof h, data, h.cmsg_len - sizeof h);
	o->len += MIN(room, CMSG_SPACE(len));
}

void cmsg_put_int(struct cmsg_out *o, int level, int type, int value)
{
	cmsg_put(o, level, type, &value, sizeof value);
}

void cmsg_out_end(const struct cmsg_out *o, struct sock_msg *m)
{
	m->control_len = o->len;
	if (o->truncated) m->flags |= MSG_CTRUNC;
}

/* By software, deprecated, by hardware: the last two are not there. */
static void put_timestamping(struct cmsg_out *o, const struct sock *sk, const struct timespec *ts)
{
	cmsg_put(o, SOL_SOCKET, sk->timestamp_new ? SO_TIMESTAMPING_NEW_ : SO_TIMESTAMPING, (const struct timespec[3]){*ts}, 3 * sizeof *ts);
}

void cmsg_put_stamp_of_sent(struct cmsg_out *o, const struct sock *sk, time_ns when)
{
	time_ns real = when + sk->stack->realtime_offset;

	if (sk->timestamping & STAMPS_REPORTED) put_timestamping(o, sk, &(struct timespec){.tv_sec = real / NS_PER_S, .tv_nsec = real % NS_PER_S});
}

void cmsg_put_timestamp(struct cmsg_out *o, const struct sock *sk, time_ns when)
{
	time_ns real = when + sk->stack->realtime_offset;
	struct timespec ts = {.tv_sec = real / NS_PER_S, .tv_nsec = real % NS_PER_S};
	struct timeval tv = {.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / NS_PER_US};

	if (sk->timestamp_ns)
		cmsg_put(o, SOL_SOCKET, sk->timestamp_new ? SO_TIMESTAMPNS_NEW_ : SO_TIMESTAMPNS, &ts, sizeof ts);
	else if (sk->timestamp)
		cmsg_put(o, SOL_SOCKET, sk->timestamp_new ? SO_TIMESTAMP_NEW_ : SO_TIMESTAMP, &tv, sizeof tv);
	if (sk->timestamping & STAMPS_REPORTED && sk->timestamping & STAMPS_OF_RECEIVED) put_timestamping(o, sk, &ts);
}

int cmsg_next(const struct sock_msg *m, size_t *offset, struct cmsg_in *ret)
{
	struct cmsghdr h;
	size_t left = m->control && m->control_len > *offset ? m->control_len - *offset : 0;

	if (left < sizeof h) return 0;
	memcpy(&h, (const uint8_t *)m->control + *offset, sizeof h);
	if (h.cmsg_len < sizeof h || h.cmsg_len > left) return -EINVAL;
	*ret = (struct cmsg_in){.level = h.cmsg_level, .type = h.cmsg_type, .len = h.cmsg_len - sizeof h,
				.data = (const uint8_t *)m->control + *offset + sizeof h};
	*offset += MIN(left, CMSG_ALIGN(h.cmsg_len));
	return 1;
}
