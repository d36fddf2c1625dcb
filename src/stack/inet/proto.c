/* The protocols above IP: a row each. */
#include "stack/inet/ip.h"
#include "stack/inet/mib.h"
#include "stack/inet/raw.h"

static const struct { const struct ip_proto *proto; bool v4, v6; } protos[] = {
	{&tcp_proto, true, true},
	{&sctp_proto, true, true},
	{&udp_proto, true, true},
	{&udplite_proto, true, true},
	{&icmp_proto, true, false},
	{&igmp_proto, true, false},
	{&icmp6_proto, false, true},
	{&pim_proto, true, true},
};

const struct ip_proto *ip_proto_find(uint8_t proto, bool v4)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto->proto == proto && (v4 ? protos[i].v4 : protos[i].v6)) return protos[i].proto;
	return NULL;
}

/* What a host sends to itself is taken to have come in where it has that address, as Linux's local routes say, and not by the loopback that brought it. */
static void name_interface(const struct stack *s, struct packet *p)
{
	const struct netif_addr *ia = p->netif->kind == NETIF_LOOPBACK ? netif_addr_find(s, &p->dst, NULL) : NULL;

	if (ia) p->netif = ia->netif;
}

bool ip_deliver(struct stack *s, struct packet *p, size_t at, uint8_t proto)
{
	const struct ip_proto *row = ip_proto_find(proto, packet_is_v4(p));
	bool copied;

	name_interface(s, p);
	copied = raw_deliver(s, p, at, proto);
	if (row || copied) mib_received(s, packet_is_v4(p), proto, p->data + at, p->len - at);
	else s->mib->ip[mib_family(packet_is_v4(p))].unknown++;
	if (!row && copied) packet_free(p);
	if (!row) return copied;
	packet_pull(p, at);
	p->proto = proto;
	p->trans_off = packet_off(p);
	row->receive(s, p);
	return true;
}
