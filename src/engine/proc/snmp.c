/* snmp, snmp6, tls_stat: what was counted, in Linux's columns. A column of what never happens here is 0 all the time. */
#include <netinet/ip_icmp.h>
#include "engine/proc/proc.h"
#include "stack/core/sysctl.h"
#include "stack/inet/facts.h"
#include "stack/inet/mib.h"

#define TCP_ESTABLISHED 1
#define TCP_CLOSE_WAIT 8

typedef unsigned long long ull;

static void put_lines(struct text *t, const struct column *c, size_t n)
{
	for (size_t i = 0; i < n; i++) text_add(t, "%-32s\t%llu\n", c[i].name, c[i].n);
}

static ull dropped(const struct stack *s, enum mib_family f, enum drop_reason a, enum drop_reason b) { return s->mib->drops[f][a] + s->mib->drops[f][b]; }

static ull fragments_lost(const struct stack *s, enum mib_family f)
{
	return dropped(s, f, DROP_FRAG_BAD, DROP_FRAG_OVERLAP) + dropped(s, f, DROP_FRAG_LIMIT, DROP_FRAG_TIMEOUT);
}

static ull header_errors(const struct stack *s, enum mib_family f)
{
	return dropped(s, f, DROP_IP_BAD, DROP_IP_CSUM) - s->mib->ip[f].truncated + s->mib->ip[f].hops_used;
}

static void put_ip(const struct stack *s, struct text *t)
{
	const struct mib_ip *ip = &s->mib->ip[MIB_V4];
	const struct column c[] = {
		{"Forwarding", s->sysctl->all.forwarding ? 1 : 2}, {"DefaultTTL", (ull)s->sysctl->ip_default_ttl}, {"InReceives", ip->received},
		{"InHdrErrors", header_errors(s, MIB_V4)}, {"InAddrErrors", dropped(s, MIB_V4, DROP_IP_MARTIAN, DROP_IP_NOT_FORWARDING)},
		{"ForwDatagrams", ip->forwarded}, {"InUnknownProtos", ip->unknown}, {"InDiscards", 0}, {"InDelivers", ip->delivered},
		{"OutRequests", ip->sent}, {"OutDiscards", 0}, {"OutNoRoutes", ip->no_routes}, {"ReasmTimeout", s->mib->drops[MIB_V4][DROP_FRAG_TIMEOUT]},
		{"ReasmReqds", ip->asked_reassembly}, {"ReasmOKs", ip->reassembled}, {"ReasmFails", fragments_lost(s, MIB_V4)}, {"FragOKs", ip->cut},
		{"FragFails", s->mib->drops[MIB_V4][DROP_IP_TOO_BIG]}, {"FragCreates", ip->pieces},
		{"OutTransmits", ip->out.packets},
	};
	proc_columns(t, "Ip", c, ARRAY_SIZE(c));
}

static void put_icmp(const struct stack *s, struct text *t)
{
	const struct mib_icmp *m = &s->mib->icmp[MIB_V4];
	const uint32_t *in = m->received_of, *out = m->sent_of;
	ull bad = dropped(s, MIB_V4, DROP_ICMP_BAD, DROP_ICMP_TYPE), csum = s->mib->drops[MIB_V4][DROP_ICMP_CSUM];
	const struct column c[] = {
		{"InMsgs", m->received}, {"InErrors", bad + csum}, {"InCsumErrors", csum}, {"InDestUnreachs", in[ICMP_UNREACH]},
		{"InTimeExcds", in[ICMP_TIMXCEED]}, {"InParmProbs", in[ICMP_PARAMPROB]}, {"InSrcQuenchs", in[ICMP_SOURCEQUENCH]},
		{"InRedirects", in[ICMP_REDIRECT]}, {"InEchos", in[ICMP_ECHO]}, {"InEchoReps", in[ICMP_ECHOREPLY]}, {"InTimestamps", in[ICMP_TSTAMP]},
		{"InTimestampReps", in[ICMP_TSTAMPREPLY]}, {"InAddrMasks", in[ICMP_MASKREQ]}, {"InAddrMaskReps", in[ICMP_MASKREPLY]}, {"OutMsgs", m->sent},
		{"OutErrors", 0}, {"OutRateLimitGlobal", 0}, {"OutRateLimitHost", 0}, {"OutDestUnreachs", out[ICMP_UNREACH]},
		{"OutTimeExcds", out[ICMP_TIMXCEED]}, {"OutParmProbs", out[ICMP_PARAMPROB]}, {"OutSrcQuenchs", out[ICMP_SOURCEQUENCH]},
		{"OutRedirects", out[ICMP_REDIRECT]}, {"OutEchos", out[ICMP_ECHO]}, {"OutEchoReps", out[ICMP_ECHOREPLY]}, {"OutTimestamps", out[ICMP_TSTAMP]},
		{"OutTimestampReps", out[ICMP_TSTAMPREPLY]}, {"OutAddrMasks", out[ICMP_MASKREQ]}, {"OutAddrMaskReps", out[ICMP_MASKREPLY]},
	};
	proc_columns(t, "Icmp", c, ARRAY_SIZE(c));
}

/* A column for each type that there was. */
static void put_icmp_types(const struct mib_icmp *m, struct text *t)
{
	if (m->received + m->sent == 0) return;
	text_add(t, "IcmpMsg:");
	for (int i = 0; i < 256; i++) if (m->received_of[i]) text_add(t, " InType%d", i);
	for (int i = 0; i < 256; i++) if (m->sent_of[i]) text_add(t, " OutType%d", i);
	text_add(t, "\nIcmpMsg:");
	for (int i = 0; i < 256; i++) if (m->received_of[i]) text_add(t, " %u", m->received_of[i]);
	for (int i = 0; i < 256; i++) if (m->sent_of[i]) text_add(t, " %u", m->sent_of[i]);
	text_add(t, "\n");
}

static void count_established(void *arg, const struct inet_facts *f) { *(ull *)arg += f->state == TCP_ESTABLISHED || f->state == TCP_CLOSE_WAIT; }

static ull both(const struct stack *s, enum drop_reason why) { return s->mib->drops[MIB_V4][why] + s->mib->drops[MIB_V6][why]; }

static void put_tcp(struct stack *s, struct text *t)
{
	ull established = 0;
	inet_facts_walk(s, IPPROTO_TCP, count_established, &established);
	const struct column first[] = {{"RtoAlgorithm", 1}, {"RtoMin", 200}, {"RtoMax", 120000}};
	const struct column c[] = {
		{"ActiveOpens", s->mib->tcp.active_opens}, {"PassiveOpens", s->mib->tcp.passive_opens}, {"AttemptFails", s->mib->tcp.attempt_fails},
		{"EstabResets", s->mib->tcp.established_resets}, {"CurrEstab", established}, {"InSegs", s->mib->tcp.received},
		{"OutSegs", s->mib->tcp.sent - MIN(s->tcp_retransmits, s->mib->tcp.sent)}, {"RetransSegs", s->tcp_retransmits},
		{"InErrs", both(s, DROP_TCP_BAD) + both(s, DROP_TCP_CSUM)}, {"OutRsts", s->mib->tcp.resets_sent}, {"InCsumErrors", both(s, DROP_TCP_CSUM)},
	};
	/* MaxConn is -1: there is no bound. */
	text_add(t, "Tcp:");
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) text_add(t, " %s", first[i].name);
	text_add(t, " MaxConn");
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) text_add(t, " %s", c[i].name);
	text_add(t, "\nTcp:");
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) text_add(t, " %llu", first[i].n);
	text_add(t, " -1");
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) text_add(t, " %llu", c[i].n);
	text_add(t, "\n");
}

struct udp_figures { ull in, no_ports, errors, full, csum; };

/* Drops of UDP and UDP-Lite are counted as UDP's. */
static struct udp_figures udp_figures(const struct stack *s, enum mib_family f)
{
	struct udp_figures u = {.in = s->mib->udp[f].received, .no_ports = s->mib->drops[f][DROP_UDP_NO_SOCKET], .full = s->mib->drops[f][DROP_SOCK_RCVBUF],
				.csum = s->mib->drops[f][DROP_UDP_CSUM]};
	u.errors = u.full + u.csum + s->mib->drops[f][DROP_UDP_BAD];
	u.in -= MIN(u.in, u.no_ports + u.errors);
	return u;
}

static void put_udp(const struct stack *s, struct text *t)
{
	struct udp_figures u = udp_figures(s, MIB_V4);
	const struct column c[] = {{"InDatagrams", u.in}, {"NoPorts", u.no_ports}, {"InErrors", u.errors}, {"OutDatagrams", s->mib->udp[MIB_V4].sent},
				   {"RcvbufErrors", u.full}, {"SndbufErrors", 0}, {"InCsumErrors", u.csum}, {"IgnoredMulti", 0}, {"MemErrors", 0}};
	const struct column lite[] = {{"InDatagrams", s->mib->udplite[MIB_V4].received}, {"NoPorts", 0}, {"InErrors", 0},
				      {"OutDatagrams", s->mib->udplite[MIB_V4].sent}, {"RcvbufErrors", 0}, {"SndbufErrors", 0}, {"InCsumErrors", 0},
				      {"IgnoredMulti", 0}, {"MemErrors", 0}};
	proc_columns(t, "Udp", c, ARRAY_SIZE(c));
	proc_columns(t, "UdpLite", lite, ARRAY_SIZE(lite));
}

static void snmp(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	put_ip(s, p->t);
	put_icmp(s, p->t);
	put_icmp_types(&s->mib->icmp[MIB_V4], p->t);
	put_tcp(s, p->t);
	put_udp(s, p->t);
}

static void put_ip6(const struct stack *s, struct text *t)
{
	const struct mib_ip *ip = &s->mib->ip[MIB_V6];
	const struct column c[] = {
		{"Ip6InReceives", ip->received}, {"Ip6InHdrErrors", header_errors(s, MIB_V6)}, {"Ip6InTooBigErrors", ip->too_big},
		{"Ip6InNoRoutes", ip->in_no_routes}, {"Ip6InAddrErrors", dropped(s, MIB_V6, DROP_IP_MARTIAN, DROP_IP_NOT_FORWARDING)},
		{"Ip6InUnknownProtos", ip->unknown}, {"Ip6InTruncatedPkts", 0}, {"Ip6InDiscards", s->mib->drops[MIB_V6][DROP_IP_DISABLED]},
		{"Ip6InDelivers", ip->delivered}, {"Ip6OutForwDatagrams", ip->forwarded}, {"Ip6OutRequests", ip->sent}, {"Ip6OutDiscards", 0},
		{"Ip6OutNoRoutes", ip->no_routes}, {"Ip6ReasmTimeout", s->mib->drops[MIB_V6][DROP_FRAG_TIMEOUT]}, {"Ip6ReasmReqds", ip->asked_reassembly},
		{"Ip6ReasmOKs", ip->reassembled}, {"Ip6ReasmFails", fragments_lost(s, MIB_V6)}, {"Ip6FragOKs", ip->cut},
		{"Ip6FragFails", s->mib->drops[MIB_V6][DROP_IP_TOO_BIG]}, {"Ip6FragCreates", ip->pieces}, {"Ip6InMcastPkts", ip->in_groups.packets},
		{"Ip6OutMcastPkts", ip->out_groups.packets}, {"Ip6InOctets", ip->in_octets}, {"Ip6OutOctets", ip->out.octets},
		{"Ip6InMcastOctets", ip->in_groups.octets}, {"Ip6OutMcastOctets", ip->out_groups.octets}, {"Ip6InBcastOctets", 0}, {"Ip6OutBcastOctets", 0},
		{"Ip6InNoECTPkts", ip->in_ecn[0]}, {"Ip6InECT1Pkts", ip->in_ecn[1]}, {"Ip6InECT0Pkts", ip->in_ecn[2]}, {"Ip6InCEPkts", ip->in_ecn[3]},
		{"Ip6OutTransmits", ip->out.packets},
	};
	put_lines(t, c, ARRAY_SIZE(c));
}

/* Those that have names, and then each that there was. */
static void put_icmp6_types(const struct mib_icmp *m, struct text *t)
{
	static const struct { const char *name; uint8_t type; } types[] = {
		{"DestUnreachs", 1}, {"PktTooBigs", 2}, {"TimeExcds", 3}, {"ParmProblems", 4}, {"Echos", 128}, {"EchoReplies", 129},
		{"GroupMembQueries", 130}, {"GroupMembResponses", 131}, {"GroupMembReductions", 132}, {"RouterSolicits", 133},
		{"RouterAdvertisements", 134}, {"NeighborSolicits", 135}, {"NeighborAdvertisements", 136}, {"Redirects", 137}, {"MLDv2Reports", 143},
	};
	for (int out = 0; out <= 1; out++)
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			text_add(t, "Icmp6%s%-*s\t%u\n", out ? "Out" : "In", out ? 24 : 25, types[i].name, (out ? m->sent_of : m->received_of)[types[i].type]);
	for (int out = 0; out <= 1; out++)
		for (int i = 0; i < 256; i++) {
			uint32_t n = (out ? m->sent_of : m->received_of)[i];
			if (n) text_add(t, "Icmp6%sType%-*d\t%u\n", out ? "Out" : "In", out ? 20 : 21, i, n);
		}
}

static void put_icmp6(const struct stack *s, struct text *t)
{
	const struct mib_icmp *m = &s->mib->icmp[MIB_V6];
	ull csum = s->mib->drops[MIB_V6][DROP_ICMP_CSUM];
	const struct column c[] = {
		{"Icmp6InMsgs", m->received}, {"Icmp6InErrors", s->mib->drops[MIB_V6][DROP_ICMP_BAD] + csum}, {"Icmp6OutMsgs", m->sent},
		{"Icmp6OutErrors", 0}, {"Icmp6InCsumErrors", csum}, {"Icmp6OutRateLimitHost", 0},
	};
	put_lines(t, c, ARRAY_SIZE(c));
	put_icmp6_types(m, t);
}

static void put_udp6(const struct stack *s, struct text *t)
{
	struct udp_figures u = udp_figures(s, MIB_V6);
	const struct column c[] = {
		{"Udp6InDatagrams", u.in}, {"Udp6NoPorts", u.no_ports}, {"Udp6InErrors", u.errors}, {"Udp6OutDatagrams", s->mib->udp[MIB_V6].sent},
		{"Udp6RcvbufErrors", u.full}, {"Udp6SndbufErrors", 0}, {"Udp6InCsumErrors", u.csum}, {"Udp6IgnoredMulti", 0}, {"Udp6MemErrors", 0},
		{"UdpLite6InDatagrams", s->mib->udplite[MIB_V6].received}, {"UdpLite6NoPorts", 0}, {"UdpLite6InErrors", 0},
		{"UdpLite6OutDatagrams", s->mib->udplite[MIB_V6].sent}, {"UdpLite6RcvbufErrors", 0}, {"UdpLite6SndbufErrors", 0},
		{"UdpLite6InCsumErrors", 0}, {"UdpLite6MemErrors", 0},
	};
	put_lines(t, c, ARRAY_SIZE(c));
}

static void snmp6(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	put_ip6(s, p->t);
	put_icmp6(s, p->t);
	put_udp6(s, p->t);
}

static void tls_stat(struct stack *s, struct page *p)
{
	if (!page_takes(p)) return;
	const typeof(s->mib->tls) *m = &s->mib->tls;
	const struct column c[] = {
		{"TlsCurrTxSw", m->now[1]}, {"TlsCurrRxSw", m->now[0]}, {"TlsCurrTxDevice", 0}, {"TlsCurrRxDevice", 0}, {"TlsTxSw", m->set[1]},
		{"TlsRxSw", m->set[0]}, {"TlsTxDevice", 0}, {"TlsRxDevice", 0}, {"TlsDecryptError", m->decrypt_errors}, {"TlsRxDeviceResync", 0},
		{"TlsDecryptRetry", m->padded}, {"TlsRxNoPadViolation", m->padded}, {"TlsRxRekeyOk", m->rekeyed[0]}, {"TlsRxRekeyError", m->rekey_errors[0]},
		{"TlsTxRekeyOk", m->rekeyed[1]}, {"TlsTxRekeyError", m->rekey_errors[1]}, {"TlsRxRekeyReceived", m->key_updates},
	};
	put_lines(p->t, c, ARRAY_SIZE(c));
}

const struct proc_file proc_snmp_files[] = {{"snmp", snmp}, {"snmp6", snmp6}, {"tls_stat", tls_stat}, {NULL, NULL}};
