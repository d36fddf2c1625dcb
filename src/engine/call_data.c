/* Control calls that carry data: datagrams, and what a ring can't hold. */
#include <errno.h>
#include "engine/private.h"
#include "stack/mptcp/mptcp.h"
#include "stack/sctp/sctp.h"
#include "stack/tcp/tcp.h"

#define CONTROL_SENT_MAX 65536
#define ERRNO_MOST 4095
#define HOST_FLAGS (MSG_LEND | MSG_GO_ON | MSG_PAST_PEEK_OFF)     /* ours, not for programs */

/* For want of room of its own, which may be there when it is looked for next. Of room in a Unix receiver's queue the stack tells. */
static bool lacks_room(const struct esock *es) { return !esock_is_unix(es) || !sock_has_room(es->sk); }

/* k is a SEND whose message is m. */
static ssize_t send_one(struct call *k, const struct rpc_send *h, const struct sock_msg *m)
{
	bool of_unix = esock_is_unix(k->es);
	bool completes = h->flags & MSG_ZEROCOPY && m->len == 0;        /* it tells that octets are sent; they have gone their way */
	/* More than octets goes by the stack, and what follows until there is an ordinary one; so does one that met this by chance. */
	if (of_unix) {
		k->es->special = m->rights || m->control_len > 0 || m->name_len > 0 || h->flags & MSG_OOB;
		direct_leave(k->e, k->es);
	}
	/* An urgent octet has its place in the stack's stream, only the stack holds back what more will follow, and only it knows control messages. */
	else if (h->flags & (MSG_OOB | MSG_MORE | MSG_EOR) || (h->control_len && k->es->stream)) direct_bar(k->e, k->es);
	/* Any other that met this by chance stays behind what the peer reads directly, and before what follows. */
	else if (k->es->peer && !completes) {
		direct_part(k->e, k->es);
		k->es->path_epoch = 0;
	}
	ssize_t n;
	if (of_unix && inbox_unix_send(k, m, &n)) return n;
	if (h->flags & MSG_MORE) inbox_changed(k->e, k->es);   /* what comes next belongs to the same datagram */
	/* A stream's octets that are still in the ring come first. */
	bool behind = !completes && tx_pending(&k->e->pool, &k->es->tx) > 0 && k->es->sk->err == 0;
	n = behind ? -EAGAIN : sock_send(k->es->sk, m);
	if (of_unix) inbox_unix_sent(k, n);
	k->es->refused |= n == -EAGAIN && (behind || lacks_room(k->es));
	/* Fast Open: a send that connects. */
	if (k->es->stream && !of_unix && (n == -EINPROGRESS || (n > 0 && m->flags & MSG_FASTOPEN))) {
		k->es->connecting = true;
		k->es->eof = false;
	}
	return n;
}

/* Unlike Linux without a look at how many there are: they leave at once. */
static void tell_of_room(struct engine *e, struct esock *es)
{
	bool of_datagrams = !es->stream && es->sk && !es->sk->ops->asked;
	if (of_datagrams && shared_get32(&esock_channel(e, es)->flags) & CHF_OUT_EDGES) bells_ring(e, es, BELL_OUT);
}

int64_t serve_send(struct call *k)
{
	struct rpc_send h;
	memcpy(&h, k->in, sizeof h);
	if (sizeof h + (uint64_t)h.name_len + h.control_len + h.data_len != k->q->in_len || h.name_len > sizeof(struct sockaddr_storage)) {
		client_end(k->e, k->c, "a message whose lengths disagree");
		return -EPROTO;
	}
	if (k->fds_lost) return -ETOOMANYREFS;
	/* Nothing is taken that could not be read whole. */
	if (esock_is_unix(k->es) && !k->es->stream && h.data_len > RPC_UNIX_MOST) return -EMSGSIZE;
	int64_t unread = k->q->arg[2];
	/* Copied to where any alignment is right. */
	struct sockaddr_storage name = {0};
	uint8_t *control = k->e->scratch;
	if (h.control_len > CONTROL_SENT_MAX) return -ENOBUFS;
	const uint8_t *at = k->in + sizeof h;
	memcpy(&name, at, h.name_len);
	memcpy(control, at + h.name_len, h.control_len);
	struct sock_msg m = {.data = (void *)(at + h.name_len + h.control_len), .len = h.data_len,
			     .name = h.name_len ? &name : NULL, .name_len = h.name_len,
			     .control = h.control_len ? control : NULL, .control_len = h.control_len,
			     .call_len = (size_t)k->q->arg[1], .flags = (h.flags & ~HOST_FLAGS) | MSG_DONTWAIT | MSG_NOSIGNAL};
	if (unread > 0) m.unread = true, m.data = NULL, m.len = (size_t)MIN(unread - 1, INT32_MAX);
	ssize_t n = rights_take(k, &m.rights);
	if (n == 0) n = unread > 0 ? sock_send(k->es->sk, &m) : send_one(k, &h, &m);
	sock_rights_unref(m.rights);
	if (n >= 0) tell_of_room(k->e, k->es);
	return n;
}

int64_t serve_recv(struct call *k)
{
	struct rpc_recv h = {0};
	struct rpc_peek peek;
	int flags = (int)k->q->arg[0];
	/* Whether the program would wait makes a difference to Unix sockets, which never do. */
	int impatience = esock_is_unix(k->es) ? flags & MSG_DONTWAIT : MSG_DONTWAIT;
	int ours = (k->q->arg[0] & RPC_RECV_GO_ON ? MSG_GO_ON : 0) | (k->q->arg[0] & RPC_RECV_PAST_PEEK_OFF ? MSG_PAST_PEEK_OFF : 0);
	uint64_t data_cap = (uint64_t)k->q->arg[1], control_cap = (uint64_t)k->q->arg[2];
	struct sockaddr_storage name;
	uint8_t *control = k->e->scratch, *data = control + RPC_RECV_CONTROL;
	/* What a Unix message may be long is what is left. */
	size_t control_room = MIN(control_cap, esock_is_unix(k->es) ? RPC_UNIX_CONTROL : MIN(RPC_RECV_CONTROL, k->c->answer_max / 2));
	/* What the ring holds is read there first. */
	if (!(flags & (MSG_ERRQUEUE | MSG_OOB)) && rx_used(&k->e->pool, &k->es->rx) > 0) return -EAGAIN;
	struct sock_msg m = {.data = data, .len = MIN(data_cap, k->c->answer_max - (sizeof h + sizeof name) - control_room),
			     .name = &name, .name_len = sizeof name, .control = control, .control_len = control_room,
			     .pidfd_of = -1, .flags = (flags & ~(HOST_FLAGS | MSG_DONTWAIT)) | impatience | ours};
	if (k->q->in_len == sizeof peek) {
		memcpy(&peek, k->in, sizeof peek);
		m.offset = peek.offset;
		m.call_len = peek.room;
	}
	ssize_t n = sock_recv(k->es->sk, &m);
	if (n < 0) return n;
	if (m.arrival != 0 && !(flags & MSG_PEEK)) dgram_of(k->es)->arrival = m.arrival;
	if (m.rights && control_cap < CMSG_LEN(sizeof(int))) {
		sock_rights_unref(m.rights);           /* there is no room, and they are lost, as in Linux */
		m.flags |= MSG_CTRUNC;
	} else if (!rights_give(k, m.rights)) m.flags |= MSG_CTRUNC;
	h = (struct rpc_recv){.name_len = (uint32_t)MIN(m.name_len, sizeof name), .control_len = (uint32_t)m.control_len,
			      .data_len = m.data ? (uint32_t)MIN((size_t)n, m.len) : 0, .flags = m.flags, .pidfd_of = m.pidfd_of};
	call_out(k, &h, sizeof h);
	call_out(k, &name, h.name_len);
	call_out(k, control, h.control_len);
	call_out(k, data, h.data_len);
	return n;
}

int64_t serve_take_error(struct call *k) { return sock_take_error(k->es->sk); }

int64_t serve_nothing(struct call *k)
{
	if (sctp_is(k->es->sk)) return sctp_nothing_to_read(k->es->sk);
	if (mptcp_is(k->es->sk)) return mptcp_nothing_to_read(k->es->sk);
	return k->es->stream ? tcp_nothing_to_read(k->es->sk) : -EAGAIN;
}

int64_t serve_keep_error(struct call *k)
{
	int64_t err = k->q->arg[0];
	if (err <= 0 || err > ERRNO_MOST) return -EINVAL;
	sock_set_error(k->es->sk, (int)err);
	return 0;
}
