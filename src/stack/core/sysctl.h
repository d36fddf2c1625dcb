/* The stack's settings, by Linux's sysctl names: one row each in sysctl.c (name, range, field). Units are Linux's unless the field says otherwise. */
#pragma once
#include "base/list.h"
#include "base/siphash.h"
#include "stack/core/netconf.h"

/* Fast Open: the first makes cookies, either proves one. */
struct fastopen_keys { struct siphash_key key[2]; uint32_t n; };

/* tcp_recovery. Linux by now has no other loss detection than RACK, whatever the first says. */
#define TCP_RECOVERY_RACK 1
#define TCP_RECOVERY_STATIC_WINDOW 2         /* D-SACKs make the reordering window no wider */
#define TCP_RECOVERY_NO_DUPTHRESH 4          /* … and three later ones do not close it */

struct sysctl {
	int ip_default_ttl;                  /* net.ipv4.ip_default_ttl */
	struct netconf all, initial;          /* net.ipv4.conf.all and .default, and so on */
	struct stack *stack;                 /* whose interfaces have the rest; NULL: settings that nobody uses */
	int router_advertisements_s;         /* sockland.router_advertisements: how often a forwarding host sends them; 0: never */
	int ip_local_port_min, ip_local_port_max;
	int ip_unprivileged_port_start;      /* 0: every port is free to take */
	int ip_no_pmtu_disc, ip_early_demux, tcp_early_demux, udp_early_demux;
	int bindv6only, ip_nonlocal_bind, ip6_nonlocal_bind;
	int unix_max_dgram_qlen;             /* net.unix.* */
	int somaxconn;
	int core_rmem_default, core_rmem_max, core_wmem_default, core_wmem_max;
	int tcp_rmem[3], tcp_wmem[3];
	int tcp_syn_retries, tcp_synack_retries, tcp_retries1, tcp_retries2, tcp_orphan_retries;
	int tcp_fin_timeout_s;
	int tcp_keepalive_time_s, tcp_keepalive_intvl_s, tcp_keepalive_probes;
	int tcp_window_scaling, tcp_timestamps, tcp_sack, tcp_dsack;
	int tcp_ecn, tcp_frto, tcp_early_retrans, tcp_reordering, tcp_max_reordering, tcp_retrans_collapse, tcp_slow_start_after_idle;
	int tcp_ecn_fallback, tcp_reflect_tos, tcp_stdurg, tcp_recovery, tcp_no_metrics_save;
	int tcp_moderate_rcvbuf, tcp_shrink_window, tcp_invalid_ratelimit_ms;
	int tcp_congestion_control;          /* the controller's place in the table of stack/tcp/congestion.c */
	int tcp_max_syn_backlog, tcp_abort_on_overflow, tcp_rfc1337, tcp_tw_reuse;
	int tcp_fastopen, tcp_fastopen_blackhole_timeout_s;
	struct fastopen_keys tcp_fastopen_keys;      /* none: drawn when first needed */
	int tcp_mtu_probing, tcp_base_mss, tcp_mtu_probe_floor, tcp_probe_interval_s, tcp_probe_threshold;
	int mptcp_enabled, mptcp_checksum_enabled, mptcp_allow_join_initial_addr_port, mptcp_syn_retrans_before_tcp_fallback;
	int mptcp_add_addr_timeout_s, mptcp_close_timeout_s, mptcp_stale_loss_cnt;
	int tcp_min_snd_mss, tcp_rto_min_us, tcp_rto_max_ms, tcp_pingpong_thresh, tcp_thin_linear_timeouts, tcp_min_rtt_wlen_s;
	int tcp_comp_sack_nr, tcp_comp_sack_delay_ns, tcp_min_tso_segs, tcp_tso_rtt_log, tcp_tso_win_divisor;
	int tcp_max_tw_buckets, tcp_max_orphans, tcp_tw_reuse_delay_ms;
	uint32_t tcp_notsent_lowat;
	int tcp_syn_linear_timeouts, tcp_syncookies, tcp_pacing_ss_ratio, tcp_pacing_ca_ratio;
	int privileged;                      /* sockland.privileged: programs have CAP_NET_RAW and CAP_NET_ADMIN over their host */
	int icmp_echo_ignore_all, icmp_echo_ignore_broadcasts;       /* net.ipv4.* */
	int icmp_ratelimit_ms, icmp_ratemask;                        /* one of the types in the mask to each destination so often; 0: no limit */
	int icmp6_echo_ignore_all, icmp6_echo_ignore_multicast, icmp6_ratelimit_ms;      /* net.ipv6.icmp.* */
	int route_min_pmtu, route_mtu_expires_s, route_min_adv_mss;  /* net.ipv4.route.* */
	int route6_mtu_expires_s;
	int ping_gid_min, ping_gid_max;      /* who may have ICMP datagram sockets; the host looks at the groups of him who asks */
	int ipfrag_high_thresh, ipfrag_time_s, ip6frag_time_s;
	int igmp_max_memberships, igmp_max_msf, mld_max_msf;
};
#define SYSCTL_TEXT_MAX 256         /* of any value */
struct sysctl *sysctl_new(void);                                   /* Linux's defaults; NULL when out of memory */
int sysctl_set(struct sysctl *s, const char *name, const char *value); /* -ENOENT, -EINVAL, -EACCES */
/* The same of a text with whatever in it, and a NUL behind it. c: as with netconf_set(), or NULL */
int sysctl_write(struct sysctl *s, struct netconf *c, const char *name, const char *text, size_t len);
void sysctl_set_router(struct sysctl *s, bool on);                 /* forwarding of both families, and what comes with it */
int sysctl_get(const struct sysctl *s, const char *name, char *buf, size_t size); /* length, or -ENOENT */
/* Of what one interface has, as net.ipv4.conf.eth0.rp_filter: the row's name, with "*" for it; NULL: it is none of those. ret_ifname: of size octets */
const char *sysctl_of_interface(const char *name, char *ret_ifname, size_t size);
const char *sysctl_name(size_t i);                                 /* of every row in turn; NULL: there are no more */
bool sysctl_is_fixed(const char *name);                            /* it can't be set, or is not there */

/* The same of what each interface has, one's own or the two of struct sysctl. name: with "*" for the interface, as sysctl_name() gives it. */
int netconf_set(struct sysctl *s, struct netconf *c, const char *name, const char *value);
int netconf_get(const struct netconf *c, const char *name, char *buf, size_t size);
