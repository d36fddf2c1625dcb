/* Control calls about the life and the names of a socket. Each asks the stack and answers at once; the shim sleeps on the channel and repeats. */
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "channel/atomic.h"
#include "engine/private.h"
#include "host/process.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet.h"
#include "stack/sctp/sctp.h"
#include "stack/unix/unix.h"

static struct stack *stack_of(struct call *k) { return net_stack(net_host_at(k->e->net, k->c->host)); }

/* net.ipv4.ping_group_range, which the stack can't judge: it knows nobody's groups. */
static bool may_have(const struct call *k, const struct stack *s, const struct sock *sk)
{
	const struct sysctl *y = s->sysctl;
	bool ping = sk->type == SOCK_DGRAM && ((sk->domain == AF_INET && sk->protocol == IPPROTO_ICMP) ||
					       (sk->domain == AF_INET6 && sk->protocol == IPPROTO_ICMPV6));
	return !ping || (y->ping_gid_min == 0 && y->ping_gid_max == INT_MAX) ||
	       process_has_group(k->c->pid, (gid_t)y->ping_gid_min, (gid_t)y->ping_gid_max);
}

int64_t serve_socket(struct call *k)
{
	struct engine *e = k->e;
	struct stack *s = stack_of(k);
	int domain = (int)k->q->arg[0], type = (int)k->q->arg[1], protocol = (int)k->q->arg[2], fd;
	struct sock *sk;
	struct esock *es;
	char text[128];
	stack_set_now(s, e->now);
	int err = sock_create(s, domain, type, protocol, &sk);
	if (err == 0 && !may_have(k, s, sk)) {
		sock_close(sk);
		err = -EACCES;
	}
	if (err < 0) {
		return family_text(text, sizeof text, domain, type, protocol) ? refuse(k, err, "socket(%s)", text) : err;
	}
	err = esock_new(e, k->c, !sk->ops->datagram, k->q->spare, &fd, &es);
	if (err < 0) {
		sock_close(sk);
		return err;
	}
	es->asked_for = true;
	esock_attach(e, es, sk, k->c->host);
	net_touch(e->net, s);
	if (domain == AF_PACKET || type == SOCK_RAW) direct_look_again(e);      /* it may want to see what goes by */
	if (fd >= 0) call_pass(k, fd, true);
	k->reply.channel = es->channel;
	k->reply.generation = es->generation;
	return 0;
}

struct end { struct sock *sk; struct esock *es; int fd; };

static int end_make(struct call *k, struct end *end)
{
	struct stack *s = stack_of(k);
	stack_set_now(s, k->e->now);
	int err = sock_create(s, AF_UNIX, (int)k->q->arg[0], (int)k->q->arg[1], &end->sk);
	if (err < 0) return err;
	err = esock_new(k->e, k->c, !end->sk->ops->datagram, 0, &end->fd, &end->es);
	if (err < 0) sock_close(end->sk);
	return err;
}

int64_t serve_pair(struct call *k)
{
	struct end end[2];
	int err = end_make(k, &end[0]);
	if (err < 0) return err;
	err = end_make(k, &end[1]);
	if (err < 0) {
		sock_close(end[0].sk);
		esock_give_back(k->e, end[0].es, end[0].fd);
		return err;
	}
	for (int i = 0; i < 2; i++) client_acts(k->c, end[i].sk);
	unix_pair(end[0].sk, end[1].sk);
	for (int i = 0; i < 2; i++) {
		esock_attach(k->e, end[i].es, end[i].sk, k->c->host);
		call_pass(k, end[i].fd, true);
	}
	k->reply.channel = end[0].es->channel;
	k->reply.generation = end[0].es->generation;
	call_out(k, &(struct rpc_pair){end[1].es->channel, end[1].es->generation}, sizeof(struct rpc_pair));
	return 0;
}

/* An address as the program gave it, in memory that is large enough and aligned for any family. */
static socklen_t address_in(struct call *k, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret, k->in, MIN(k->q->in_len, sizeof *ret));
	return (socklen_t)MIN(k->q->in_len, sizeof *ret);
}

/* What came with a path: the kernel's socket that is bound there, or where there is none the inode. */
static int path_keep(struct call *k)
{
	struct esock *es = k->es;
	if (!account_may(k->e, esock_account(es), STOCK_FDS, 1)) return -ENFILE;
	if (!process_is_path(k->in_fds[0])) return outside_begin(k->e, es, &k->in_fds[0]);
	es->inode_fd = k->in_fds[0];
	k->in_fds[0] = -1;
	account_move(k->e, NULL, esock_account(es), STOCK_FDS, 1);
	return 0;
}

int64_t serve_bind(struct call *k)
{
	struct sockaddr_storage a;
	socklen_t len = address_in(k, &a);
	bool keeps = esock_is_unix(k->es) && k->n_in_fds > 0 && k->es->inode_fd < 0 && !k->es->outside;
	int err = keeps ? path_keep(k) : 0;
	if (err == 0) err = sock_bind(k->es->sk, (struct sockaddr *)&a, len);
	if (err < 0 && keeps) esock_path_forget(k->e, k->es);
	return err;
}

/* A stream that forgets its connection begins to peek anew: SO_PEEK_OFF is off. */
static void peek_off_follow(struct call *k)
{
	if (k->es->sk->peek_off < 0) atomic_store(&esock_channel(k->e, k->es)->peek_off, -1);
}

/* A socket of datagrams was connected to this one before, and nothing came of it: they are a pair now. */
static void pair_made(struct call *k)
{
	struct sock *other = k->es->stream ? NULL : unix_other_end(k->es->sk);
	struct esock *peer = other ? other->user : NULL;
	if (!peer) return;
	peer->path_epoch = 0;
	esock_queue(k->e, peer);
}

/* Whoever waits for the connection has the answer at once when it is made by the time of the reply, as over loopback. */
int64_t serve_connect(struct call *k)
{
	struct sockaddr_storage a;
	socklen_t len = address_in(k, &a);
	bool waits = k->q->arg[0] != 0;
	direct_part(k->e, k->es);          /* AF_UNSPEC ends the connection; any other family is refused, and nothing has changed: */
	k->es->path_epoch = 0;             /* then it is entered again */
	int err = sock_connect(k->es->sk, (struct sockaddr *)&a, len);
	if (err == -EINPROGRESS && waits) {
		k->es->connecting = k->es->stream;
		k->es->eof = false;
		net_touch(k->e->net, k->es->sk->stack);
		engine_settle(k->e);
		if (!k->es->sk) return -ENETDOWN;
		engine_enter(k->e, k->es->sk);
		err = sock_connect(k->es->sk, (struct sockaddr *)&a, len);
		if (err == -EALREADY) err = -EINPROGRESS;
	}
	k->es->connecting = k->es->stream && (err == -EINPROGRESS || err == -EALREADY);
	if (err == -EINPROGRESS || err == 0) k->es->eof = false;
	if (a.ss_family == AF_UNSPEC && err == 0) direct_forget(k->e, k->es);
	if (err == 0) pair_made(k);
	peek_off_follow(k);
	return err;
}

int64_t serve_listen(struct call *k)
{
	int64_t backlog = k->q->arg[0];
	int err = sock_listen(k->es->sk, (int)MAX(MIN(backlog, INT32_MAX), INT32_MIN));
	if (err == 0 && !k->es->listening) shared_set64(&arena_offer(k->e->arena, k->es->channel)->word, 0);
	if (err < 0) return err;
	k->es->listening = true;
	return outside_listen(k);
}

/* As Linux: accept tells who called, also of a connection that is over by now. */
int accept_caller(const struct sock *child, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	return child->domain == AF_UNIX ? sock_getpeername(child, ret, ret_len) : inet_name_of(child, true, ret, ret_len);
}

/* What the accepted connection needs is made first: a connection that has left the queue could not be put back. */
static int accept_new(struct call *k, struct esock **ret, int *ret_fd)
{
	struct sock *child;
	int32_t peeled = (int32_t)k->q->arg[0];
	if (!peeled && !(sock_poll(k->es->sk) & EPOLLIN)) return sock_accept(k->es->sk, &child);
	int err = esock_new(k->e, k->c, k->es->stream, k->q->spare, ret_fd, ret);
	if (err < 0) return err;
	err = peeled ? sctp_peel_off(k->es->sk, peeled, &child) : sock_accept(k->es->sk, &child);
	if (err < 0) esock_give_back(k->e, *ret, *ret_fd);
	else esock_attach(k->e, *ret, child, arena_channel(k->e->arena, k->es->channel)->host);
	return err;
}

int64_t serve_accept(struct call *k)
{
	struct engine *e = k->e;
	struct esock *es;
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	if (outside_accepts(k)) return 0;          /* channel 0 */
	int fd, err = ahead_recall(k, &es, &fd);
	if (err == 0) err = accept_new(k, &es, &fd);
	if (err < 0) return err;
	bell_inherit(e, es, bell_likely(e, k->es, k->c));
	if (accept_caller(es->sk, &peer, &len) == 0) call_out(k, &peer, MIN(len, sizeof peer));
	if (fd >= 0) call_pass(k, fd, true);
	k->reply.channel = es->channel;
	k->reply.generation = es->generation;
	return 0;
}

/* What was written before goes out before the FIN. */
int64_t serve_shutdown(struct call *k)
{
	int how = (int)k->q->arg[0];
	if (k->es->sk->domain != AF_UNIX) direct_bar(k->e, k->es);     /* there each way ends by itself */
	else if (how == SHUT_WR || how == SHUT_RDWR) direct_leave(k->e, k->es);
	if (how == SHUT_WR || how == SHUT_RDWR) esock_flush(k->e, k->es);
	if (!k->es->sk) return -ENETDOWN;
	int err = sock_shutdown(k->es->sk, how);
	if (err == 0) outside_shutdown(k->es, how);
	peek_off_follow(k);
	return err;
}

int64_t serve_identify(struct call *k)
{
	struct esock *es = esock_by_inode(k->e, (ino_t)k->q->arg[0]);
	if (!es) return -ENOTSOCK;
	if (es->orphan) esock_own(k->e, es, k->c);
	k->reply.channel = es->channel;
	k->reply.generation = es->generation;
	return 0;
}

static int64_t name_of(struct call *k, int (*get)(const struct sock *, struct sockaddr_storage *, socklen_t *))
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int err = get(k->es->sk, &a, &len);
	if (err == 0) call_out(k, &a, MIN(len, sizeof a));
	return err;
}

int64_t serve_getsockname(struct call *k) { return name_of(k, sock_getsockname); }
int64_t serve_getpeername(struct call *k) { return name_of(k, sock_getpeername); }
