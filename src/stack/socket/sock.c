/*
 * The life of a socket and the calls a program makes, as far as every family shares them: what a protocol does not
 * offer is refused with Linux's errno, everything else is passed to it.
 *
 *     sock_create -> family.choose -> sock_alloc -> ops->init … calls … sock_close -> ops->close … sock_free
 *
 * After sock_close the program's pointer is dead; the protocol keeps the struct as long as it needs it (TIME-WAIT).
 */
#include "stack/socket/sock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"
#include "stack/socket/family.h"
#include "stack/socket/filter.h"

#define TYPE_MAX 11          /* Linux's SOCK_MAX */

static void defaults_set(struct sock *sk)
{
	const struct sysctl *c = sk->stack->sysctl;

	sk->rcvbuf = (uint32_t)c->core_rmem_default;
	sk->sndbuf = (uint32_t)c->core_wmem_default;
	sk->peek_off = -1;
	sk->rcvlowat = 1;
	sk->incoming_cpu = -1;
}

int sock_alloc(struct stack *s, const struct sock_ops *ops, int domain, int type, int protocol, struct sock **ret)
{
	struct sock *sk = calloc(1, ops->size);
	int r;

	if (!sk) return -ENOBUFS;
	sk->stack = s;
	sk->ops = ops;
	sk->domain = (uint16_t)domain;
	sk->type = (uint16_t)type;
	sk->protocol = (uint16_t)protocol;
	sk->cookie = ++s->next_cookie;
	defaults_set(sk);
	list_append(&s->socks, &sk->node);
	r = ops->init ? ops->init(sk) : 0;
	if (r < 0) {
		sock_free(sk);
		return r;
	}
	*ret = sk;
	return 0;
}

int sock_create(struct stack *s, int domain, int type, int protocol, struct sock **ret)
{
	const struct sock_ops *ops = NULL;
	const struct family *f;
	int r;

	if (domain < 0 || domain >= AF_MAX) return -EAFNOSUPPORT;
	if (type < 0 || type >= TYPE_MAX) return -EINVAL;
	if (domain == AF_INET && type == SOCK_PACKET) domain = AF_PACKET;   /* as in 1998 */
	f = family_find(domain);
	if (!f) return -EAFNOSUPPORT;
	r = f->choose(s, type, &protocol, &ops);
	return r < 0 ? r : sock_alloc(s, ops, domain, type, protocol, ret);
}

void sock_close(struct sock *sk)
{
	sk->closed = true;
	sk->user = NULL;
	sk->ops->close(sk);
}

void sock_free(struct sock *sk)
{
	list_remove(&sk->node);
	filter_free(sk->filter);
	free(sk);
}

/* ---- calls ---- */

int sock_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	return sk->ops->bind ? sk->ops->bind(sk, a, len) : -EOPNOTSUPP;
}

int sock_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	if (!sk->ops->connect) return -EOPNOTSUPP;
	return len < sizeof a->sa_family ? -EINVAL : sk->ops->connect(sk, a, len);
}

int sock_listen(struct sock *sk, int backlog)
{
	return sk->ops->listen ? sk->ops->listen(sk, backlog) : -EOPNOTSUPP;
}

int sock_accept(struct sock *sk, struct sock **ret)
{
	return sk->ops->accept ? sk->ops->accept(sk, ret) : -EOPNOTSUPP;
}

ssize_t sock_send(struct sock *sk, const struct sock_msg *m)
{
	return sk->ops->send(sk, m);
}

ssize_t sock_recv(struct sock *sk, struct sock_msg *m)
{
	return sk->ops->recv(sk, m);
}

void sock_consumed(struct sock *sk, uint32_t n)
{
	sk->lent -= MIN(n, sk->lent);
	if (sk->ops->consumed) sk->ops->consumed(sk);
}

int sock_shutdown(struct sock *sk, int how)
{
	if (!sk->ops->shutdown) return -EOPNOTSUPP;
	return how < SHUT_RD || how > SHUT_RDWR ? -EINVAL : sk->ops->shutdown(sk, how);
}

uint32_t sock_poll(const struct sock *sk)
{
	return sk->ops->poll(sk);
}

uint32_t sock_poll_waiting(struct sock *sk)
{
	if (sk->ops->waited) sk->ops->waited(sk);
	return sk->ops->poll(sk);
}

bool sock_has_room(const struct sock *sk)
{
	return sk->ops->has_room ? sk->ops->has_room(sk) : (sock_poll(sk) & EPOLLOUT) != 0;
}

int sock_getsockname(const struct sock *sk, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	return sk->ops->name_of(sk, false, ret, ret_len);
}

int sock_getpeername(const struct sock *sk, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	return sk->ops->name_of(sk, true, ret, ret_len);
}

int sock_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	int r = sk->ops->ioctl ? sk->ops->ioctl(sk, request, arg, len) : -NO_IOCTL_CMD;

	return r == -NO_IOCTL_CMD ? -ENOTTY : r;
}

int sock_take_error(struct sock *sk)
{
	int err = sk->err;

	sk->err = 0;
	return err;
}

/* ---- for protocols ---- */

void sock_ready(struct sock *sk)
{
	if (sk->user && !sk->closed) sk->stack->ops->ready(sk->stack->host, sk);
}

void sock_stir(struct sock *sk)
{
	sk->stirred = true;
	sock_ready(sk);
}

void sock_set_error(struct sock *sk, int err)
{
	sk->err = err;
	sock_ready(sk);
}
