/* Upper protocols: which there are, and the way from the socket's calls to theirs. */
#include "stack/tcp/ulp.h"
#include <errno.h>
#include "stack/socket/family.h"

#define NAME_MAX_LEN 16

/* "mptcp" Linux keeps for its own sockets. "smc" and "espintcp" are modules that are not here. */
static int find(const char *name, const struct tcp_ulp **ret)
{
	static const struct tcp_ulp *const protocols[] = {&tls_ulp};

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocols[i]->name, name) == 0) {
			*ret = protocols[i];
			return 0;
		}
	return strcmp(name, "mptcp") == 0 ? -EOPNOTSUPP : -ENOENT;
}

int ulp_get(struct sock *sk, void *val, socklen_t *len)
{
	char name[NAME_MAX_LEN] = {0};

	if (tcp_of(sk)->upper) memcpy(name, tcp_of(sk)->upper->ulp->name, strlen(tcp_of(sk)->upper->ulp->name));
	return opt_copy_out(val, len, name, tcp_of(sk)->upper ? sizeof name : 0);
}

int ulp_set(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	const struct tcp_ulp *ulp = NULL;
	char name[NAME_MAX_LEN] = {0};
	int r;

	if (len < 1) return -EINVAL;
	memcpy(name, val, MIN(len, sizeof name - 1));
	r = find(name, &ulp);
	if (r == -ENOENT) return r;
	/* As Linux: a subflow's is Multipath TCP. */
	if (conn->upper || conn->mptcp) return -EEXIST;
	if (r == 0) r = ulp->attach(conn, &conn->upper);
	if (r < 0) return r;
	sk->ops = &tcp_upper_ops;
	sock_ready(sk);
	return 0;
}

void ulp_detach(struct tcp_sock *conn)
{
	if (conn->upper) conn->upper->ulp->detach(conn);
	conn->upper = NULL;
}

ssize_t ulp_send(struct sock *sk, const struct sock_msg *m) { return tcp_of(sk)->upper->ulp->send(tcp_of(sk), m); }

ssize_t ulp_recv(struct sock *sk, struct sock_msg *m) { return tcp_of(sk)->upper->ulp->recv(tcp_of(sk), m); }

uint32_t ulp_poll(const struct sock *sk) { return tcp_of(sk)->upper->ulp->poll(tcp_of(sk), tcp_poll(sk)); }
