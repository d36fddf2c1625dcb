/* Options of sockets: control calls, but for those that are left in the channel, and filters, whose instructions go along. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include "channel/wish.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define FLOWLABEL_MGR 32     /* IPV6_FLOWLABEL_MGR of <linux/in6.h> */
#define FLR_SIZE 32          /* of struct in6_flowlabel_req, */
#define FLR_LABEL_AT 16      /* and its flr_label */

/* MRT_INIT to MRT_FLUSH of <linux/mroute.h>, which does not go with <netinet/in.h>: Linux looks first whether it is a router's socket. */
static bool is_no_routers(const struct sock *s, int level, int name)
{
	return level == IPPROTO_IP && name >= 200 && name <= 212 && !(s->c->type == SOCK_RAW && s->c->protocol == IPPROTO_IGMP);
}

static bool has_level(const struct sock *s, int level)
{
	bool udp = is_udp(s);
	if (s->c->domain == AF_PACKET) return level == SOL_SOCKET || level == SOL_PACKET;
	if (s->c->domain == AF_NETLINK) return level == SOL_SOCKET || level == SOL_NETLINK;
	if (level == IPPROTO_IP) return s->c->domain == AF_INET || (s->c->domain == AF_INET6 && s->c->type != SOCK_RAW);
	if (udp && (level == IPPROTO_UDP || level == IPPROTO_UDPLITE)) return true;
	if (level == SOL_MPTCP) return is_mptcp(s);
	bool own = level == s->c->protocol && (s->c->type != SOCK_RAW || (level == IPPROTO_ICMPV6 && s->c->domain == AF_INET6));
	return level == SOL_SOCKET || own || (level == IPPROTO_IPV6 && s->c->domain == AF_INET6);
}

/* Which group's sources, what of a flow label or a subflow is asked for stands in the value itself. */
static bool reads_value(int level, int name, size_t cap)
{
	if (level == IPPROTO_IPV6 && name == FLOWLABEL_MGR) return cap >= FLR_SIZE;
	if (level == SOL_MPTCP && (name == MPTCP_TCPINFO || name == MPTCP_SUBFLOW_ADDRS)) return cap >= sizeof(struct mptcp_subflow_data);
	if (level == IPPROTO_IP && name == IP_MSFILTER) return cap >= IP_MSFILTER_SIZE(0);
	return (level == IPPROTO_IP || level == IPPROTO_IPV6) && name == MCAST_MSFILTER && cap >= GROUP_FILTER_SIZE(0);
}

/*
 * Linux looks for the option before it touches the program's memory: one that it does not have is that error, whatever the pointer is, and a value of no
 * octets needs none.
 */
static long option_fault(const struct sock *s, int level, int name, size_t cap)
{
	if (has_level(s, level) && reads_value(level, name, cap)) return -EFAULT;
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {level, name, (int64_t)cap}};
	int64_t r = control(&c);
	return r > 0 ? -EFAULT : (long)r;
}

#define NEGATIVE_ROOM 96   /* what any value but a list of sources fits into */

/* SO_GET_FILTER, the same number: lengths count instructions. */
static long filter_get(const struct sock *s, void *val, socklen_t *len)
{
	socklen_t room;
	if (user_get(room, len) != 0) return -EFAULT;
	if ((int)room < 0) return -EINVAL;
	size_t octets = MIN(room, BPF_MAXINSNS) * sizeof(struct sock_filter);
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {SOL_SOCKET, SO_GET_FILTER, (int64_t)octets}, .out = val, .out_cap = octets};
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	room = (socklen_t)r / sizeof(struct sock_filter);
	return user_put(len, room);
}

/* As Linux: into too little room nothing is copied, and the length says how much it takes. */
static long saved_syn_len(const struct sock *s, socklen_t *len)
{
	int64_t r = control_simple(RPC_GETSOCKOPT, s, IPPROTO_TCP, TCP_SAVED_SYN, -1);
	socklen_t room = (socklen_t)r;
	return r < 0 || user_put(len, room) == 0 ? -EINVAL : -EFAULT;
}

long sock_getsockopt(const struct sock *s, int level, int name, void *val, socklen_t *len)
{
	socklen_t room;
	if (level == SOL_SOCKET && name == SO_GET_FILTER) return filter_get(s, val, len);
	if (unix_peer_has(s, level, name)) return unix_peer_get(s, name, val, len);
	if (is_sctp(s) && sctp_option_peels(level, name)) return sctp_socket_peel(s, name, val, len);
	if (level == IPPROTO_TCP && name == TCP_ZEROCOPY_RECEIVE && s->c->protocol == IPPROTO_TCP) return zerocopy_receive(s, val, len);
	if (user_get(room, len) != 0) {
		long r = has_level(s, level) ? 0 : option_fault(s, level, name, 0);
		return r < 0 ? r : -EFAULT;
	}
	bool looks_later = level == IPPROTO_IPV6 || is_no_routers(s, level, name) || (is_mptcp(s) && level != SOL_SOCKET);
	if ((int)room < 0 && has_level(s, level) && !looks_later) return -EINVAL;
	size_t cap = (int)room < 0 ? NEGATIVE_ROOM : MIN(room, rpc_rows[RPC_GETSOCKOPT].in_max);   /* to IPPROTO_IPV6 a negative length is a large one */
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {level, name, (int64_t)cap}, .in = {{val, cap}}, .out = val, .out_cap = cap};
	int64_t r = val ? control(&c) : -EFAULT;
	if (r == -EFAULT) r = option_fault(s, level, name, cap);
	if (r == -EINVAL && level == IPPROTO_TCP && name == TCP_SAVED_SYN) return saved_syn_len(s, len);
	if (r >= 0 && (int)room < 0 && is_mptcp(s) && level != SOL_MPTCP) r = -EINVAL;      /* who has the option looks at that */
	if (r < 0) return (long)r;
	room = (socklen_t)r;
	return user_put(len, room);
}

long do_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_getsockopt(&s, level, name, val, len) : kernel_getsockopt(fd, level, name, val, len);
}

/* A receive buffer so small that reading less than consumed()'s usual worth may open the window. */
static void small_buffer(const struct sock *s, int octets)
{
	shared_set32(&s->c->rx.limit, (uint32_t)MIN(MAX(octets, 2048) / 8, (int)SEGMENT_SMALL / 8));
}

/* What struct sock_fprog points to goes to the engine: the instructions. */
static long filter_attach(const struct sock *s, int name, const void *val, socklen_t len)
{
	struct sock_fprog prog;
	if ((int)len < (int)sizeof(int)) return -EINVAL;
	if (!user_there(val, sizeof(int))) return -EFAULT;
	bool tcp = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX;
	if (name == SO_ATTACH_FILTER && tcp && !shim.privileged) return -EPERM;   /* as Linux has it for TCP by now */
	if (len != sizeof prog) return -EINVAL;
	if (user_get(prog, (const struct sock_fprog *)val) != 0) return -EFAULT;
	if (!prog.filter || prog.len == 0 || prog.len > BPF_MAXINSNS) return -EINVAL;
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {SOL_SOCKET, name}, .in = {{prog.filter, prog.len * sizeof *prog.filter}}};
	return (long)control(&c);
}

/* IPV6_FLOWLABEL_MGR: the label that was chosen goes into the program's request. As Linux, where that can't be written, it does not. */
static void label_put(const void *request, uint32_t label)
{
	uint32_t be = htonl(label);
	user_copy((uint8_t *)request + FLR_LABEL_AT, &be, sizeof be);
}

static bool is_packet_ring(int level, int name) { return level == SOL_PACKET && (name == PACKET_RX_RING || name == PACKET_TX_RING); }

/* The same of the program that spreads frames over a group of packet sockets. The group's other kinds take none. */
static long fanout_program(const struct sock *s, const void *val, socklen_t len)
{
	struct sock_fprog prog = {0};
	uint32_t group = 0;
	socklen_t room = sizeof group;
	long r = sock_getsockopt(s, SOL_PACKET, PACKET_FANOUT, &group, &room);
	if (r < 0 || group == 0) return r < 0 ? r : -EINVAL;
	if (len == sizeof prog && user_get(prog, (const struct sock_fprog *)val) != 0) return -EFAULT;
	size_t octets = prog.filter ? MIN(prog.len, BPF_MAXINSNS) * sizeof *prog.filter : 0;
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {SOL_PACKET, PACKET_FANOUT_DATA}, .in = {{prog.filter, octets}}};
	return (long)control(&c);
}

/* A program of eBPF is the kernel's: no descriptor of one is good here. */
static long bpf_attach(const struct sock *s, const void *val, socklen_t len)
{
	int fd, locked = 0;
	socklen_t room = sizeof locked;
	if ((int)len < (int)sizeof fd) return -EINVAL;
	if (user_get(fd, (const int *)val) != 0) return -EFAULT;
	if (len != sizeof fd) return -EINVAL;
	if (sock_getsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &locked, &room) == 0 && locked) return -EPERM;
	return sys(SYS_fcntl, fd, F_GETFD) >= 0 ? -EINVAL : -EBADF;
}

/* An option that is sure to be taken is left in the channel. */
static bool option_left(const struct sock *s, int level, int name, const void *val, socklen_t len)
{
	int value;
	if (s->c->protocol != IPPROTO_TCP || s->c->type != SOCK_STREAM || len != sizeof value || user_get(value, (const int *)val) != 0) return false;
	int wish = wish_find(level, name, value);
	if (wish < 0 || engine_dead() || shared_get32(&s->c->state) & CHS_GONE || shared_get32(&s->c->generation) != s->generation) return false;
	if (wish_leave(shim.arena, s->index, wish, value)) engine_wake();
	return true;
}

long sock_setsockopt(const struct sock *s, int level, int name, const void *val, socklen_t len)
{
	if (option_left(s, level, name, val, len)) return 0;
	bool filters = level == SOL_SOCKET && !is_mptcp(s);       /* whose sockets take none */
	if (filters && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF)) return filter_attach(s, name, val, len);
	if (s->c->domain == AF_PACKET && level == SOL_PACKET && name == PACKET_FANOUT_DATA) return fanout_program(s, val, len);
	if (filters && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF)) return bpf_attach(s, val, len);
	if ((int)len < 0 || len > rpc_rows[RPC_SETSOCKOPT].in_max) return -EINVAL;
	/* To this level alone no value may be 0. */
	if (!val && level == IPPROTO_IPV6 && s->c->domain == AF_INET6) return control_simple(RPC_SETSOCKOPT, s, level, name, -((int64_t)len + 1));
	if (is_sctp(s) && sctp_option_connects(level, name)) return sctp_socket_connect(s, name, val, len);
	uint32_t label;
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {level, name}, .in = {{(void *)val, len}}, .out = &label, .out_cap = sizeof label};
	int64_t r = control(&c);
	if (r == 0 && c.out_len == sizeof label) label_put(val, label);
	if (r == -EFAULT) r = control_simple(RPC_SETSOCKOPT, s, level, name, (int64_t)len + 1);
	if (r == -EFAULT) return is_packet_ring(level, name) ? -EINVAL : -EFAULT;   /* so Linux says of a ring's */
	if (r == 0 && level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE)) small_buffer(s, *(const int *)val);
	if (r == 0 && level == SOL_PACKET && name == PACKET_RX_RING) packet_ring_begins(s);
	return (long)r;
}

long do_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_setsockopt(&s, level, name, val, len) : kernel_setsockopt(fd, level, name, val, len);
}
