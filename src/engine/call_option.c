/* Control calls about options: the stack's own, with the few that the shim obeys copied into the channel. */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include "channel/wish.h"
#include "engine/private.h"
#include "stack/inet/flowlabel.h"
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/tcp.h"

#define STAMP 0x8906         /* SIOCGSTAMP and SIOCGSTAMPNS, of whose layouts the header names the other */
#define STAMPNS 0x8907
#define FLOWLABEL_MGR 32     /* IPV6_FLOWLABEL_MGR of <linux/in6.h> */
#define ROWS_MAX 65536u      /* octets that SIOCGIFCONF may answer */
#define NO_ROOM 64           /* what a row may look at that is given no room */

/* Those that can't be are refused as by the call, and nobody is told: no shim leaves them. */
void esock_wishes(struct engine *e, struct esock *es)
{
	uint64_t word = wishes_take(e->arena, es->channel);
	int level, name, value;
	if (!es->sk || !es->stream || es->sk->domain == AF_UNIX) return;
	engine_enter(e, es->sk);
	for (uint32_t i = 0; i < WISHES; i++)
		if (wish_read(word, i, &level, &name, &value)) sock_setsockopt(es->sk, level, name, &value, sizeof value);
	net_touch(e->net, es->sk->stack);
	esock_queue(e, es);
}

/* The program asked for a label of the stack's choice: the value that it gave is to have it. */
static void label_tell(struct call *k)
{
	uint32_t label = flowlabel_given(k->es->sk->stack);
	if (label) call_out(k, &label, sizeof label);
}

/* Before: what is in the rings was written and came without an upper protocol, and before the connection was to be repaired. */
static void rings_empty(struct call *k, int name)
{
	if (name == TCP_ULP) esock_unread(k->e, k->es);
	if (name == TCP_REPAIR) esock_ask(k->e, k->es);
}

/* Afterwards: a ring has no place for when an octet came, and repair is over, or was refused. */
static void asking_follow(struct engine *e, struct esock *es)
{
	if (tcp_wants_asking(es->sk)) esock_ask(e, es);
	else esock_ask_no_more(e, es);
}

/* The program gave a null pointer, and a length: what may be no more than an int is 0. */
static int set_none(struct call *k, int level, int name)
{
	static const int zero;
	socklen_t len = (socklen_t)-(k->q->arg[2] + 1);
	int err = sock_setsockopt_none(k->es->sk, level, name, len);
	return err < 0 ? err : sock_setsockopt(k->es->sk, level, name, &zero, MIN(len, (socklen_t)sizeof zero));
}

int64_t serve_setsockopt(struct call *k)
{
	int level = (int)k->q->arg[0], name = (int)k->q->arg[1];
	char text[96];
	if (k->q->arg[2] > 0) return sock_setsockopt_unread(k->es->sk, level, name, (socklen_t)(k->q->arg[2] - 1));
	if (level == IPPROTO_TCP && k->es->sk->protocol == IPPROTO_TCP && !k->es->sk->ops->asked) rings_empty(k, name);
	if (!k->es->sk) return -ENETDOWN;
	int err = k->q->arg[2] < 0 ? set_none(k, level, name) : sock_setsockopt(k->es->sk, level, name, k->in, (socklen_t)k->q->in_len);
	esock_mirror(k->e, k->es);
	outside_follow(k->es);
	if (err == -EINPROGRESS || err == -EALREADY) {   /* sctp_connectx() */
		k->es->connecting = true;
		return err;
	}
	if (err == 0 && level == SOL_SOCKET && name == SO_PEEK_OFF) atomic_store(&esock_channel(k->e, k->es)->peek_off, k->es->sk->peek_off);
	/* A filter looks at segments, a stamp tells when one left, and hops are counted of each. */
	if (k->es->stream && (k->es->sk->filter || tcp_sends_stamped(k->es->sk) || tcp_needs_stack(k->es->sk))) direct_bar(k->e, k->es);
	if (err == 0 && level == IPPROTO_IPV6 && name == FLOWLABEL_MGR) label_tell(k);
	if (tcp_wants_asking(k->es->sk) != k->es->sk->ops->asked && k->es->stream) asking_follow(k->e, k->es);
	if (!k->es->sk) return -ENETDOWN;
	if (err == 0 && level == IPPROTO_IPV6 && name == IPV6_ADDRFORM) esock_channel(k->e, k->es)->domain = k->es->sk->domain;
	bool corks = err == 0 && k->es->stream && level == IPPROTO_TCP && name == TCP_CORK;
	if (corks && tcp_is_corked(k->es->sk) == (k->es->peer != NULL)) direct_reconsider(k->e, k->es);
	if (err >= 0 || !option_text(text, sizeof text, k->es->sk, level, name, err)) return err;
	return refuse(k, err, "setsockopt(%s)", text);
}

/* What the program's peeks have made of it. */
static void peek_off_complete(struct call *k, socklen_t len)
{
	int off = atomic_load(&esock_channel(k->e, k->es)->peek_off);
	memcpy(k->e->scratch, &off, MIN(len, (socklen_t)sizeof off));
}

static int64_t room_needed(struct call *k, int level, int name)
{
	socklen_t len = 0;
	memset(k->e->scratch, 0, NO_ROOM);
	int err = sock_getsockopt(k->es->sk, level, name, k->e->scratch, &len);
	return err < 0 && len > 0 ? (int64_t)len : -EINVAL;
}

int64_t serve_getsockopt(struct call *k)
{
	int level = (int)k->q->arg[0], name = (int)k->q->arg[1];
	int64_t capacity = k->q->arg[2];
	char text[96];
	if (capacity < 0) return room_needed(k, level, name);
	socklen_t len = (socklen_t)MIN(capacity, RPC_OPTION_MAX);
	/* What went past the engine and found no room counts, too. */
	if (level == SOL_SOCKET && name == SO_MEMINFO) inbox_shut(k->e, k->es);
	/* Some options read what the buffer holds before they fill it. */
	memset(k->e->scratch, 0, len);
	memcpy(k->e->scratch, k->in, MIN(k->q->in_len, len));
	int err = sock_getsockopt(k->es->sk, level, name, k->e->scratch, &len);
	if (err < 0) return option_text(text, sizeof text, k->es->sk, level, name, err) ? refuse(k, err, "getsockopt(%s)", text) : err;
	if (level == IPPROTO_TCP && name == TCP_INFO) esock_tcp_info(k->e, k->es->sk, k->e->scratch, len);
	if (level == SOL_SOCKET && name == SO_PEEK_OFF && k->es->sk->domain != AF_UNIX) peek_off_complete(k, len);
	call_out(k, k->e->scratch, MIN(len, RPC_OPTION_MAX));
	return len;
}

/* Octets that the next read could return, of a datagram socket the first message's: what is in the ring the stack no longer has. */
static int64_t octets_unread(struct call *k, int *ret)
{
	int n = 0, err = 0;
	uint32_t ring = rx_used(&k->e->pool, &k->es->rx);
	bool of_unix = esock_is_unix(k->es);
	err = sock_ioctl(k->es->sk, SIOCINQ, &n, sizeof n);
	if (err < 0) return err;
	if (!k->es->stream && !of_unix && ring > 0) {
		const struct charges *q = &dgram_of(k->es)->charges;
		*ret = q->count > 0 ? (int)q->at[q->start].data : 0;
		return 0;
	}
	if (k->es->mark && !k->es->sk->oobinline) n = 0;   /* none from the mark on */
	if (of_unix && !k->es->stream && ring > 0) n = direct_unix_waiting(k->e, k->es) + (k->es->sk->type == SOCK_DGRAM ? 0 : n);
	if (ring > 0 && mptcp_is(k->es->sk)) n = 0;        /* its end, which counts when all is read */
	*ret = n + (k->es->stream ? (int)ring : 0);
	return 0;
}

static int64_t queue_ioctl(struct call *k, unsigned long request)
{
	int n = 0;
	if (request == SIOCATMARK && k->es->stream && !mptcp_is(k->es->sk) && rx_used(&k->e->pool, &k->es->rx) > 0) return call_out(k, &n, sizeof n), 0;
	int64_t err = request == SIOCINQ ? octets_unread(k, &n) : sock_ioctl(k->es->sk, request, &n, sizeof n);
	if (err < 0) return err;
	if (k->es->stream && (request == SIOCOUTQ || request == SIOCOUTQNSD)) n += (int)tx_pending(&k->e->pool, &k->es->tx);
	if (esock_may_pair(k->es) && request == SIOCOUTQ) n += (int)direct_ahead(k->e, k->es);
	call_out(k, &n, sizeof n);
	return 0;
}

/* Its struct holds a pointer to the rows: the rows alone go over. */
static int64_t interface_rows(struct call *k)
{
	int64_t n = sock_ioctl(k->es->sk, SIOCGIFCONF, k->e->scratch, ROWS_MAX);
	if (n < 0) return n;
	call_out(k, k->e->scratch, MIN((size_t)n, ROWS_MAX));
	return 0;
}

/* SIOCGSTAMP, SIOCGSTAMPNS: when the message arrived that the program read last. */
static int64_t arrival_ioctl(struct call *k, unsigned long request)
{
	if (!pump_consumed(k->e, k->es)) return -ENETDOWN;
	time_ns arrival = k->es->stream ? 0 : dgram_of(k->es)->arrival;
	if (arrival == 0) return -ENOENT;
	time_ns real = arrival + k->es->sk->stack->realtime_offset;
	int64_t v[2] = {real / NS_PER_S, real % NS_PER_S / (request == STAMP ? NS_PER_US : 1)};
	call_out(k, v, sizeof v);
	return 0;
}

int64_t serve_ioctl(struct call *k)
{
	unsigned long request = (unsigned long)k->q->arg[0];
	char text[64];
	int64_t err;
	if (request == SIOCGIFCONF) return interface_rows(k);
	if (request == SIOCINQ || request == SIOCOUTQ || request == SIOCOUTQNSD || request == SIOCATMARK) return queue_ioctl(k, request);
	if (request == STAMP || request == STAMPNS) return arrival_ioctl(k, request);
	memcpy(k->e->scratch, k->in, k->q->in_len);
	err = sock_ioctl(k->es->sk, request, k->e->scratch, k->q->in_len);
	if (err >= 0) {
		call_out(k, k->e->scratch, k->q->in_len);
		return err;
	}
	return ioctl_text(text, sizeof text, request) ? refuse(k, err, "ioctl(%s)", text) : err;
}
