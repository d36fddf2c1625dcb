/* sock_diag of packet and netlink sockets. */
#include <errno.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include "stack/netlink/diag.h"
#include "stack/packet/packet_sock.h"

/* ---- AF_PACKET ---- */

static void packet_write(struct nl_writer *w, const struct packet_diag_req *q, const struct packet_sock *ps)
{
	struct packet_diag_msg m = {.pdiag_family = AF_PACKET, .pdiag_type = (uint8_t)ps->sk.type, .pdiag_num = ps->protocol,
				    .pdiag_ino = (uint32_t)ps->sk.inode};
	struct packet_diag_info info = {.pdi_index = (uint32_t)ps->ifindex, .pdi_version = (uint32_t)ps->version, .pdi_reserve = (uint32_t)ps->reserve,
					.pdi_flags = (ps->auxdata ? PDI_AUXDATA : 0u) | (ps->origdev ? PDI_ORIGDEV : 0u) | (ps->loss ? PDI_LOSS : 0u)};

	diag_put_cookie(m.pdiag_cookie, &ps->sk);
	nl_begin(w, SOCK_DIAG_BY_FAMILY, &m, sizeof m);
	if (q->pdiag_show & PACKET_SHOW_INFO) {
		nl_put(w, PACKET_DIAG_INFO, &info, sizeof info);
		nl_put_u32(w, PACKET_DIAG_UID, ps->sk.uid);
	}
	if (q->pdiag_show & PACKET_SHOW_MCLIST) nl_put(w, PACKET_DIAG_MCLIST, NULL, 0);
	if (q->pdiag_show & PACKET_SHOW_MEMINFO) diag_put_meminfo(w, PACKET_DIAG_MEMINFO, &ps->sk, ps->queued + ps->sk.lent, 0, 0);
	nl_end(w);
}

static int packet_check(const struct netlink_sock *ns, const struct nl_request *q)
{
	struct packet_diag_req h;

	(void)ns;
	nl_header(q, &h, sizeof h);
	return h.sdiag_protocol ? -EINVAL : 0;   /* a filter by protocol, which Linux never had */
}

static int packet_dump(struct nl_writer *w, const struct nl_request *q)
{
	struct packet_diag_req h;

	nl_header(q, &h, sizeof h);
	list_each(struct packet_sock, ps, &nl_stack(w)->taps, node)
		packet_write(w, &h, ps);
	return 0;
}

/* As Linux: none is found by itself, which is said after what else is wrong. */
static int packet_one(struct nl_writer *w, const struct nl_request *q)
{
	int r = packet_check(w->ns, q);

	return r < 0 ? r : -EOPNOTSUPP;
}

const struct diag_family diag_packet = {AF_PACKET, sizeof(struct packet_diag_req), packet_check, packet_dump, packet_one, NULL, false};

/* ---- AF_NETLINK ---- */

static uint32_t flags_of(const struct netlink_sock *ns)
{
	return (ns->pktinfo ? NDIAG_FLAG_PKTINFO : 0u) | (ns->broadcast_error ? NDIAG_FLAG_BROADCAST_ERROR : 0u) |
	       (ns->no_enobufs ? NDIAG_FLAG_NO_ENOBUFS : 0u) | (ns->cap_ack ? NDIAG_FLAG_CAP_ACK : 0u);
}

static void netlink_write(struct nl_writer *w, const struct netlink_diag_req *q, const struct netlink_sock *ns)
{
	struct netlink_diag_msg m = {.ndiag_family = AF_NETLINK, .ndiag_type = (uint8_t)ns->sk.type, .ndiag_protocol = (uint8_t)ns->sk.protocol,
				     .ndiag_state = (uint8_t)ns->state, .ndiag_portid = ns->pid, .ndiag_dst_portid = ns->peer_pid,
				     .ndiag_dst_group = ns->peer_group, .ndiag_ino = (uint32_t)ns->sk.inode};

	diag_put_cookie(m.ndiag_cookie, &ns->sk);
	nl_begin(w, SOCK_DIAG_BY_FAMILY, &m, sizeof m);
	if (q->ndiag_show & NDIAG_SHOW_GROUPS) nl_put(w, NETLINK_DIAG_GROUPS, &ns->groups, sizeof ns->groups);
	if (q->ndiag_show & NDIAG_SHOW_MEMINFO) diag_put_meminfo(w, NETLINK_DIAG_MEMINFO, &ns->sk, ns->queued + ns->sk.lent, 0, ns->drops);
	if (q->ndiag_show & NDIAG_SHOW_FLAGS) nl_put_u32(w, NETLINK_DIAG_FLAGS, flags_of(ns));
	nl_end(w);
}

static int netlink_dump(struct nl_writer *w, const struct nl_request *q)
{
	struct netlink_diag_req h;

	nl_header(q, &h, sizeof h);
	if (h.sdiag_protocol != NDIAG_PROTO_ALL && h.sdiag_protocol >= MAX_LINKS) return -ENOENT;
	list_each(struct netlink_sock, ns, &nl_stack(w)->netlink->socks, node)
		if (ns->bound && (h.sdiag_protocol == NDIAG_PROTO_ALL || h.sdiag_protocol == ns->sk.protocol)) netlink_write(w, &h, ns);
	return 0;
}

const struct diag_family diag_netlink = {AF_NETLINK, sizeof(struct netlink_diag_req), NULL, netlink_dump, NULL, NULL, false};
