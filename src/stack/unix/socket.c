/* The life of Unix sockets: how they find each other and part, what they are ready for, and their options. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"
#include "stack/socket/family.h"
#include "stack/socket/option.h"
#include "stack/unix/private.h"

int unix_new(struct stack *s)
{
	s->unix_stack = calloc(1, sizeof *s->unix_stack);
	if (!s->unix_stack) return -ENOMEM;
	hash_init(&s->unix_stack->names);
	s->unix_stack->paths = calloc(1, sizeof *s->unix_stack->paths);
	if (!s->unix_stack->paths) return -ENOMEM;
	s->unix_stack->paths->refs = 1;
	hash_init(&s->unix_stack->paths->names);
	return 0;
}

static void paths_unref(struct unix_paths *p)
{
	if (!p || --p->refs > 0) return;
	hash_free(&p->names);
	free(p);
}

void unix_share_paths(struct stack *s, struct stack *with)
{
	with->unix_stack->paths->refs++;
	paths_unref(s->unix_stack->paths);
	s->unix_stack->paths = with->unix_stack->paths;
}

void unix_free(struct stack *s)
{
	hash_free(&s->unix_stack->names);
	paths_unref(s->unix_stack->paths);
	free(s->unix_stack);
	s->unix_stack = NULL;
}

int unix_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	(void)s;
	if (*protocol != 0 && *protocol != PF_UNIX) return -EPROTONOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW && type != SOCK_SEQPACKET) return -ESOCKTNOSUPPORT;
	*protocol = 0;
	*ret = type == SOCK_STREAM ? &unix_stream_ops : &unix_ops;
	return 0;
}

/* As BSD had it: a raw Unix socket is one of datagrams. */
static int unix_init(struct sock *sk)
{
	struct unix_sock *us = unix_of(sk);
	struct list *all[] = {&us->pointing, &us->of_peer, &us->queue, &us->sent, &us->backlog, &us->of_listener, &us->waiting, &us->of_waited};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) list_init(all[i]);
	if (sk->type == SOCK_RAW) sk->type = SOCK_DGRAM;
	us->peek_off = -1;
	us->passrights = true;
	us->queue_max = (uint32_t)sk->stack->sysctl->unix_max_dgram_qlen;
	us->peer_cred = (struct ucred){.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
	return 0;
}

void unix_act_as(struct sock *sk, const struct unix_caller *who) { unix_of(sk)->caller = *who; }

/* ---- peers ---- */

void unix_peer_set(struct unix_sock *us, struct unix_sock *peer)
{
	list_remove(&us->of_peer);
	us->peer = peer;
	us->lost = false;
	unix_name_unref(us->peer_name);
	us->peer_name = NULL;
	if (peer) list_append(&peer->pointing, &us->of_peer);
}

static void peer_lost(struct unix_sock *us)
{
	struct unix_name *name = unix_name_ref(us->peer->name);

	unix_peer_set(us, NULL);
	us->peer_name = name;
	us->lost = true;
	sock_ready(&us->sk);
}

/* A datagram socket that has a peer hears nobody else, even when its peer is gone. */
bool unix_hears(const struct unix_sock *us, const struct unix_sock *from) { return us->peer == from || (!us->peer && !us->lost); }

int unix_find(struct unix_sock *us, const struct sockaddr *a, socklen_t len, struct unix_sock **ret)
{
	struct unix_name n;
	struct unix_sock *other;
	int r = unix_name_parse(a, len, &n);

	if (r == 0 && unix_wants_sender(us) && !us->name) r = unix_name_auto(us);
	if (r < 0) return r;
	other = unix_name_find(us, &n);
	if (!other) return unix_name_is_path(&n) ? -EREMOTE : -ECONNREFUSED;
	if (other->sk.type != us->sk.type) return -EPROTOTYPE;
	*ret = other;
	return 0;
}

void unix_wait_for(struct unix_sock *us, struct unix_sock *other)
{
	list_remove(&us->of_waited);
	list_append(&other->waiting, &us->of_waited);
}

/* And who comes before him but does not sleep any more. */
void unix_wake_one(struct unix_sock *us)
{
	struct list *l;

	while ((l = list_pop(&us->waiting))) {
		struct sock *sk = &list_entry(l, struct unix_sock, of_waited)->sk;
		struct stack *s = sk->stack;

		sock_ready(sk);
		if (!s->ops->sleeps || s->ops->sleeps(s->host, sk)) return;
	}
}

void unix_wake_connected(struct unix_sock *us)
{
	list_each(struct unix_sock, p, &us->pointing, of_peer)
		if (unix_is_dgram(p)) sock_ready(&p->sk);
}

void unix_wake_waiting(struct unix_sock *us)
{
	while (!list_empty(&us->waiting)) unix_wake_one(us);
	unix_wake_connected(us);
}

void unix_wake_for_room(struct unix_sock *us)
{
	bool last = us->n_queued == 0;

	do unix_wake_one(us);
	while (last && !list_empty(&us->waiting));
	if (us->n_queued == us->queue_max) unix_wake_connected(us);
}

/* ---- calls ---- */

static int unix_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct unix_sock *us = unix_of(sk);
	struct unix_name n;
	int r;

	if (len == sizeof a->sa_family && a->sa_family == AF_UNIX) return unix_name_auto(us);
	r = unix_name_parse(a, len, &n);
	if (r < 0) return r;
	return us->name ? -EINVAL : unix_name_take(us, &n);
}

static int unix_listen(struct sock *sk, int backlog)
{
	struct unix_sock *us = unix_of(sk);

	if (unix_is_dgram(us)) return -EOPNOTSUPP;
	if (!us->name || us->state == UNIX_CONNECTED) return -EINVAL;
	us->state = UNIX_LISTENING;
	sk->listening = true;
	us->backlog_max = MIN((unsigned)backlog, (unsigned)sk->stack->sysctl->somaxconn);
	us->own = us->peer_cred = us->caller.effective;      /* it is its own peer to who asks */
	unix_wake_waiting(us);
	return 0;
}

/* Who goes elsewhere has no use for what was sent here, and he who sent it is told. */
static void dgram_leave(struct unix_sock *us)
{
	if (list_empty(&us->queue)) return;
	unix_queue_drop(us);
	if (us->peer && us->peer != us && us->peer->peer == us) sock_set_error(&us->peer->sk, ECONNRESET);
}

/* What lists show, as Linux has it: who was connected to is connected, until one who was leaves it. */
static void dgram_show(struct unix_sock *us, struct unix_sock *other)
{
	struct unix_sock *old = us->peer;

	if (other) us->state = other->state = UNIX_CONNECTED;
	else if (old || us->lost) us->state = UNIX_NEW;
	if (old && old != other && !old->peer && !old->lost) old->state = UNIX_NEW;
}

static int dgram_connect(struct unix_sock *us, const struct sockaddr *a, socklen_t len)
{
	struct unix_sock *other = NULL;
	int r = a->sa_family == AF_UNSPEC ? 0 : unix_find(us, a, len, &other);

	if (r < 0) return r;
	if (other && !unix_hears(other, us)) return -EPERM;
	if (us->lost || (us->peer && us->peer != other)) dgram_leave(us);
	dgram_show(us, other);
	unix_peer_set(us, other);
	sock_ready(&us->sk);
	return 0;
}

/* The other end: it waits in the listener's queue. */
static int embryo_new(struct unix_sock *us, struct unix_sock *listener)
{
	struct sock *sk;
	struct unix_sock *new;
	int r = sock_alloc(listener->sk.stack, listener->sk.ops, AF_UNIX, us->sk.type, us->sk.protocol, &sk);

	if (r < 0) return -ENOMEM;
	new = unix_of(sk);
	new->state = us->state = UNIX_CONNECTED;
	new->name = unix_name_ref(listener->name);
	new->passcred = listener->passcred;
	new->passpidfd = listener->passpidfd;
	new->passsec = listener->passsec;
	new->passrights = listener->passrights;
	new->peer_cred = us->own = us->caller.effective;
	us->peer_cred = new->own = listener->own;
	unix_peer_set(new, us);
	unix_peer_set(us, new);
	new->listener = listener;
	list_append(&listener->backlog, &new->of_listener);
	listener->n_backlog++;
	sock_ready(&listener->sk);
	return 0;
}

int unix_may_connect(const struct sock *sk)
{
	const struct unix_sock *us = unix_of(sk);

	if (unix_is_dgram(us) || us->state == UNIX_NEW) return 0;
	return us->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
}

static int unix_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct unix_sock *us = unix_of(sk), *other;
	int r;

	if (unix_is_dgram(us)) return dgram_connect(us, a, len);
	r = unix_find(us, a, len, &other);
	if (r < 0) return r;
	if (other->state != UNIX_LISTENING || other->sk.shut & 1) return -ECONNREFUSED;
	/* As Linux: who is connected already waits, too, before he is told. */
	if (other->n_backlog + other->sk.ahead > other->backlog_max) {
		unix_wait_for(us, other);
		return -EAGAIN;
	}
	r = unix_may_connect(sk);
	if (r < 0) return r;
	return embryo_new(us, other);
}

static int unix_accept(struct sock *sk, struct sock **ret)
{
	struct unix_sock *us = unix_of(sk), *new;

	if (unix_is_dgram(us)) return -EOPNOTSUPP;
	if (us->state != UNIX_LISTENING) return -EINVAL;
	if (list_empty(&us->backlog)) return -EAGAIN;
	new = list_entry(list_pop(&us->backlog), struct unix_sock, of_listener);
	new->listener = NULL;
	us->n_backlog--;
	unix_wake_waiting(us);
	*ret = &new->sk;
	return 0;
}

bool unix_has_backlog(const struct sock *sk) { return !list_empty(&unix_of(sk)->backlog); }

uint32_t unix_backlog(const struct sock *sk) { return unix_of(sk)->backlog_max; }

void unix_accepted(struct sock *sk) { unix_wake_waiting(unix_of(sk)); }

static int unix_shutdown(struct sock *sk, int how)
{
	struct unix_sock *us = unix_of(sk);
	int halves = how + 1;

	sk->shut |= (uint8_t)halves;
	sock_ready(sk);
	if (unix_is_dgram(us) || !us->peer) return 0;
	us->peer->sk.shut |= (uint8_t)((halves & 1) << 1 | (halves & 2) >> 1);
	sock_ready(&us->peer->sk);
	return 0;
}

/* A connection's other end learns of the end; what was not read is lost, and it is told. */
static void part(struct unix_sock *us)
{
	struct unix_sock *peer = us->peer;

	if (peer && !unix_is_dgram(us)) {
		peer->sk.shut = 3;
		if (unix_has_unread(us) || us->sk.lent > 0 || us->listener) peer->sk.err = ECONNRESET;
	}
	while (!list_empty(&us->pointing)) peer_lost(list_first(&us->pointing, struct unix_sock, of_peer));
	unix_peer_set(us, NULL);
}

static void unix_close(struct sock *sk)
{
	struct unix_sock *us = unix_of(sk);

	while (!list_empty(&us->backlog)) sock_close(&list_first(&us->backlog, struct unix_sock, of_listener)->sk);
	part(us);
	unix_queue_drop(us);
	unix_sent_forget(us);
	unix_wake_waiting(us);
	if (us->listener) us->listener->n_backlog--;
	list_remove(&us->of_listener);
	list_remove(&us->of_waited);
	unix_name_leave(us);
	sock_free(sk);
}

/* ---- what it is ready for ---- */

static bool writable(const struct unix_sock *us)
{
	if (us->state == UNIX_LISTENING || unix_is_crowded(us)) return false;
	return us->sk.type == SOCK_STREAM || !us->peer || us->peer == us || !unix_is_full(us->peer, us);
}

static uint32_t unix_poll(const struct sock *sk)
{
	const struct unix_sock *us = unix_of(sk);
	uint32_t ev = sk->err ? EPOLLERR | (sk->select_err_queue && sk->type != SOCK_STREAM ? EPOLLPRI : 0) : 0;

	if (sk->shut == 3) ev |= EPOLLHUP;
	if (sk->shut & 1) ev |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&us->queue) || !list_empty(&us->backlog) || us->outside) ev |= EPOLLIN | EPOLLRDNORM;
	if (us->oob) ev |= EPOLLPRI;
	if (!unix_is_dgram(us) && us->state == UNIX_NEW) ev |= EPOLLHUP;
	if (writable(us)) ev |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return ev;
}

static int unix_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct unix_sock *us = unix_of(sk);

	if (peer && !us->peer && !us->lost) return -ENOTCONN;
	unix_name_put(!peer ? us->name : us->peer ? us->peer->name : us->peer_name, ret, ret_len);
	return 0;
}

static int get_peercred(struct sock *sk, void *val, socklen_t *len)
{
	return opt_copy_out(val, len, &unix_of(sk)->peer_cred, sizeof(struct ucred));
}

static int set_reuseport(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)len;
	return *(const int *)val ? -EOPNOTSUPP : 0;
}

/* No socket here shares a port with a group. */
static int set_chooser(struct sock *sk, const void *val, socklen_t len) { return (void)val, (void)len, sk->filter_locked ? -EPERM : -EINVAL; }
static int detach_chooser(struct sock *sk, const void *val, socklen_t len) { return (void)sk, (void)val, (void)len, -EINVAL; }

#define ROW(n) .level = SOL_SOCKET, .name = n, .text = #n
#define FLAG(n, t, field) .level = SOL_SOCKET, .name = n, .text = t, .type = OPT_BOOL, .access = OPT_GET | OPT_SET, OPT_FIELD(struct unix_sock, field)

static const struct sockopt unix_options[] = {
	{ROW(SO_REUSEPORT), .type = OPT_BOOL, .access = OPT_GET | OPT_SET, .get = opt_get_zero, .set = set_reuseport},
	{ROW(SO_PEEK_OFF), .type = OPT_INT, .access = OPT_GET | OPT_SET, OPT_FIELD(struct unix_sock, peek_off)},
	{FLAG(SO_PASSCRED, "SO_PASSCRED", passcred)},
	{FLAG(SO_PASSSEC, "SO_PASSSEC", passsec)},
	{FLAG(76, "SO_PASSPIDFD", passpidfd)},
	{FLAG(83, "SO_PASSRIGHTS", passrights)},
	{ROW(SO_ATTACH_REUSEPORT_CBPF), .type = OPT_BLOB, .access = OPT_SET, .set = set_chooser},
	{.level = SOL_SOCKET, .name = 68, .text = "SO_DETACH_REUSEPORT_BPF", .type = OPT_INT, .access = OPT_SET, .set = detach_chooser},
	{ROW(SO_PEERCRED), .type = OPT_BLOB, .access = OPT_GET, .get = get_peercred},
	{.text = NULL},
};

static const struct sockopt *const option_tables[] = {unix_options, NULL};

#define OPS \
	.name = "UNIX", .size = sizeof(struct unix_sock), .init = unix_init, .close = unix_close, .bind = unix_bind, .connect = unix_connect, \
	.listen = unix_listen, .accept = unix_accept, .send = unix_send, .recv = unix_recv, .shutdown = unix_shutdown, .poll = unix_poll, \
	.name_of = unix_name_of, .ioctl = unix_ioctl, .options = option_tables

const struct sock_ops unix_ops = {OPS, .asked = true, .datagram = true};
const struct sock_ops unix_stream_ops = {OPS, .asked = true};
