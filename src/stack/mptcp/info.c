/*
 * SOL_MPTCP: what a program may ask about the connection and its subflows. The structs are Linux's, newer than its headers here.
 *
 * Read first: <linux/mptcp.h>.
 */
#include <errno.h>
#include <linux/mptcp.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include "stack/mptcp/msk.h"
#include "stack/socket/option.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define FULL_INFO 4                        /* MPTCP_FULL_INFO, newer than the headers */
#define ELEMENT_MAX 512u
#define HEAD_LEN ((socklen_t)sizeof(struct mptcp_subflow_data))

struct info {
	uint8_t subflows, add_addr_signal, add_addr_accepted, subflows_max, add_addr_signal_max, add_addr_accepted_max;
	uint32_t flags, token;
	uint64_t write_seq, snd_una, rcv_nxt;
	uint8_t local_addr_used, local_addr_max, csum_enabled;
	uint32_t retransmits;
	uint64_t bytes_retrans, bytes_sent, bytes_received, bytes_acked;
	uint8_t subflows_total, endp_laminar_max, endp_fullmesh_max, reserved;
	uint32_t last_data_sent, last_data_recv, last_ack_recv;
};

static uint8_t endpoints_with(const struct stack *s, uint32_t flag)
{
	uint8_t n = 0;

	list_each(const struct mptcp_endpoint, e, &s->mptcp->endpoints, node)
		n = (uint8_t)(n + ((e->flags & flag) != 0));
	return n;
}

static uint8_t live_subflows(const struct mptcp_sock *msk)
{
	uint8_t n = 0;

	list_each(const struct subflow, sub, &msk->subflows, node)
		n = (uint8_t)(n + (sub->conn->state != TCPS_CLOSED && !sub->listener));
	return n;
}

static uint32_t ms_ago(const struct mptcp_sock *msk, time_ns t) { return (uint32_t)((msk_stack(msk)->now - t) / NS_PER_MS); }

static void times_of(const struct mptcp_sock *msk, struct info *i)
{
	time_ns sent = 0, got = 0, heard = 0;

	list_each(const struct subflow, sub, &msk->subflows, node) {
		sent = MAX(sent, sub->conn->when.sent_data);
		got = MAX(got, sub->conn->when.got_data);
		heard = MAX(heard, sub->conn->when.heard);
	}
	i->last_data_sent = ms_ago(msk, sent);
	i->last_data_recv = ms_ago(msk, got);
	i->last_ack_recv = ms_ago(msk, heard);
}

static struct info info_of(const struct mptcp_sock *msk)
{
	const struct mptcp_stack *m = msk_stack(msk)->mptcp;
	struct info i = {.subflows = msk->pm.extra, .add_addr_signal = msk->pm.announced, .add_addr_accepted = msk->pm.accepted};

	if (msk->state == MSK_LISTEN) return i;
	i.subflows_max = (uint8_t)m->max_subflows;
	i.add_addr_signal_max = endpoints_with(msk_stack(msk), MPTCP_PM_ADDR_FLAG_SIGNAL);
	i.add_addr_accepted_max = (uint8_t)m->max_accepted;
	i.local_addr_max = endpoints_with(msk_stack(msk), MPTCP_PM_ADDR_FLAG_SUBFLOW);
	i.endp_fullmesh_max = endpoints_with(msk_stack(msk), MPTCP_PM_ADDR_FLAG_FULLMESH);
	for (unsigned w = 0; w < ARRAY_SIZE(msk->pm.used); w++)
		for (uint32_t bits = msk->pm.used[w]; bits; bits &= bits - 1)
			i.local_addr_used++;
	i.flags = (msk->fallback ? MPTCP_INFO_FLAG_FALLBACK : 0) | (msk->remote_key ? MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED : 0);
	i.token = msk->token;
	i.write_seq = msk_end(msk) + msk->snd.fin;
	i.snd_una = msk->snd.una + msk->snd.fin_acked;
	i.rcv_nxt = msk->rcv.nxt;
	i.csum_enabled = msk->checksum;
	i.retransmits = msk->count.retransmits;
	i.bytes_retrans = msk->count.retrans;
	i.bytes_sent = msk->count.sent;
	i.bytes_received = msk->count.received;
	i.bytes_acked = msk->count.acked;
	i.subflows_total = live_subflows(msk);
	times_of(msk, &i);
	return i;
}

static int get_mptcp_info(struct sock *sk, void *val, socklen_t *len)
{
	struct info i = info_of(msk_of(sk));

	return opt_copy_out(val, len, &i, sizeof i);
}

/* ---- an element for each subflow ---- */

static int head_in(const void *val, socklen_t len, struct mptcp_subflow_data *ret)
{
	if (len < HEAD_LEN) return -EINVAL;
	memcpy(ret, val, sizeof *ret);
	if (ret->num_subflows || ret->size_kernel || ret->size_subflow_data < HEAD_LEN || ret->size_subflow_data > len) return -EINVAL;
	return 0;
}

static void element_of(const struct subflow *sub, bool addrs, void *ret, size_t size)
{
	struct mptcp_subflow_addrs a;
	struct sockaddr_storage ss;
	socklen_t len = (socklen_t)size;

	memset(ret, 0, size);
	if (!addrs) {
		get_info(&sub->conn->inet.sk, ret, &len);
		return;
	}
	memset(&a, 0, sizeof a);
	memset(&ss, 0, sizeof ss);
	inet_sockaddr_emit(&sub->conn->inet, &sub->conn->inet.laddr, sub->conn->inet.lport, 0, &ss, &len);
	memcpy(&a.ss_local, &ss, sizeof ss);
	memset(&ss, 0, sizeof ss);
	inet_sockaddr_emit(&sub->conn->inet, &sub->conn->inet.raddr, sub->conn->inet.rport, 0, &ss, &len);
	memcpy(&a.ss_remote, &ss, sizeof ss);
	memcpy(ret, &a, MIN(size, sizeof a));
}

/* As Linux: as many as there is room for, and how many there are. */
static int get_elements(struct mptcp_sock *msk, bool addrs, size_t size, void *val, socklen_t *len)
{
	struct mptcp_subflow_data head;
	uint8_t buf[ELEMENT_MAX];
	size_t used, n;
	int r = head_in(val, *len, &head);

	if (r < 0) return r;
	used = head.size_subflow_data;
	n = MIN((size_t)head.size_user, size);
	list_each(const struct subflow, sub, &msk->subflows, node) {
		if (sub->listener || !sub->conn->inet.rport) continue;
		head.num_subflows++;
		if (!n || used + head.size_user > *len) continue;
		element_of(sub, addrs, buf, size);
		memset((uint8_t *)val + used, 0, head.size_user);
		memcpy((uint8_t *)val + used, buf, n);
		used += head.size_user;
	}
	head.size_kernel = (uint32_t)size;
	memcpy(val, &head, sizeof head);
	*len = (socklen_t)used;
	return 0;
}

static int get_tcpinfo(struct sock *sk, void *val, socklen_t *len)
{
	uint8_t buf[ELEMENT_MAX];
	socklen_t size = sizeof buf;

	if (msk_of(sk)->first) get_info(&msk_of(sk)->first->conn->inet.sk, buf, &size);
	return get_elements(msk_of(sk), false, size, val, len);
}

static int get_addrs(struct sock *sk, void *val, socklen_t *len) { return get_elements(msk_of(sk), true, sizeof(struct mptcp_subflow_addrs), val, len); }

#define M(n, t) .level = SOL_MPTCP, .name = n, .text = t, .type = OPT_BLOB, .access = OPT_GET
const struct sockopt mptcp_options_own[] = {
	{M(MPTCP_INFO, "MPTCP_INFO"), .get = get_mptcp_info},
	{M(MPTCP_TCPINFO, "MPTCP_TCPINFO"), .get = get_tcpinfo},
	{M(MPTCP_SUBFLOW_ADDRS, "MPTCP_SUBFLOW_ADDRS"), .get = get_addrs},
	{.text = NULL},
};

/* There are no others, but in Linux one of pointers, which takes no struct that is not as it should be. */
int mptcp_get_own(struct sock *sk, int name, void *val, socklen_t *len)
{
	if (name == FULL_INFO) return -EINVAL;
	return name >= MPTCP_INFO && name <= MPTCP_SUBFLOW_ADDRS ? option_get(sk, SOL_MPTCP, name, val, len) : -EOPNOTSUPP;
}
