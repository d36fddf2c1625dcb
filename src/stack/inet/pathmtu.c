/*
 * IPV6_RECVPATHMTU: who forbids fragmentation is told how large a datagram may be when one was too large, by a message without data that carries
 * IPV6_PATHMTU. One is kept, the latest. Read first: RFC 3542 §11.3.
 */
#include <errno.h>
#include "stack/inet/header_options.h"
#include "stack/socket/ancillary.h"

void pathmtu_note(struct inet_sock *is, const struct addr *dst, uint32_t mtu_bytes)
{
	struct header_opts *h = is->recvpathmtu6 ? header_options_of(is) : NULL;

	if (!h || is->sk.lent + sock_charge(&is->sk, 0) > is->sk.rcvbuf) return;
	h->path_mtu = (struct path_mtu){.dst = *dst, .mtu_bytes = mtu_bytes};
	sock_ready(&is->sk);
}

bool pathmtu_waits(const struct inet_sock *is) { return is->header && is->header->path_mtu.mtu_bytes && is->recvpathmtu6; }

ssize_t pathmtu_recv(struct inet_sock *is, struct sock_msg *m)
{
	struct path_mtu *p = &is->header->path_mtu;
	struct ip6_mtuinfo info = {.ip6m_mtu = p->mtu_bytes};
	struct cmsg_out o = cmsg_out_begin(m);
	struct sockaddr_storage name;
	socklen_t len;

	inet_sockaddr_emit(is, &p->dst, 0, is->scope, &name, &len);
	memcpy(&info.ip6m_addr, &name, sizeof info.ip6m_addr);
	if (m->name) memcpy(m->name, &name, MIN(m->name_len, len));
	m->name_len = m->name ? len : 0;
	if (m->flags & MSG_LEND) is->sk.lent += sock_charge(&is->sk, 0);
	m->flags = 0;
	cmsg_put(&o, SOL_IPV6, IPV6_PATHMTU, &info, sizeof info);
	cmsg_out_end(&o, m);
	*p = (struct path_mtu){0};
	return 0;
}
