/* The settings of a stack: a row for each, with Linux's name, default and range. */
#include "stack/core/sysctl.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* A setting is one to three ints that lie side by side in struct sysctl. */
struct row {
	const char *name;
	uint16_t offset;
	uint8_t count;
	bool ascending;            /* a range: the first may not exceed the second */
	int min, max;
	int def[3];
	/* A switch here that is a range of group ids on Linux: how its two states read. */
	const char *on, *off;
	const char *words[3];      /* a setting by name: the field is which of them */
	bool is_unsigned;          /* any of 32 bits */
	const char *fixed;         /* it says so, and can't be set */
	bool keys;                 /* one or two keys of 16 octets: xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx,… */
};

#define AT(f) .offset = offsetof(struct sysctl, f)
#define ONE(n, f, lo, hi, d) {.name = n, AT(f), .count = 1, .min = lo, .max = hi, .def = {d}}
#define THREE(n, f, lo, d0, d1, d2) {.name = n, AT(f), .count = 3, .min = lo, .max = INT_MAX, .def = {d0, d1, d2}}

static const struct row rows[] = {
	ONE("net.ipv4.ip_default_ttl", ip_default_ttl, 1, 255, 64),
	ONE("net.ipv4.ip_forward", ip_forward, 0, 1, 0),
	ONE("net.ipv4.conf.all.forwarding", ip_forward, 0, 1, 0),       /* on Linux these two follow each other */
	ONE("net.ipv6.conf.all.forwarding", ip6_forward, 0, 1, 0),
	ONE("net.ipv4.conf.all.rp_filter", rp_filter, 0, 0, 0),
	ONE("net.ipv6.conf.all.accept_ra", accept_ra, 0, 2, 1),
	ONE("net.ipv6.conf.all.router_solicitations", router_solicitations, -1, INT_MAX, -1),
	ONE("net.ipv6.conf.all.router_solicitation_delay", router_solicitation_delay_s, 0, 86400, 1),
	ONE("net.ipv6.conf.all.router_solicitation_interval", router_solicitation_interval_s, 1, 86400, 4),
	ONE("net.ipv6.conf.all.router_solicitation_max_interval", router_solicitation_max_interval_s, 1, 86400, 3600),
	ONE("net.ipv4.conf.all.accept_redirects", accept_redirects, 0, 1, 1),
	ONE("net.ipv4.conf.all.secure_redirects", secure_redirects, 0, 1, 1),
	ONE("net.ipv4.conf.all.shared_media", shared_media, 0, 1, 1),
	ONE("net.ipv4.conf.all.send_redirects", send_redirects, 0, 1, 1),
	ONE("net.ipv6.conf.all.accept_redirects", accept_redirects6, 0, 1, 1),
	ONE("sockland.router_advertisements", router_advertisements_s, 0, 1800, 0),
	{.name = "net.ipv4.ip_local_port_range", AT(ip_local_port_min), .count = 2, .ascending = true, .min = 1, .max = 65535, .def = {32768, 60999}},
	/* Linux says 1024; nobody is root here, and every port of a virtual host is free to take. */
	ONE("net.ipv4.ip_unprivileged_port_start", ip_unprivileged_port_start, 0, 65535, 0),
	ONE("net.ipv6.bindv6only", bindv6only, 0, 1, 0),
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
	{.name = "net.ipv6.conf.all.disable_ipv6", .fixed = "0"},
	/* They have no effect on Linux either, any more; programs read them. */
	{.name = "net.ipv4.tcp_adv_win_scale", .fixed = "1"},
	{.name = "net.ipv4.tcp_fack", .fixed = "0"},
	{.name = "net.ipv4.tcp_low_latency", .fixed = "0"},
	ONE("net.ipv4.tcp_ecn", tcp_ecn, 0, 2, 2),
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
	{.name = "net.ipv4.ping_group_range", AT(ping_group_all), .count = 1, .max = 1, .def = {1}, .on = "0\t2147483647", .off = "1\t0"},
	ONE("net.ipv4.neigh.default.unres_qlen", neigh_unres_qlen, 0, INT_MAX, 101),
	ONE("net.ipv4.ipfrag_high_thresh", ipfrag_high_thresh, 0, INT_MAX, 4 << 20),
};

static int *field(const struct sysctl *s, const struct row *r)
{
	return (int *)((char *)s + r->offset);
}

struct sysctl *sysctl_new(void)
{
	struct sysctl *s = calloc(1, sizeof *s);

	if (!s) return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		memcpy(field(s, &rows[i]), rows[i].def, rows[i].count * sizeof(int));
	return s;
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	return NULL;
}

/* Reads up to max numbers, parted by blanks: how many, or -EINVAL. */
static int read_longs(const char *text, long *ret, int max)
{
	int n = 0;

	for (;;) {
		char *end;
		long v;
		text += strspn(text, " \t\n");
		if (!*text) return n;
		v = strtol(text, &end, 10);
		if (end == text || v < INT_MIN || v > UINT_MAX || n == max) return -EINVAL;
		ret[n++] = v;
		text = end;
	}
}

static int read_word(const struct row *r, const char *text)
{
	size_t len = strcspn(text, " \t\n");

	for (int i = 0; i < (int)ARRAY_SIZE(r->words) && r->words[i]; i++)
		if (strlen(r->words[i]) == len && memcmp(r->words[i], text, len) == 0) return i;
	return -ENOENT;
}

/* Four words of up to eight digits. They are little-endian: the first is the low half of k0. What follows, or NULL. */
static const char *read_key(const char *text, struct siphash_key *ret)
{
	uint64_t w[4];

	for (int i = 0; i < 4; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");
		if (digits == 0 || digits > 8 || (i < 3 && text[digits] != '-')) return NULL;
		w[i] = (uint64_t)strtol(text, NULL, 16);
		text += digits + (i < 3);
	}
	*ret = (struct siphash_key){w[0] | w[1] << 32, w[2] | w[3] << 32};
	return text;
}

static int read_keys(const char *text, struct fastopen_keys *ret)
{
	struct fastopen_keys k = {0};

	do {
		text = k.n < ARRAY_SIZE(k.key) ? read_key(text + (k.n != 0), &k.key[k.n]) : NULL;
		if (!text) return -EINVAL;
		k.n++;
	} while (*text == ',');
	if (text[strspn(text, " \t\n")]) return -EINVAL;
	*ret = k;
	return 0;
}

static int write_keys(const struct fastopen_keys *keys, char *buf, size_t size)
{
	int len = 0;

	for (uint32_t i = 0; i < MAX(keys->n, 1u); i++) {
		const struct siphash_key *k = &keys->key[i];
		size_t used = MIN((size_t)len, size);
		len += snprintf(buf + used, size - used, "%s%08x-%08x-%08x-%08x", i ? "," : "", (unsigned)k->k0, (unsigned)(k->k0 >> 32), (unsigned)k->k1,
				(unsigned)(k->k1 >> 32));
	}
	return len;
}

void sysctl_set_router(struct sysctl *s, bool on)
{
	if (s->ip_forward != on) s->accept_redirects = !on;
	s->ip_forward = s->ip6_forward = on;
}

/* Linux takes fewer values than a row has and leaves the rest as they were. */
static int set_numbers(struct sysctl *s, const struct row *r, const char *value)
{
	long v[3] = {0};
	int n = read_longs(value, v, r->count), forward = s->ip_forward;

	if (n <= 0) return -EINVAL;
	for (int i = 0; i < n; i++)
		if (r->is_unsigned ? v[i] < 0 : v[i] < r->min || v[i] > r->max) return -EINVAL;
	if (r->ascending && v[0] > (n > 1 ? v[1] : field(s, r)[1])) return -EINVAL;
	for (int i = 0; i < n; i++)
		field(s, r)[i] = (int)v[i];
	/* As Linux: a router believes no redirects until it is told to again. */
	if (s->ip_forward != forward) s->accept_redirects = !s->ip_forward;
	return 0;
}

int sysctl_set(struct sysctl *s, const char *name, const char *value)
{
	const struct row *r = find(name);
	long v[3] = {0};
	int n;

	if (!r) return -ENOENT;
	if (r->fixed) return -EACCES;
	if (r->keys) return read_keys(value, (struct fastopen_keys *)field(s, r));
	if (r->on) {
		n = read_longs(value, v, 2);
		if (n != 2) return -EINVAL;
		*field(s, r) = v[0] <= v[1];
		return 0;
	}
	if (r->words[0]) {
		n = read_word(r, value);
		if (n >= 0) *field(s, r) = n;
		return MIN(n, 0);
	}
	return set_numbers(s, r, value);
}

int sysctl_get(const struct sysctl *s, const char *name, char *buf, size_t size)
{
	const struct row *r = find(name);
	const int *v;

	if (!r) return -ENOENT;
	if (r->fixed) return snprintf(buf, size, "%s", r->fixed);
	v = field(s, r);
	if (r->keys) return write_keys((const struct fastopen_keys *)v, buf, size);
	if (r->on) return snprintf(buf, size, "%s", *v ? r->on : r->off);
	if (r->words[0]) return snprintf(buf, size, "%s", r->words[*v]);
	if (r->is_unsigned) return snprintf(buf, size, "%u", (unsigned)v[0]);
	if (r->count == 1) return snprintf(buf, size, "%d", v[0]);
	if (r->count == 2) return snprintf(buf, size, "%d\t%d", v[0], v[1]);
	return snprintf(buf, size, "%d\t%d\t%d", v[0], v[1], v[2]);
}
