/* The settings of a stack: a row for each, with Linux's name, default and range. */
#include "stack/core/sysctl.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl_text.h"

/* A setting is one to three ints that lie side by side in struct sysctl, or, where each interface has its own, in struct netconf. */
struct row {
	const char *name;          /* own: with "*" for the interface */
	bool own;
	bool follows_default;      /* … and interfaces may follow that of "default" */
	uint16_t offset;
	uint8_t count;
	bool is_range;             /* of ports: two, the first of which may not exceed the second */
	int min, max;
	int def[3];
	bool is_groups;            /* two group ids; the first above the second: nobody's */
	const char *words[3];      /* a setting by name: the field is which of them */
	bool is_unsigned;          /* any of 32 bits */
	const char *fixed;         /* it says so, and can't be set */
	bool told;                 /* by the stack: can't be set */
	bool keys;                 /* one or two keys of 16 octets: xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx,… */
};

#define AT(f) .offset = offsetof(struct sysctl, f)
#define OWN(f) .offset = offsetof(struct netconf, f), .own = true
#define ONE(n, f, lo, hi, d) {.name = n, AT(f), .count = 1, .min = lo, .max = hi, .def = {d}}
/* What each interface has of its own. Linux looks at no limits of most, and takes any number for yes. */
#define IFACE(n, f, lo, hi, d) {.name = n, OWN(f), .count = 1, .min = lo, .max = hi, .def = {d}}
#define ANY(n, f, d) IFACE(n, f, INT_MIN, INT_MAX, d)
#define FOLLOWING(n, f, lo, hi, d) {.name = n, OWN(f), .follows_default = true, .count = 1, .min = lo, .max = hi, .def = {d}}
#define SWITCH4(f) FOLLOWING("net.ipv4.conf.*." #f, f, INT_MIN, INT_MAX, 0)
#define NEIGH(family, f) \
	FOLLOWING(family ".neigh.*.base_reachable_time_ms", f.base_reachable_time_ms, 1, INT_MAX, 30000), \
	FOLLOWING(family ".neigh.*.retrans_time_ms", f.retrans_time_ms, 1, INT_MAX, 1000), \
	FOLLOWING(family ".neigh.*.delay_first_probe_time", f.delay_first_probe_time_s, 0, INT_MAX / 1000, 5), \
	FOLLOWING(family ".neigh.*.ucast_solicit", f.ucast_solicit, 0, UINT8_MAX, 3), \
	FOLLOWING(family ".neigh.*.mcast_solicit", f.mcast_solicit, 0, UINT8_MAX, 3), \
	FOLLOWING(family ".neigh.*.unres_qlen", f.unres_qlen, 0, INT_MAX, 101)
#define THREE(n, f, lo, d0, d1, d2) {.name = n, AT(f), .count = 3, .min = lo, .max = INT_MAX, .def = {d0, d1, d2}}

static const struct row rows[] = {
	ONE("net.ipv4.ip_default_ttl", ip_default_ttl, 1, 255, 64),
	ONE("net.ipv4.ip_forward", all.forwarding, INT_MIN, INT_MAX, 0),
	ANY("net.ipv4.conf.*.forwarding", forwarding, 0),
	ANY("net.ipv6.conf.*.forwarding", forwarding6, 0),
	ANY("net.ipv6.conf.*.disable_ipv6", disable_ipv6, 0),
	{.name = "net.ipv4.conf.*.mc_forwarding", OWN(mc_forwarding), .count = 1, .told = true},
	{.name = "net.ipv6.conf.*.mc_forwarding", OWN(mc_forwarding6), .count = 1, .told = true},
	FOLLOWING("net.ipv4.conf.*.rp_filter", rp_filter, INT_MIN, INT_MAX, 0),
	ANY("net.ipv6.conf.*.accept_ra", accept_ra, 1),
	ANY("net.ipv6.conf.*.accept_ra_defrtr", accept_ra_defrtr, 1),
	ANY("net.ipv6.conf.*.accept_ra_pinfo", accept_ra_pinfo, 1),
	ANY("net.ipv6.conf.*.accept_ra_min_hop_limit", accept_ra_min_hop_limit, 1),
	ANY("net.ipv6.conf.*.autoconf", autoconf, 1),
	IFACE("net.ipv6.conf.*.hop_limit", hop_limit, 1, 255, 64),
	ANY("net.ipv6.conf.*.dad_transmits", dad_transmits, 1),
	SWITCH4(accept_local), SWITCH4(route_localnet), SWITCH4(arp_filter), SWITCH4(arp_accept), SWITCH4(drop_gratuitous_arp), SWITCH4(proxy_arp),
	SWITCH4(arp_ignore), SWITCH4(arp_announce), SWITCH4(log_martians),
	IFACE("net.ipv6.conf.*.router_solicitations", router_solicitations, -1, INT_MAX, -1),
	IFACE("net.ipv6.conf.*.router_solicitation_delay", router_solicitation_delay_s, 0, 86400, 1),
	IFACE("net.ipv6.conf.*.router_solicitation_interval", router_solicitation_interval_s, 1, 86400, 4),
	IFACE("net.ipv6.conf.*.router_solicitation_max_interval", router_solicitation_max_interval_s, 1, 86400, 3600),
	FOLLOWING("net.ipv4.conf.*.accept_redirects", accept_redirects, INT_MIN, INT_MAX, 1),
	FOLLOWING("net.ipv4.conf.*.secure_redirects", secure_redirects, INT_MIN, INT_MAX, 1),
	FOLLOWING("net.ipv4.conf.*.shared_media", shared_media, INT_MIN, INT_MAX, 1),
	FOLLOWING("net.ipv4.conf.*.send_redirects", send_redirects, INT_MIN, INT_MAX, 1),
	ANY("net.ipv6.conf.*.accept_redirects", accept_redirects6, 1),
	ONE("sockland.router_advertisements", router_advertisements_s, 0, 1800, 0),
	{.name = "net.ipv4.ip_local_port_range", AT(ip_local_port_min), .count = 2, .is_range = true, .min = 1, .max = 65535, .def = {32768, 60999}},
	/* Linux says 1024; nobody is root here, and every port of a virtual host is free to take. */
	ONE("net.ipv4.ip_unprivileged_port_start", ip_unprivileged_port_start, 0, 65535, 0),
	ONE("net.ipv4.ip_no_pmtu_disc", ip_no_pmtu_disc, 0, 1, 0),
	/* How the kernel finds its way, which no program sees. */
	ONE("net.ipv4.ip_early_demux", ip_early_demux, 0, 255, 1),
	ONE("net.ipv4.tcp_early_demux", tcp_early_demux, 0, 255, 1),
	ONE("net.ipv4.udp_early_demux", udp_early_demux, 0, 255, 1),
	ONE("net.ipv4.ip_nonlocal_bind", ip_nonlocal_bind, 0, 1, 0),
	ONE("net.ipv6.ip_nonlocal_bind", ip6_nonlocal_bind, 0, 1, 0),
	ONE("net.ipv6.bindv6only", bindv6only, 0, 1, 0),
	ONE("net.unix.max_dgram_qlen", unix_max_dgram_qlen, 0, INT_MAX, 10),
	ONE("net.core.somaxconn", somaxconn, 0, 65535, 4096),
	ONE("net.core.rmem_default", core_rmem_default, 2304, INT_MAX, 212992),
	ONE("net.core.rmem_max", core_rmem_max, 2304, INT_MAX, 212992),
	ONE("net.core.wmem_default", core_wmem_default, 4608, INT_MAX, 212992),
	ONE("net.core.wmem_max", core_wmem_max, 4608, INT_MAX, 212992),
	THREE("net.ipv4.tcp_rmem", tcp_rmem, 1, 4096, 131072, 6291456),
	THREE("net.ipv4.tcp_wmem", tcp_wmem, 1, 4096, 16384, 4194304),
	ONE("net.ipv4.tcp_syn_retries", tcp_syn_retries, 1, 127, 6),
	ONE("net.ipv4.tcp_syn_linear_timeouts", tcp_syn_linear_timeouts, 0, 127, 4),
	ONE("net.ipv4.tcp_mtu_probing", tcp_mtu_probing, 0, 2, 0),
	ONE("net.ipv4.tcp_base_mss", tcp_base_mss, 1, 32767, 1024),
	ONE("net.ipv4.tcp_mtu_probe_floor", tcp_mtu_probe_floor, 48, 65535, 48),
	ONE("net.ipv4.tcp_probe_interval", tcp_probe_interval_s, 0, INT_MAX / 1000, 600),
	ONE("net.ipv4.tcp_probe_threshold", tcp_probe_threshold, 0, INT_MAX, 8),
	ONE("net.ipv4.tcp_min_snd_mss", tcp_min_snd_mss, 48, 65535, 48),
	ONE("net.ipv4.tcp_rto_min_us", tcp_rto_min_us, 1, INT_MAX, 200000),
	ONE("net.ipv4.tcp_rto_max_ms", tcp_rto_max_ms, 1000, 120000, 120000),
	ONE("net.ipv4.tcp_pingpong_thresh", tcp_pingpong_thresh, 1, 255, 1),
	ONE("net.ipv4.tcp_thin_linear_timeouts", tcp_thin_linear_timeouts, 0, 1, 0),
	ONE("net.ipv4.tcp_min_rtt_wlen", tcp_min_rtt_wlen_s, 0, 86400, 300),
	ONE("net.ipv4.tcp_comp_sack_nr", tcp_comp_sack_nr, 0, 255, 44),
	ONE("net.ipv4.tcp_comp_sack_delay_ns", tcp_comp_sack_delay_ns, 0, INT_MAX, 1000000),
	ONE("net.ipv4.tcp_min_tso_segs", tcp_min_tso_segs, 1, 255, 2),
	ONE("net.ipv4.tcp_tso_rtt_log", tcp_tso_rtt_log, 0, 31, 9),
	ONE("net.ipv4.tcp_tso_win_divisor", tcp_tso_win_divisor, 0, 255, 3),
	ONE("net.ipv4.tcp_max_tw_buckets", tcp_max_tw_buckets, 0, INT_MAX, 65536),
	ONE("net.ipv4.tcp_max_orphans", tcp_max_orphans, 0, INT_MAX, 16384),
	ONE("net.ipv4.tcp_tw_reuse_delay", tcp_tw_reuse_delay_ms, 1, INT_MAX, 1000),
	{.name = "net.ipv4.tcp_notsent_lowat", AT(tcp_notsent_lowat), .count = 1, .is_unsigned = true, .def = {-1}},
	ONE("net.ipv4.tcp_syncookies", tcp_syncookies, 0, 2, 1),
	ONE("net.ipv4.tcp_pacing_ss_ratio", tcp_pacing_ss_ratio, 0, 1000, 200),
	ONE("net.ipv4.tcp_pacing_ca_ratio", tcp_pacing_ca_ratio, 0, 1000, 120),
	ONE("net.ipv4.tcp_fastopen", tcp_fastopen, INT_MIN, INT_MAX, 1),
	{.name = "net.ipv4.tcp_fastopen_key", AT(tcp_fastopen_keys), .keys = true},
	ONE("net.ipv4.tcp_fastopen_blackhole_timeout_sec", tcp_fastopen_blackhole_timeout_s, 0, INT_MAX, 0),
	ONE("net.ipv4.tcp_synack_retries", tcp_synack_retries, 0, 255, 5),
	ONE("net.ipv4.tcp_retries1", tcp_retries1, 0, 255, 3),
	ONE("net.ipv4.tcp_retries2", tcp_retries2, 0, 255, 15),
	ONE("net.ipv4.tcp_orphan_retries", tcp_orphan_retries, 0, 255, 0),
	ONE("net.ipv4.tcp_fin_timeout", tcp_fin_timeout_s, 0, INT_MAX / 1000, 60),
	ONE("net.ipv4.tcp_keepalive_time", tcp_keepalive_time_s, 0, INT_MAX / 1000, 7200),
	ONE("net.ipv4.tcp_keepalive_intvl", tcp_keepalive_intvl_s, 0, INT_MAX / 1000, 75),
	ONE("net.ipv4.tcp_keepalive_probes", tcp_keepalive_probes, 0, 255, 9),
	ONE("net.ipv4.tcp_window_scaling", tcp_window_scaling, 0, 1, 1),
	ONE("net.ipv4.tcp_timestamps", tcp_timestamps, 0, 2, 1),
	ONE("net.ipv4.tcp_sack", tcp_sack, 0, 1, 1),
	ONE("net.ipv4.tcp_dsack", tcp_dsack, 0, 1, 1),
	/* As the controllers' table in stack/tcp/congestion.c. */
	ONE("net.mptcp.enabled", mptcp_enabled, 0, 255, 1),
	ONE("net.mptcp.checksum_enabled", mptcp_checksum_enabled, 0, 1, 0),
	ONE("net.mptcp.allow_join_initial_addr_port", mptcp_allow_join_initial_addr_port, 0, 1, 1),
	ONE("net.mptcp.syn_retrans_before_tcp_fallback", mptcp_syn_retrans_before_tcp_fallback, 0, 255, 2),
	ONE("net.mptcp.add_addr_timeout", mptcp_add_addr_timeout_s, 0, INT_MAX, 120),
	ONE("net.mptcp.close_timeout", mptcp_close_timeout_s, 0, INT_MAX, 60),
	ONE("net.mptcp.stale_loss_cnt", mptcp_stale_loss_cnt, 0, INT_MAX, 4),
	{.name = "net.mptcp.pm_type", .fixed = "0"},
	{.name = "net.mptcp.path_manager", .fixed = "kernel"},
	{.name = "net.mptcp.available_path_managers", .fixed = "kernel"},
	{.name = "net.mptcp.scheduler", .fixed = "default"},
	{.name = "net.mptcp.available_schedulers", .fixed = "default"},
	{.name = "net.ipv4.tcp_congestion_control", AT(tcp_congestion_control), .count = 1, .words = {"cubic", "reno"}},
	{.name = "net.ipv4.tcp_available_congestion_control", .fixed = "reno cubic"},
	{.name = "net.ipv4.tcp_allowed_congestion_control", .fixed = "reno cubic"},
	/* Nothing is remembered of a connection for the next one. */
	ONE("net.ipv4.tcp_no_metrics_save", tcp_no_metrics_save, 1, 1, 1),
	/* They have no effect on Linux either, any more; programs read them. */
	{.name = "net.ipv4.tcp_adv_win_scale", .fixed = "1"},
	{.name = "net.ipv4.tcp_fack", .fixed = "0"},
	{.name = "net.ipv4.tcp_low_latency", .fixed = "0"},
	ONE("net.ipv4.tcp_ecn", tcp_ecn, 0, 2, 2),
	ONE("net.ipv4.tcp_ecn_fallback", tcp_ecn_fallback, 0, 1, 1),
	ONE("net.ipv4.tcp_reflect_tos", tcp_reflect_tos, 0, 1, 0),
	ONE("net.ipv4.tcp_stdurg", tcp_stdurg, 0, 1, 0),
	ONE("net.ipv4.tcp_recovery", tcp_recovery, 0, 255, TCP_RECOVERY_RACK),
	ONE("net.ipv4.tcp_frto", tcp_frto, 0, 2, 2),
	ONE("net.ipv4.tcp_early_retrans", tcp_early_retrans, 0, 4, 3),
	ONE("net.ipv4.tcp_reordering", tcp_reordering, 1, 127, 3),
	ONE("net.ipv4.tcp_max_reordering", tcp_max_reordering, 1, 65535, 300),
	ONE("net.ipv4.tcp_retrans_collapse", tcp_retrans_collapse, 0, 1, 1),
	ONE("net.ipv4.tcp_slow_start_after_idle", tcp_slow_start_after_idle, 0, 1, 1),
	ONE("net.ipv4.tcp_moderate_rcvbuf", tcp_moderate_rcvbuf, 0, 1, 1),
	ONE("net.ipv4.tcp_shrink_window", tcp_shrink_window, 0, 1, 0),
	ONE("net.ipv4.tcp_invalid_ratelimit", tcp_invalid_ratelimit_ms, 0, INT_MAX, 500),
	ONE("net.ipv4.tcp_max_syn_backlog", tcp_max_syn_backlog, 0, INT_MAX, 1024),
	ONE("net.ipv4.tcp_abort_on_overflow", tcp_abort_on_overflow, 0, 1, 0),
	ONE("net.ipv4.tcp_rfc1337", tcp_rfc1337, 0, 1, 0),
	ONE("net.ipv4.tcp_tw_reuse", tcp_tw_reuse, 0, 2, 2),
	/* A virtual host belongs to its user, who may do with its network what root may do with a machine's. */
	ONE("sockland.privileged", privileged, 0, 1, 1),
	ONE("net.ipv4.icmp_echo_ignore_all", icmp_echo_ignore_all, 0, 1, 0),
	ONE("net.ipv4.icmp_echo_ignore_broadcasts", icmp_echo_ignore_broadcasts, 0, 1, 1),
	ONE("net.ipv4.icmp_ratelimit", icmp_ratelimit_ms, 0, INT_MAX, 1000),
	ONE("net.ipv4.icmp_ratemask", icmp_ratemask, INT_MIN, INT_MAX, 0x1818),
	ONE("net.ipv6.icmp.echo_ignore_all", icmp6_echo_ignore_all, 0, 1, 0),
	ONE("net.ipv6.icmp.echo_ignore_multicast", icmp6_echo_ignore_multicast, 0, 1, 0),
	ONE("net.ipv6.icmp.ratelimit", icmp6_ratelimit_ms, 0, INT_MAX, 100),
	{.name = "net.ipv6.icmp.ratemask", .fixed = "0-1,3-127"},
	ONE("net.ipv4.route.min_pmtu", route_min_pmtu, 68, INT_MAX, 552),
	ONE("net.ipv4.route.mtu_expires", route_mtu_expires_s, 0, INT_MAX / 1000, 600),
	ONE("net.ipv4.route.min_adv_mss", route_min_adv_mss, 0, 65535, 256),
	ONE("net.ipv6.route.mtu_expires", route6_mtu_expires_s, 0, INT_MAX / 1000, 600),
	{.name = "net.ipv4.ping_group_range", AT(ping_gid_min), .count = 2, .is_groups = true, .max = INT_MAX, .def = {0, INT_MAX}},
	NEIGH("net.ipv4", neigh4), NEIGH("net.ipv6", neigh6),
	FOLLOWING("net.ipv4.neigh.*.locktime", neigh4.locktime_hundredths, INT_MIN, INT_MAX, 100),
	ONE("net.ipv4.ipfrag_high_thresh", ipfrag_high_thresh, 0, INT_MAX, 4 << 20),
	ONE("net.ipv4.ipfrag_time", ipfrag_time_s, 0, INT_MAX / 1000, 30),
	ONE("net.ipv6.ip6frag_time", ip6frag_time_s, 0, INT_MAX / 1000, 60),
	ONE("net.ipv4.igmp_max_memberships", igmp_max_memberships, 0, INT_MAX, 20),
	ONE("net.ipv4.igmp_max_msf", igmp_max_msf, 0, INT_MAX, 10),
	ONE("net.ipv6.mld_max_msf", mld_max_msf, 0, INT_MAX, 64),
};

/* base: a struct sysctl, or a struct netconf. */
static int *field(const void *base, const struct row *r) { return (int *)((char *)base + r->offset); }

static void take_default(void *base, const struct row *r) { memcpy(field(base, r), r->def, r->count * sizeof(int)); }

struct sysctl *sysctl_new(void)
{
	struct sysctl *s = calloc(1, sizeof *s);

	if (!s) return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].own) {
			take_default(s, &rows[i]);
			continue;
		}
		take_default(&s->all, &rows[i]);
		take_default(&s->initial, &rows[i]);
	}
	return s;
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	return NULL;
}

/* Is name the row's, with word in place of its "*"? */
static bool is_of(const struct row *r, const char *word, const char *name)
{
	size_t before = strcspn(r->name, "*"), n = strlen(word);

	return strncmp(name, r->name, before) == 0 && strncmp(name + before, word, n) == 0 && strcmp(name + before + n, r->name + before + 1) == 0;
}

/* The same for a name as Linux has it, and where the setting is: of interfaces, "all" and "default". Of the neighbour cache there is no "all". */
static const struct row *find_at(const struct sysctl *s, const char *name, void **ret_base)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		bool all = r->own && !strstr(r->name, ".neigh.") && is_of(r, "all", name), initial = r->own && is_of(r, "default", name);
		*ret_base = all ? (void *)&s->all : initial ? (void *)&s->initial : (void *)s;
		if (all || initial || (!r->own && strcmp(r->name, name) == 0)) return r;
	}
	return NULL;
}

/* Interfaces may have dots in their names. */
const char *sysctl_of_interface(const char *name, char *ret_ifname, size_t size)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *star = strchr(rows[i].name, '*');
		size_t before = star ? (size_t)(star - rows[i].name) : 0, after = star ? strlen(star + 1) : 0, word = len - before - after;
		if (!star || len <= before + after || word >= size || strncmp(name, rows[i].name, before) != 0) continue;
		if (strcmp(name + len - after, star + 1) != 0) continue;
		memcpy(ret_ifname, name + before, word);
		ret_ifname[word] = 0;
		return strcmp(ret_ifname, "all") == 0 || strcmp(ret_ifname, "default") == 0 ? NULL : rows[i].name;
	}
	return NULL;
}

const char *sysctl_name(size_t i) { return i < ARRAY_SIZE(rows) ? rows[i].name : NULL; }

bool sysctl_is_fixed(const char *name)
{
	const struct row *r = find(name);

	return !r || r->fixed || r->told;
}

static int read_word(const struct row *r, const char *text)
{
	size_t len = strcspn(text, "\n");

	for (int i = 0; i < (int)ARRAY_SIZE(r->words) && r->words[i]; i++)
		if (strlen(r->words[i]) == len && memcmp(r->words[i], text, len) == 0) return i;
	return -ENOENT;
}

static bool fits(const struct row *r, long v) { return r->is_unsigned ? v >= 0 : v >= r->min && v <= r->max; }

/* A range is taken whole or not at all, and keeps clear of the ports that not everybody may take. */
static bool is_range(const struct sysctl *s, const struct row *r, const long *v)
{
	return fits(r, v[0]) && fits(r, v[1]) && v[0] <= v[1] && v[0] >= s->ip_unprivileged_port_start;
}

/* What interfaces have, or NULL: net.ipv4.ip_forward is another name of such a setting. */
static struct netconf *conf_of(struct sysctl *s, void *base, const struct row *r)
{
	if (r->own) return base;
	return field(s, r) == &s->all.forwarding ? &s->all : NULL;
}

/* Linux takes fewer values than a row has and leaves the rest as they were; those before a mistake it has taken. */
static int set_numbers(struct sysctl *s, void *base, const struct row *r, const char *text, size_t len)
{
	int *at = field(base, r), before = *at, taken = 0, good, n;
	struct netconf *c = conf_of(s, base, r);
	long v[3] = {at[0], at[r->count > 1]};

	n = sysctl_read_longs(text, len, v, r->count, &good);
	if (r->is_range && (n <= 0 || !is_range(s, r, v))) return -EINVAL;
	while (taken < good && fits(r, v[taken])) {
		at[taken] = (int)v[taken];
		taken++;
	}
	if (taken > 0 && c) netconf_written(s, c, (size_t)((char *)at - (char *)c), r->follows_default, before);
	return taken == 0 || taken < n || n < 0 ? -EINVAL : 0;
}

static int set_groups(int *at, const struct row *r, const char *text, size_t len)
{
	long v[2] = {at[0], at[1]};
	int good;

	if (sysctl_read_longs(text, len, v, 2, &good) <= 0 || !fits(r, v[0]) || !fits(r, v[1])) return -EINVAL;
	at[0] = v[0] <= v[1] ? (int)v[0] : 1;
	at[1] = v[0] <= v[1] ? (int)v[1] : 0;
	return 0;
}

static int set_at(struct sysctl *s, void *base, const struct row *r, const char *text, size_t len)
{
	int n;

	if (!r) return -ENOENT;
	if (r->fixed || r->told) return -EACCES;
	if (r->keys) return sysctl_read_keys(text, (struct fastopen_keys *)field(base, r));
	if (r->is_groups) return set_groups(field(base, r), r, text, len);
	if (r->words[0]) {
		n = read_word(r, text);
		if (n >= 0) *field(base, r) = n;
		return MIN(n, 0);
	}
	return set_numbers(s, base, r, text, len);
}

static int get_at(const void *base, const struct row *r, char *buf, size_t size)
{
	const int *v;

	if (!r) return -ENOENT;
	if (r->fixed) return snprintf(buf, size, "%s", r->fixed);
	v = field(base, r);
	if (r->keys) return sysctl_write_keys((const struct fastopen_keys *)v, buf, size);
	if (r->words[0]) return snprintf(buf, size, "%s", r->words[*v]);
	if (r->is_unsigned) return snprintf(buf, size, "%u", (unsigned)v[0]);
	if (r->count == 1) return snprintf(buf, size, "%d", v[0]);
	if (r->count == 2) return snprintf(buf, size, "%d\t%d", v[0], v[1]);
	return snprintf(buf, size, "%d\t%d\t%d", v[0], v[1], v[2]);
}

int sysctl_write(struct sysctl *s, struct netconf *c, const char *name, const char *text, size_t len)
{
	void *base = c;
	const struct row *r = c ? find(name) : find_at(s, name, &base);

	return set_at(s, base, r, text, len);
}

int sysctl_set(struct sysctl *s, const char *name, const char *value) { return sysctl_write(s, NULL, name, value, strlen(value)); }

int sysctl_get(const struct sysctl *s, const char *name, char *buf, size_t size)
{
	void *base;
	const struct row *r = find_at(s, name, &base);

	return get_at(base, r, buf, size);
}

int netconf_set(struct sysctl *s, struct netconf *c, const char *name, const char *value) { return sysctl_write(s, c, name, value, strlen(value)); }
int netconf_get(const struct netconf *c, const char *name, char *buf, size_t size) { return get_at(c, find(name), buf, size); }
