/* Counts transport messages where all of them pass: between IP and what is above it. */
#include "stack/inet/mib.h"
#include "stack/inet/inet_private.h"
#include <netinet/in.h>

#define TCP_FLAGS_AT 13

static struct mib_udp *udp_of(struct stack *s, bool v4, uint8_t proto)
{
	return proto == IPPROTO_UDP ? &s->mib->udp[mib_family(v4)] : &s->mib->udplite[mib_family(v4)];
}

static void add(struct mib_traffic *t, const struct packet *p)
{
	t->packets++;
	t->octets += p->len;
}

void mib_ip_in(struct stack *s, struct packet *p)
{
	struct mib_ip *ip = &s->mib->ip[mib_family(packet_is_v4(p))];

	ip->in_octets += p->len;
	ip->in_ecn[p->tos & 3]++;
	if (addr_is_multicast(&p->dst)) add(&ip->in_groups, p);
	else if (addr_is_v4(&p->dst) && inet_addr_is_broadcast(s, &p->dst)) add(&ip->in_broadcasts, p);
}

void mib_ip_out(struct stack *s, struct packet *p)
{
	struct mib_ip *ip = &s->mib->ip[mib_family(packet_is_v4(p))];

	add(&ip->out, p);
	if (p->multicast) add(&ip->out_groups, p);
	else if (p->broadcast) add(&ip->out_broadcasts, p);
}

static bool is_icmp(bool v4, uint8_t proto) { return proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6); }

void mib_received(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len)
{
	struct mib_icmp *icmp = &s->mib->icmp[mib_family(v4)];

	s->mib->ip[mib_family(v4)].delivered++;
	if (proto == IPPROTO_TCP) s->mib->tcp.received++;
	if (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE) udp_of(s, v4, proto)->received++;
	if (!is_icmp(v4, proto)) return;
	icmp->received++;
	if (len > 0) icmp->received_of[data[0]]++;
}

void mib_sent(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len)
{
	struct mib_icmp *icmp = &s->mib->icmp[mib_family(v4)];

	s->mib->ip[mib_family(v4)].sent++;
	if (proto == IPPROTO_TCP) s->mib->tcp.sent++;
	if (proto == IPPROTO_TCP && len > TCP_FLAGS_AT && data[TCP_FLAGS_AT] & TCP_RST) s->mib->tcp.resets_sent++;
	if (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE) udp_of(s, v4, proto)->sent++;
	if (!is_icmp(v4, proto)) return;
	icmp->sent++;
	if (len > 0) icmp->sent_of[data[0]]++;
}

/* Before IP's header was read, its first digit has to do. */
static bool is_v4(const struct packet *p, enum drop_reason why)
{
	if (why == DROP_IP_BAD || why == DROP_IP_CSUM) return p->len == 0 || p->data[0] >> 4 != 6;
	return addr_is_v4(&p->dst);
}

void mib_dropped(struct stack *s, const struct packet *p, enum drop_reason why)
{
	s->mib->drops[mib_family(is_v4(p, why))][why]++;
	if (why == DROP_IP_REVERSE_PATH) mib_tcp(s, TCPEXT_IPReversePathFilter);
}
