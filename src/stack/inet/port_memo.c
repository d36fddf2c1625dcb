/*
 * What Linux keeps of a TCP port, so as to ask its owners less often: that the last to have it has SO_REUSEPORT, and which user and address the first of
 * those was asked for. That is coarser than the owners are, and outlives them: who fits may have the port, whatever became of the others.
 *
 * (Linux keeps the like of SO_REUSEADDR, too, and since 6.8 never comes to use it.)
 */
#include "stack/inet/port_private.h"

/* As Linux, a socket of IPv4 does not know IPv6's wildcard from its own. */
static bool covers(const struct port_memo *m, const struct inet_sock *is, const struct addr *laddr)
{
	if (m->domain == AF_INET && addr_is_any(&m->laddr) && addr_is_any(laddr)) return addr_is_v4(laddr) || !is->v6only;
	return addr_eq(&m->laddr, laddr) || port_addr_covers(&m->laddr, m->v6only, laddr);
}

bool port_memo_fits(const struct port *p, const struct inet_sock *is, const struct addr *laddr)
{
	const struct port_memo *m = &p->memo;

	if (!m->group || is->sk.protocol != IPPROTO_TCP || !is->sk.reuseport || is->chooser || m->uid != is->sk.uid) return false;
	return covers(m, is, laddr);
}

void port_memo_note(struct port *p, const struct inet_sock *is, const struct addr *laddr)
{
	if (!is->sk.reuseport)
		p->memo.group = false;
	else if (!port_memo_fits(p, is, laddr))
		p->memo = (struct port_memo){.group = true, .v6only = is->v6only, .domain = is->sk.domain, .uid = is->sk.uid, .laddr = *laddr};
}
