/*
 * A control call: the row of its number says which function serves it and whether it is about a socket. Whatever it changed is settled before the
 * reply leaves, so that the program finds the world as the call left it. Nobody is waited for: a client that doesn't take its reply is ended.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/message.h"
#include "stack/netlink/netlink.h"
#include "stack/unix/unix.h"

/* What a call is about. CHANGE: a socket, and what datagrams that go past us depend on (inbox.c). */
enum about { NO_SOCKET, SOCKET, CHANGE, HELLO };
struct row { int64_t (*serve)(struct call *); enum about about; };

static const struct row rows[RPC_OP_COUNT] = {
	[RPC_HELLO] = {NULL, HELLO},
	[RPC_SOCKET] = {serve_socket, NO_SOCKET},
	[RPC_PAIR] = {serve_pair, NO_SOCKET},
	[RPC_BIND] = {serve_bind, CHANGE},
	[RPC_CONNECT] = {serve_connect, CHANGE},
	[RPC_LISTEN] = {serve_listen, SOCKET},
	[RPC_ACCEPT] = {serve_accept, SOCKET},
	[RPC_SEND] = {serve_send, SOCKET},
	[RPC_RECV] = {serve_recv, SOCKET},
	[RPC_TAKE_ERROR] = {serve_take_error, SOCKET},
	[RPC_NOTHING] = {serve_nothing, SOCKET},
	[RPC_KEEP_ERROR] = {serve_keep_error, SOCKET},
	[RPC_SHUTDOWN] = {serve_shutdown, CHANGE},
	[RPC_SETSOCKOPT] = {serve_setsockopt, CHANGE},
	[RPC_GETSOCKOPT] = {serve_getsockopt, SOCKET},
	[RPC_GETSOCKNAME] = {serve_getsockname, SOCKET},
	[RPC_GETPEERNAME] = {serve_getpeername, SOCKET},
	[RPC_IOCTL] = {serve_ioctl, SOCKET},
	[RPC_RINGS] = {serve_rings, SOCKET},
	[RPC_OUTSIDE] = {serve_outside, SOCKET},
	[RPC_IDENTIFY] = {serve_identify, NO_SOCKET},
	[RPC_SYNC] = {serve_sync, NO_SOCKET},
	[RPC_WHO] = {serve_who, NO_SOCKET},
	[RPC_BELL] = {serve_bell, NO_SOCKET},
	[RPC_BELL_FREE] = {serve_bell_free, NO_SOCKET},
	[RPC_BELL_FD] = {serve_bell_fd, NO_SOCKET},
	[RPC_SET_JOIN] = {serve_set_join, NO_SOCKET},
	[RPC_WATCH] = {serve_watch, NO_SOCKET},
	[RPC_UNWATCH] = {serve_unwatch, NO_SOCKET},
	[RPC_FILE] = {serve_file, NO_SOCKET},
	[RPC_LOOK] = {serve_look, NO_SOCKET},
	[RPC_SETTING] = {serve_setting, NO_SOCKET},
	[RPC_HOSTNAME] = {serve_hostname, NO_SOCKET},
	[RPC_UNIX_NAME] = {serve_unix_name, NO_SOCKET},
	[RPC_UNIX_NAMED] = {serve_unix_named, NO_SOCKET},
	[RPC_REFUSED] = {serve_refused, NO_SOCKET},
	[RPC_FAULT] = {serve_fault, NO_SOCKET},
	[RPC_FAULT_DONE] = {serve_fault_done, SOCKET},
	[RPC_DOOR] = {serve_door, NO_SOCKET},
	[RPC_VERB] = {serve_verb, NO_SOCKET},
	[RPC_CAPTURE] = {serve_capture, NO_SOCKET},
};

void call_pass(struct call *k, int fd, bool close_after)
{
	k->close_after[k->n_fds] = close_after;
	k->fds[k->n_fds++] = fd;
}

void call_out(struct call *k, const void *data, size_t len)
{
	len = MIN(len, RPC_OUT_MAX - k->reply.out_len);
	if (len > 0) memcpy(k->out + k->reply.out_len, data, len);
	k->reply.out_len += (uint32_t)len;
}

static int64_t serve(struct call *k)
{
	const struct row *row = &rows[k->q->op];
	if (row->about == SOCKET || row->about == CHANGE) {
		k->es = esock_find(k->e, k->q->channel, k->q->generation);
		if (!k->es) return -EBADF;
		if (!k->es->sk) return -ENETDOWN;
		k->es->spare = false;
		engine_enter(k->e, k->es->sk);
		if (k->es->sk->domain == AF_UNIX) client_acts(k->c, k->es->sk);
		if (k->es->sk->domain == AF_NETLINK) netlink_act_as(k->es->sk, &(struct ucred){k->c->pid, k->c->uid, k->c->gid});
		/* What was written and read so far comes before the call. */
		esock_pump(k->e, k->es);
		if (!k->es->sk) return -ENETDOWN;
		if (row->about == CHANGE) inbox_changes(k->e, k->es);
	}
	int64_t result = row->serve(k);
	if (k->es && row->about == CHANGE) inbox_changed(k->e, k->es);
	if (k->es && k->es->sk) {
		net_touch(k->e->net, k->es->sk->stack);
		esock_queue(k->e, k->es);
	}
	return result;
}

static void answer(struct call *k)
{
	struct iovec iov[2] = {{&k->reply, sizeof k->reply}, {k->out, k->reply.out_len}};
	if (k->c->ended) return;
	if (k->by_desk && k->n_fds == 0 && sizeof k->reply + k->reply.out_len <= DESK_ROOM) {
		desk_reply(k);
		return;
	}
	int err = message_send(k->c->fd, iov, 2, k->fds, k->n_fds);
	if (err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN) client_end(k->e, k->c, NULL);
	else if (err < 0) client_end(k->e, k->c, "it does not take its replies");
	else if (k->by_desk) desk_refer(k);
}

/* HELLO over a client's own pair: a forked child brings its own. The answer goes there. */
static void hello_again(struct engine *e, struct client *c, const struct rpc_request *q, int *fds, int n_fds)
{
	if (n_fds == 0) return;
	client_hello(e, c->host, fds[0], q, e->in + sizeof *q);
	fds[0] = -1;
}

void call_serve(struct engine *e, struct client *c, const int *fds, int n_fds, bool by_desk)
{
	struct call k = {.e = e, .c = c, .q = (const struct rpc_request *)e->in, .in = e->in + sizeof(struct rpc_request), .out = e->out};
	k.fds_lost = n_fds < 0;
	k.by_desk = by_desk;
	n_fds = MAX(n_fds, 0);
	if (n_fds > 0) memcpy(k.in_fds, fds, sizeof *fds * (size_t)n_fds);
	k.n_in_fds = n_fds;
	if (rows[k.q->op].about == HELLO) hello_again(e, c, k.q, k.in_fds, n_fds);
	else {
		k.reply.result = serve(&k);
		engine_settle(e);
		if (k.q->op == RPC_SEND && k.q->arg[0] && k.reply.result >= 0) inbox_ticket(&k);
		answer(&k);
	}
	message_close(k.in_fds, n_fds);
	sock_rights_unref(k.rights);
	for (int i = 0; i < k.n_fds; i++)
		if (k.close_after[i]) close(k.fds[i]);
}
