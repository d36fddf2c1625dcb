/*
 * netstat: Linux's own figures, those that no standard asks for. Of TCP's there are those that are counted here, and those of what can't happen; of IP's,
 * all of IPv4's.
 */
#include "engine/proc/proc.h"
#include "stack/inet/mib.h"

#define X(name) #name,
static const char *const tcp_names[] = {MIB_TCP_EXT(X)};
#undef X

static void tcp_ext(const struct mib *m, struct text *t)
{
	text_add(t, "TcpExt:");
	for (size_t i = 0; i < ARRAY_SIZE(tcp_names); i++) text_add(t, " %s", tcp_names[i]);
	text_add(t, "\nTcpExt:");
	for (size_t i = 0; i < ARRAY_SIZE(tcp_names); i++) text_add(t, " %llu", (unsigned long long)m->tcp_ext[i]);
	text_add(t, "\n");
}

static void ip_ext(const struct mib *m, struct text *t)
{
	const struct mib_ip *ip = &m->ip[MIB_V4];
	const struct column c[] = {
		{"InNoRoutes", ip->in_no_routes}, {"InTruncatedPkts", ip->truncated}, {"InMcastPkts", ip->in_groups.packets},
		{"OutMcastPkts", ip->out_groups.packets}, {"InBcastPkts", ip->in_broadcasts.packets}, {"OutBcastPkts", ip->out_broadcasts.packets},
		{"InOctets", ip->in_octets}, {"OutOctets", ip->out.octets}, {"InMcastOctets", ip->in_groups.octets},
		{"OutMcastOctets", ip->out_groups.octets}, {"InBcastOctets", ip->in_broadcasts.octets}, {"OutBcastOctets", ip->out_broadcasts.octets},
		{"InCsumErrors", m->drops[MIB_V4][DROP_IP_CSUM]}, {"InNoECTPkts", ip->in_ecn[0]}, {"InECT1Pkts", ip->in_ecn[1]},
		{"InECT0Pkts", ip->in_ecn[2]}, {"InCEPkts", ip->in_ecn[3]}, {"ReasmOverlaps", m->drops[MIB_V4][DROP_FRAG_OVERLAP]},
	};
	proc_columns(t, "IpExt", c, ARRAY_SIZE(c));
}

static void netstat(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	tcp_ext(s->mib, p->t);
	ip_ext(s->mib, p->t);
}

const struct proc_file proc_netstat_files[] = {{"netstat", netstat}, {NULL, NULL}};
