/* netlink, packet, ptype, psched, softnet_stat, sockstat: sockets that are no ends of IP's protocols, and how many there are of each. */
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include "engine/proc/proc.h"
#include "stack/core/netif.h"
#include "stack/inet/facts.h"
#include "stack/inet/reassembly.h"
#include "stack/netlink/netlink.h"
#include "stack/packet/packet_sock.h"
#include "stack/socket/family.h"
#include "stack/tcp/tcp.h"

static void packet(struct stack *s, struct page *p)
{
	if (page_takes(p)) text_add(p->t, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	list_each(struct packet_sock, ps, &s->taps, node)
		if (page_takes(p))
			text_add(p->t, "%016lx %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu\n", proc_pointer(&ps->sk), 3, ps->sk.type, ps->protocol,
				 ps->ifindex, 1, ps->queued + ps->sk.lent, ps->sk.uid, (unsigned long)ps->sk.inode);
}

/* The first one of each protocol is the stack's own end, which has no inode. */
static void netlink_line(struct page *p, const struct sock *sk, int protocol, const struct netlink_name *n)
{
	if (page_takes(p))
		text_add(p->t, "%016lx %-3d %-10u %08x %-8u %-8d %-5d %-8d %-8u %-8lu\n", proc_pointer(sk), protocol, n->pid, n->groups, n->waiting, 0, 0, 2,
			 n->drops, sk ? (unsigned long)sk->inode : 0);
}

static void netlink(struct stack *s, struct page *p)
{
	static const struct netlink_name own;
	if (page_takes(p)) text_add(p->t, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	for (int protocol = 0; protocol < MAX_LINKS; protocol++) {
		if (netlink_is_served(protocol)) netlink_line(p, NULL, protocol, &own);
		list_each(struct sock, sk, &s->socks, node) {
			struct netlink_name n;
			if (sk->ops == &netlink_ops && sk->protocol == protocol && netlink_name(sk, &n)) netlink_line(p, sk, protocol, &n);
		}
	}
}

/* Who gets frames of which kind: the stack, and who looks on. */
static void ptype(struct stack *s, struct page *p)
{
	if (page_takes(p)) text_add(p->t, "Type Device      Function\n");
	list_each(struct packet_sock, ps, &s->taps, node) {
		const struct netif *nif = ps->ifindex ? netif_by_index(s, ps->ifindex) : NULL;
		if (!ps->protocol || !page_takes(p)) continue;
		if (ps->protocol == ETH_P_ALL) text_add(p->t, "ALL ");
		else text_add(p->t, "%04x", ps->protocol);
		text_add(p->t, " %-8s packet_rcv\n", nif ? nif->name : "");
	}
	if (page_takes(p)) text_add(p->t, "0800          ip_rcv\n0806          arp_rcv\n86dd          ipv6_rcv\n");
}

/* What queue disciplines reckon with: nanoseconds and ticks in a microsecond, and the clock's resolution. */
static void psched(struct stack *s, struct page *p)
{
	(void)s;
	if (page_takes(p)) text_add(p->t, "%08x %08x %08x %08x\n", 1000, 64, 1000000, 1000000000);
}

/* A line for each processor that takes frames in: here it is one, and frames are what interfaces received. */
static void softnet_stat(struct stack *s, struct page *p)
{
	uint64_t n = 0;
	list_each(struct netif, nif, &s->netifs, node) n += nif->rx_packets;
	if (page_takes(p))
		text_add(p->t, "%08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x\n", (unsigned)n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			 0, 0, 0);
}

/* ---- how many ---- */

struct tally { uint16_t domain; unsigned n, orphans, embryos; };

static void count(void *arg, const struct inet_facts *f)
{
	struct tally *t = arg;
	if (f->domain != t->domain || !f->sk || f->unused) return;
	t->n++;
	t->orphans += f->sk->closed;
	t->embryos += f->embryo;
}

static struct tally tally(struct stack *s, int protocol, uint16_t domain)
{
	struct tally t = {.domain = domain};
	inet_facts_walk(s, protocol, count, &t);
	return t;
}

static unsigned used(const struct stack *s)
{
	unsigned n = 0;
	list_each(struct sock, sk, &s->socks, node) n += !sk->closed && sk->inode != 0;
	return n;
}

static void sockstat(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	struct tally tcp = tally(s, IPPROTO_TCP, AF_INET), tcp6 = tally(s, IPPROTO_TCP, AF_INET6);
	text_add(p->t, "sockets: used %u\n", used(s));
	text_add(p->t, "TCP: inuse %u orphan %u tw %u alloc %u mem %d\n", tcp.n - tcp.embryos, tcp.orphans + tcp6.orphans, tcp_timewaits(s),
		 tcp.n + tcp6.n - tcp.embryos - tcp6.embryos, 0);
	text_add(p->t, "UDP: inuse %u mem %d\n", tally(s, IPPROTO_UDP, AF_INET).n, 0);
	text_add(p->t, "UDPLITE: inuse %u\nRAW: inuse %u\n", tally(s, IPPROTO_UDPLITE, AF_INET).n, tally(s, IPPROTO_RAW, AF_INET).n);
	struct frag_use frags = frag_use(s, true);
	text_add(p->t, "FRAG: inuse %u memory %llu\n", frags.n, (unsigned long long)frags.mem_bytes);
}

static void sockstat6(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	struct tally tcp = tally(s, IPPROTO_TCP, AF_INET6);
	text_add(p->t, "TCP6: inuse %u\nUDP6: inuse %u\n", tcp.n - tcp.embryos, tally(s, IPPROTO_UDP, AF_INET6).n);
	text_add(p->t, "UDPLITE6: inuse %u\nRAW6: inuse %u\n", tally(s, IPPROTO_UDPLITE, AF_INET6).n, tally(s, IPPROTO_RAW, AF_INET6).n);
	struct frag_use frags = frag_use(s, false);
	text_add(p->t, "FRAG6: inuse %u memory %llu\n", frags.n, (unsigned long long)frags.mem_bytes);
}

const struct proc_file proc_other_files[] = {
	{"netlink", netlink}, {"packet", packet}, {"ptype", ptype}, {"sockstat", sockstat}, {"sockstat6", sockstat6}, {"psched", psched},
	{"softnet_stat", softnet_stat}, {NULL, NULL},
};
