/* The options that scripts set, and the fields of TCP_INFO that they look at. */
#include "lang.h"

const struct word_number script_options[] = {
	{"nodelay", IPPROTO_TCP, TCP_NODELAY}, {"cork", IPPROTO_TCP, TCP_CORK}, {"maxseg", IPPROTO_TCP, TCP_MAXSEG}, {"quickack", IPPROTO_TCP, TCP_QUICKACK},
	{"keepidle", IPPROTO_TCP, TCP_KEEPIDLE}, {"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL}, {"keepcnt", IPPROTO_TCP, TCP_KEEPCNT},
	{"syncnt", IPPROTO_TCP, TCP_SYNCNT}, {"linger2", IPPROTO_TCP, TCP_LINGER2}, {"defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT},
	{"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT}, {"window_clamp", IPPROTO_TCP, TCP_WINDOW_CLAMP}, {"keepalive", SOL_SOCKET, SO_KEEPALIVE},
	{"rcvbuf", SOL_SOCKET, SO_RCVBUF},
	{"sndbuf", SOL_SOCKET, SO_SNDBUF}, {"rcvlowat", SOL_SOCKET, SO_RCVLOWAT}, {"oobinline", SOL_SOCKET, SO_OOBINLINE},
	{"error", SOL_SOCKET, SO_ERROR}, {"priority", SOL_SOCKET, SO_PRIORITY},
	{"notsent_lowat", IPPROTO_TCP, TCP_NOTSENT_LOWAT}, {"thin_linear", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS}, {"save_syn", IPPROTO_TCP, TCP_SAVE_SYN},
	{"timestamp", IPPROTO_TCP, TCP_TIMESTAMP}, {"rto_max", IPPROTO_TCP, 44 /* TCP_RTO_MAX_MS, of Linux 6.15 */}, {"tos", IPPROTO_IP, IP_TOS},
	{"ttl", IPPROTO_IP, IP_TTL}, {"hops", IPPROTO_IPV6, IPV6_UNICAST_HOPS}, {"tclass", IPPROTO_IPV6, IPV6_TCLASS}, {0},
};

/* level: the size. */
#define FIELD(name) {#name, sizeof ((struct tcp_info *)0)->tcpi_##name, offsetof(struct tcp_info, tcpi_##name)}

const struct word_number info_fields[] = {
	FIELD(state), FIELD(ca_state), FIELD(retransmits), FIELD(probes), FIELD(backoff), FIELD(options), FIELD(rto), FIELD(ato), FIELD(snd_mss),
	FIELD(rcv_mss),
	FIELD(unacked), FIELD(sacked), FIELD(lost), FIELD(retrans), FIELD(pmtu), FIELD(rcv_ssthresh), FIELD(snd_ssthresh), FIELD(snd_cwnd), FIELD(advmss),
	FIELD(reordering), FIELD(rcv_rtt), FIELD(rcv_space), FIELD(total_retrans), FIELD(bytes_acked), FIELD(bytes_received), FIELD(segs_out), FIELD(segs_in),
	FIELD(notsent_bytes), FIELD(data_segs_in), FIELD(data_segs_out), FIELD(delivered), FIELD(delivered_ce), FIELD(bytes_sent), FIELD(bytes_retrans),
	FIELD(dsack_dups), FIELD(reord_seen), FIELD(rcv_ooopack), FIELD(snd_wnd), {0},
};
