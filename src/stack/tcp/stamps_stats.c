/* SOF_TIMESTAMPING_OPT_STATS: what a connection knows of itself when a stamp is made, as netlink attributes. Those that it does not keep are 0. */
#include <linux/tcp.h>
#include "stack/socket/option.h"
#include "stack/tcp/conn.h"

enum { TIMEOUT_REHASH = 23, EDT = 25, TTL, REHASH };   /* TCP_NLA_*, of newer headers, too */

struct attr { uint16_t type, size; uint64_t value; };

static size_t put(uint8_t *at, const struct attr *a)
{
	uint16_t head[2] = {(uint16_t)(sizeof head + a->size), a->type};
	size_t whole = sizeof head + ((a->size + 3u) & ~3u);

	memset(at, 0, whole);
	memcpy(at, head, sizeof head);
	memcpy(at + sizeof head, &a->value, a->size);
	return whole;
}

size_t stamps_stats(const struct tcp_sock *conn, const struct segment *g, uint8_t ret[STAMPS_STATS_MAX])
{
	struct tcp_info i = {0};
	socklen_t info_len = sizeof i;
	uint32_t rehashes = conn->figures ? conn->figures->rehashes : 0;
	size_t len = 0;

	sock_getsockopt((struct sock *)&conn->inet.sk, IPPROTO_TCP, TCP_INFO, &i, &info_len);
	const struct attr attrs[] = {
		{TCP_NLA_BUSY, 8, i.tcpi_busy_time}, {TCP_NLA_RWND_LIMITED, 8, i.tcpi_rwnd_limited}, {TCP_NLA_SNDBUF_LIMITED, 8, i.tcpi_sndbuf_limited},
		{TCP_NLA_DATA_SEGS_OUT, 8, i.tcpi_data_segs_out}, {TCP_NLA_TOTAL_RETRANS, 8, i.tcpi_total_retrans},
		{TCP_NLA_PACING_RATE, 8, i.tcpi_pacing_rate}, {TCP_NLA_DELIVERY_RATE, 8, i.tcpi_delivery_rate}, {TCP_NLA_SND_CWND, 4, i.tcpi_snd_cwnd},
		{TCP_NLA_REORDERING, 4, i.tcpi_reordering}, {TCP_NLA_MIN_RTT, 4, i.tcpi_min_rtt}, {TCP_NLA_RECUR_RETRANS, 1, i.tcpi_retransmits},
		{TCP_NLA_DELIVERY_RATE_APP_LMT, 1, i.tcpi_delivery_rate_app_limited}, {TCP_NLA_SND_SSTHRESH, 4, i.tcpi_snd_ssthresh},
		{TCP_NLA_DELIVERED, 4, i.tcpi_delivered}, {TCP_NLA_DELIVERED_CE, 4, i.tcpi_delivered_ce},
		{TCP_NLA_SNDQ_SIZE, 4, snd_end(conn) - conn->snd.una}, {TCP_NLA_CA_STATE, 1, i.tcpi_ca_state}, {TCP_NLA_BYTES_SENT, 8, i.tcpi_bytes_sent},
		{TCP_NLA_BYTES_RETRANS, 8, i.tcpi_bytes_retrans}, {TCP_NLA_DSACK_DUPS, 4, i.tcpi_dsack_dups}, {TCP_NLA_REORD_SEEN, 4, i.tcpi_reord_seen},
		{TCP_NLA_SRTT, 4, i.tcpi_rtt}, {TIMEOUT_REHASH, 2, rehashes}, {TCP_NLA_BYTES_NOTSENT, 4, i.tcpi_notsent_bytes},
		{EDT, 8, (uint64_t)conn_now(conn)}, {TTL, 1, g && g->p ? g->p->ttl : 0}, {REHASH, 4, rehashes},
	};
	for (size_t n = 0; n < ARRAY_SIZE(attrs); n++)
		if (attrs[n].type != TTL || g) len += put(ret + len, &attrs[n]);
	return len;
}
