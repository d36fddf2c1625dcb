/* Topologies: the plan of addresses and routes, the shapes, and that each mistake in a file is told with its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "topo/topo.h"

static char err[400];

static int load(struct topo *t, const char *text)
{
	err[0] = 0;
	return topo_load_text(t, "f", text, strlen(text), err, sizeof err);
}

/* ---- what is asserted, in sentences ---- */

static const struct topo_if *iface(const struct topo *t, const char *host, const char *name)
{
	for (size_t i = 0; i < t->n_ifs; i++)
		if (strcmp(t->hosts[t->ifs[i].host].name, host) == 0 && strcmp(t->ifs[i].name, name) == 0) return &t->ifs[i];
	fail_msg("no interface %s:%s", host, name);
	return NULL;
}

static void has_addresses(const struct topo *t, const char *host, const char *name, const char *v4, const char *v6)
{
	const struct topo_if *f = iface(t, host, name);
	char text[ADDR_TEXT_MAX], with_plen[ADDR_TEXT_MAX + 8];

	snprintf(with_plen, sizeof with_plen, "%s/%u", addr_text(text, &f->v4.addr), f->v4.plen);
	assert_string_equal(with_plen, v4);
	snprintf(with_plen, sizeof with_plen, "%s/%u", addr_text(text, &f->v6.addr), f->v6.plen);
	assert_string_equal(with_plen, v6);
}

/* The gateway of host's route to dst as text, "" when it has none. */
static const char *route_to(const struct topo *t, const char *host, const char *dst)
{
	static char text[ADDR_TEXT_MAX];
	struct addr a;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&a, &plen, dst), 0);
	for (size_t i = 0; i < t->n_routes; i++) {
		const struct topo_route *r = &t->routes[i];

		if (strcmp(t->hosts[r->host].name, host) == 0 && addr_eq(&r->dst.addr, &a) && r->dst.plen == plen) {
			assert_int_equal(t->ifs[r->iface].host, r->host);
			return addr_text(text, &r->gateway);
		}
	}
	return "";
}

static void refuses(const char *text, const char *message)
{
	struct topo t;

	assert_int_equal(load(&t, text), -EINVAL);
	assert_string_equal(err, message);
}

/* ---- files ---- */

static const char chain[] =
	"name: chain\n"
	"hosts: {a: {}, r1: {router: true}, r2: {router: true}, b: {}, x: {}}\n"
	"networks: {left: {}, right: {subnet: 192.168.7.0/24, subnet6: \"2001:db8::/64\"}}\n"
	"links:\n"
	"  - endpoints: [\"a:eth0\", left]\n"
	"  - endpoints: [\"r1:eth0\", left]\n"
	"  - endpoints: [\"r1:eth1\", \"r2:eth0\"]\n"
	"  - endpoints: [\"r2:eth1\", right]\n"
	"  - endpoints: [\"b:eth0\", right]\n";

static void test_addresses(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(load(&t, chain), 0);
	assert_string_equal(t.name, "chain");
	has_addresses(&t, "a", "eth0", "10.1.0.1/16", "fd00:1::1/64");
	has_addresses(&t, "r1", "eth0", "10.1.0.2/16", "fd00:1::2/64");
	has_addresses(&t, "r1", "eth1", "10.2.0.1/16", "fd00:2::1/64");
	has_addresses(&t, "r2", "eth0", "10.2.0.2/16", "fd00:2::2/64");
	has_addresses(&t, "r2", "eth1", "192.168.7.1/24", "2001:db8::1/64");
	has_addresses(&t, "b", "eth0", "192.168.7.2/24", "2001:db8::2/64");
	assert_string_equal(t.networks[2].name, "r1--r2");
	assert_false(t.networks[2].is_switch);
	topo_free(&t);
}

static void test_settings(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(load(&t, "hosts: {a: {sysctl: {net.ipv4.tcp_ecn: 1, net.ipv4.tcp_rmem: 4096 8192 16384}}, "
				  "b: {sysctl: {sockland.router_advertisements: 30}}, c: {sysctl: {net.ipv4.conf.lo.rp_filter: 1}}}\n"), 0);
	assert_int_equal(t.n_settings, 4);
	assert_string_equal(t.settings[3].name, "net.ipv4.conf.*.rp_filter");
	assert_string_equal(t.settings[3].ifname, "lo");
	assert_int_equal(t.settings[1].host, 0);
	assert_string_equal(t.settings[1].name, "net.ipv4.tcp_rmem");
	assert_string_equal(t.settings[1].value, "4096 8192 16384");
	assert_int_equal(t.settings[2].host, 1);
	topo_free(&t);
}

static void test_routes(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(load(&t, chain), 0);
	assert_string_equal(route_to(&t, "a", "192.168.7.0/24"), "10.1.0.2");
	assert_string_equal(route_to(&t, "a", "10.2.0.0/16"), "10.1.0.2");
	assert_string_equal(route_to(&t, "a", "2001:db8::/64"), "fd00:1::2");
	assert_string_equal(route_to(&t, "b", "10.1.0.0/16"), "192.168.7.1");
	assert_string_equal(route_to(&t, "r1", "192.168.7.0/24"), "10.2.0.2");
	assert_string_equal(route_to(&t, "a", "10.1.0.0/16"), "");      /* connected: the stack's own */
	assert_string_equal(route_to(&t, "x", "10.1.0.0/16"), "");      /* on no network */
	topo_free(&t);
}

static void test_shortest(void **state)
{
	struct topo t;

	(void)state;
	/* a ring of three routers: the way over one is taken, not over two; a host that is no router carries nothing */
	assert_int_equal(load(&t, "hosts: {r1: {router: true}, r2: {router: true}, r3: {router: true}, h: {}, end: {}}\n"
				 "networks: {far: {}}\n"
				 "links:\n"
				 "- endpoints: [\"r1:a\", \"r2:a\"]\n- endpoints: [\"r2:b\", \"r3:a\"]\n- endpoints: [\"r3:b\", \"r1:b\"]\n"
				 "- endpoints: [\"r3:c\", far]\n- endpoints: [\"h:eth0\", far]\n- endpoints: [\"h:eth1\", \"end:eth0\"]\n"), 0);
	assert_string_equal(route_to(&t, "r1", "10.1.0.0/16"), "10.4.0.1");     /* far is 1; r3--r1 is 4, r3's end comes first */
	assert_string_equal(route_to(&t, "r1", "10.5.0.0/16"), "");             /* behind h, which does not forward */
	topo_free(&t);
}

static void test_joined_networks(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(load(&t, "hosts: [a, b]\nnetworks: [x, y, z]\nlinks:\n- endpoints: [y, z]\n- endpoints: [x, z]\n"
				 "- endpoints: [\"a:eth0\", z]\n- endpoints: [\"b:eth0\", x]\n"), 0);
	has_addresses(&t, "a", "eth0", "10.1.0.1/16", "fd00:1::1/64");
	has_addresses(&t, "b", "eth0", "10.1.0.2/16", "fd00:1::2/64");
	assert_int_equal(t.n_routes, 2);                        /* to groups, one a host */
	assert_int_equal(t.routes[1].host, 1);
	assert_int_equal(t.routes[1].dst.plen, 4);
	assert_string_equal(t.trunks[0].name, "y--z");
	topo_free(&t);
}

static void test_subnets_keep_clear(void **state)
{
	struct topo t;

	(void)state;
	/* the file's own subnets are not handed out again, wherever they stand */
	assert_int_equal(load(&t, "hosts: [a]\nnetworks: {p: {}, q: {subnet: 10.0.0.0/15}, r: {subnet6: \"fd00:1::/48\"}}\n"), 0);
	assert_int_equal(addr_to_v4(&t.networks[0].v4.addr), 0x0a020000);
	assert_int_equal(t.networks[0].v6.addr.b[3], 2);
	topo_free(&t);
}

static void test_impairments(void **state)
{
	const struct topo_if *f;
	struct topo t;

	(void)state;
	assert_int_equal(load(&t, "hosts: [a, b]\nnetworks: [n]\nlinks:\n"
				 "- endpoints: [\"a:eth0\", n]\n  delay: 10ms\n  jitter: 2ms\n  loss: 1%\n"
				 "  out: {rate: 1mbit, queue: codel target 2ms ecn}\n  in: {down: true, delay: 3ms}\n"
				 "- endpoints: [n, \"b:eth0\"]\n  out: {limit: 7, loss: gemodel 1% 10%, reorder: 25% 50%, gap: 5}\n"
				 "- endpoints: [\"a:eth1\", \"b:eth1\"]\n  out: {delay: 1ms}\n  in: {delay: 2ms}\n  mtu: 9000\n"
				 "  duplicate: 1%\n  corrupt: 2%\n  distribution: pareto\n"), 0);
	f = iface(&t, "a", "eth0");
	assert_int_equal(f->out.delay_ns, 10 * NS_PER_MS);
	assert_int_equal(f->out.jitter_ns, 2 * NS_PER_MS);
	assert_int_equal(f->out.rate_bps, 1000000);
	assert_int_equal(f->out.queueing.kind, QUEUE_CODEL);
	assert_int_equal(f->out.queueing.target_ns, 2 * NS_PER_MS);
	assert_int_equal(f->in.queueing.kind, QUEUE_NETEM);
	assert_true(f->out.loss > 0.0099 && f->in.loss < 0.0101);
	assert_false(f->out.down);
	assert_true(f->in.down);
	assert_int_equal(f->in.delay_ns, 3 * NS_PER_MS);
	assert_int_equal(iface(&t, "b", "eth0")->in.limit_packets, 7);       /* out of the network, into b */
	assert_int_equal(iface(&t, "b", "eth0")->out.limit_packets, 0);
	assert_int_equal(iface(&t, "b", "eth0")->in.loss_model, IMPAIR_LOSS_GEMODEL);
	assert_true(iface(&t, "b", "eth0")->in.reorder > 0.24 && iface(&t, "b", "eth0")->in.reorder_corr > 0.49);
	assert_int_equal(iface(&t, "b", "eth0")->in.gap, 5);
	assert_int_equal(iface(&t, "a", "eth1")->out.delay_ns, 1 * NS_PER_MS);
	assert_int_equal(iface(&t, "b", "eth1")->out.delay_ns, 2 * NS_PER_MS);
	assert_int_equal(iface(&t, "b", "eth1")->in.delay_ns, 0);
	assert_int_equal(iface(&t, "b", "eth1")->out.spread, IMPAIR_PARETO);
	assert_true(iface(&t, "a", "eth1")->out.duplicate > 0 && iface(&t, "a", "eth1")->out.corrupt > 0);
	assert_int_equal(iface(&t, "b", "eth1")->mtu_bytes, 9000);
	assert_int_equal(iface(&t, "a", "eth0")->mtu_bytes, 1500);
	topo_free(&t);
}

/* ---- mistakes ---- */

static void test_mistakes(void **state)
{
	static const struct { const char *text, *message; } rows[] = {
		{"", "f:1:1: empty: a topology names hosts and links"},
		{"hosts: [a]\nhsots: [b]\n", "f:2:1: unknown key \"hsots\"; known here: hosts networks links name"},
		{"hosts: [a]\nhosts: [b]\n", "f:2:1: \"hosts\" stands here twice"},
		{"- a\n", "f:1:1: \"key: value\" is expected here"},
		{"networks: [n]\n", "f:1:1: a topology names its hosts"},
		{"hosts: []\n", "f:1:8: there is no host"},
		{"hosts: 3\n", "f:1:8: names of hosts are expected here: {a: {}, b: {}} or [a, b]"},
		{"hosts: [a, a]\n", "f:1:12: there is a host named a already"},
		{"hosts: [a]\nnetworks: [a]\n", "f:2:12: there is a host named a already"},
		{"hosts: [-a]\n", "f:1:9: \"-a\": the name of a host begins with a letter or digit"},
		{"hosts: [a/b]\n", "f:1:9: \"a/b\": the name of a host is letters, digits, - _ and ."},
		{"hosts: [a--b]\n", "f:1:9: \"a--b\": -- stands between the two ends in the name of a link"},
		{"hosts: [localhost]\n", "f:1:9: every host calls itself localhost: choose another name"},
		{"hosts: [\"1\"]\n", "f:1:9: \"1\" is an address to programs: choose another name"},
		{"hosts: [a, \xff]\n", "f:1:12: invalid leading UTF-8 octet"},
		{"hosts: {a: {rooter: true}}\n", "f:1:13: unknown key \"rooter\"; known here: router sysctl"},
		{"hosts: {a: {sysctl: {net.ipv4.tcp_nonsense: 1}}}\n", "f:1:45: there is no setting named net.ipv4.tcp_nonsense"},
		{"hosts: {a: {sysctl: {sockland.privileged: 0}}}\n", "f:1:43: there is no setting named sockland.privileged"},
		{"hosts: {a: {sysctl: {net.ipv4.conf.eth1.rp_filter: 1}}}\n", "f:1:8: host a has no interface eth1, of which net.ipv4.conf.*.rp_filter is set"},
		{"hosts: {a: {sysctl: {net.ipv6.conf.eth1.hop_limit: 0}}}\n", "f:1:52: net.ipv6.conf.eth1.hop_limit does not take \"0\""},
		{"hosts: {a: {sysctl: {net.ipv4.tcp_ecn: 7}}}\n", "f:1:40: net.ipv4.tcp_ecn does not take \"7\""},
		{"hosts: {a: {sysctl: {net.ipv4.tcp_congestion_control: vegas}}}\n", "f:1:55: net.ipv4.tcp_congestion_control does not take \"vegas\""},
		{"hosts: {a: {sysctl: {net.ipv4.tcp_available_congestion_control: cubic}}}\n",
		 "f:1:65: net.ipv4.tcp_available_congestion_control cannot be set"},
		{"hosts: {a: {sysctl: [net.ipv4.tcp_ecn]}}\n", "f:1:22: net.ipv4.tcp_ecn wants a value"},
		{"hosts: {a: {sysctl: {net.ipv4.tcp_ecn: [1]}}}\n", "f:1:22: net.ipv4.tcp_ecn wants a value"},
		{"hosts: {a: {router: maybe}}\n", "f:1:21: true or false is expected here"},
		{"hosts: [a, b]\nlinks: [{endpoints: [\"a:e\", \"b:e\"], queue: delay 5ms}]\n", "f:2:44: queue wants a discipline, such as fq_codel"},
		{"hosts: [a, b]\nlinks: [{endpoints: [\"a:e\", \"b:e\"], queue: codel flows 5}]\n", "f:2:44: queue: \"flows\" is not understood"},
		{"hosts: [a]\nname: a b\n", "f:2:7: a name is letters, digits, - _ and ., at most 31 of them"},
		{"hosts: [a]\n---\nhosts: [b]\n", "f:3:1: a topology is one document"},
		{"hosts: [a]\nnetworks: {n: {subnet: 10.0.0.1/8}}\n", "f:2:24: 10.0.0.1/8 is an address in the subnet 10.0.0.0/8"},
		{"hosts: [a]\nnetworks: {n: {subnet: \"fd00::/64\"}}\n",
		 "f:2:24: fd00::/64 is of the other IP version: subnet is for IPv4, subnet6 for IPv6"},
		{"hosts: [a]\nnetworks: {n: {subnet: lots}}\n", "f:2:24: a subnet is expected here, such as 10.1.0.0/16"},
		{"hosts: [a]\nnetworks: {n: {subnet: 127.0.0.0/8}}\n", "f:2:24: 127.0.0.0/8 is not for hosts"},
		{"hosts: [a]\nlinks: {}\n", "f:2:8: links is a list: - endpoints: [\"HOST:INTERFACE\", \"NETWORK\"]"},
		{"hosts: [a]\nlinks:\n- delay: 1ms\n", "f:3:3: a link has endpoints: [\"HOST:INTERFACE\", \"NETWORK\"]"},
		{"hosts: [a]\nlinks:\n- endpoints: [\"a:eth0\"]\n", "f:3:14: a link has endpoints: [\"HOST:INTERFACE\", \"NETWORK\"]"},
		{"hosts: [web]\nnetworks: [n]\nlinks:\n- endpoints: [\"wbe:eth0\", n]\n", "f:4:15: no host named wbe"},
		{"hosts: [web]\nnetworks: [n]\nlinks:\n- endpoints: [\"w\\nb:eth0\", n]\n", "f:4:15: no host named w?b"},
		{"hosts: [a]\nlinks:\n- endpoints: [\"a:eth0\", lan]\n", "f:3:25: no network named lan"},
		{"hosts: [a, b]\nlinks:\n- endpoints: [\"a:eth0\", b]\n", "f:3:25: b is a host: say which interface, \"b:eth0\""},
		{"hosts: [a]\nlinks:\n- endpoints: [\"a:eth0\", \"a:eth1\"]\n", "f:3:25: both ends are on a"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:lo\", n]\n", "f:4:15: lo is the loopback interface, which every host has"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:\", n]\n", "f:4:15: the name of an interface is empty"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0123456789012\", n]\n",
		 "f:4:15: \"eth0123456789012\" is too long for an interface: at most 15 characters"},
		{"hosts: [a]\nnetworks: [n, m]\nlinks:\n- endpoints: [\"a:eth0\", n]\n- endpoints: [\"a:eth0\", m]\n",
		 "f:5:15: a:eth0 has a link already"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n- endpoints: [\"a:eth1\", n]\n",
		 "f:5:15: a is on n already, with eth0"},
		{"hosts: [a, b]\nlinks:\n- endpoints: [\"a:x\", \"b:x\"]\n- endpoints: [\"a:y\", \"b:y\"]\n",
		 "f:4:3: a second link between a and b needs a name of its own"},
		{"hosts: [a]\nnetworks: [n, m]\nlinks:\n- endpoints: [n, m]\n- endpoints: [m, n]\n",
		 "f:5:3: m and n are joined already: frames would circle for ever"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [n, n]\n", "f:4:3: n cannot be linked to itself"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n  delay: soon\n", "f:5:10: delay: \"soon\" is not understood"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n  jitter: 1ms\n",
		 "f:5:11: jitter is about a delay: give delay too"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n  mtu: 100\n", "f:5:8: mtu is a number from 1280 to 65535"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n  mtu: -18446744073709550116\n",
		 "f:5:8: mtu is a number from 1280 to 65535"},
		{"hosts: [a, b]\nlinks: [{endpoints: [\"a:e\", \"b:e\"], "
		 "delay: 1ms up up up up up up up up up up up up up up up up up up up up up up up bogus}]\n",
		 "f:2:44: delay: \"bogus\" is not understood"},
		{"hosts: [a, b]\nlinks: [{endpoints: [\"a:e\", \"b:e\"], rate: 0.4bit}]\n", "f:2:43: rate: \"0.4bit\" is not understood"},
		{"hosts: [a, b]\nlinks: [{endpoints: [\"a:e\", \"b:e\"], queue: fq_codel flows 1.5}]\n", "f:2:44: queue: \"1.5\" is not understood"},
		{"hosts: [a]\nnetworks: [n]\nlinks:\n- endpoints: [\"a:eth0\", n]\n  name: up\n",
		 "f:5:9: a link to a network is called by its two ends: HOST--NETWORK"},
		{"hosts: [a]\nnetworks: {n: {subnet: 10.0.0.0/30}, m: {subnet: 10.0.0.0/8}}\n", "f:1:1: the subnets of n and m overlap"},
		{"hosts: [a, b, c, d]\nnetworks: {n: {subnet: 10.0.0.0/30}}\nlinks:\n- endpoints: [\"a:e\", n]\n- endpoints: [\"b:e\", n]\n"
		 "- endpoints: [\"c:e\", n]\n", "f:1:1: the subnet of n has no address left for c"},
		{"hosts: [a\n", "f:2:1: did not find expected ',' or ']'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) refuses(rows[i].text, rows[i].message);
}

static void test_no_file(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(topo_load(&t, "/nowhere/lab.yaml", err, sizeof err), -EINVAL);
	assert_string_equal(err, "/nowhere/lab.yaml: No such file or directory");
}

/* ---- shapes ---- */

static void test_single(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(topo_shape(&t, "single,3", err, sizeof err), 0);
	assert_int_equal(t.n_hosts, 3);
	assert_int_equal(t.n_networks, 1);
	assert_string_equal(t.networks[0].name, "s1");
	has_addresses(&t, "h1", "eth0", "10.0.0.1/8", "fd00::1/64");
	has_addresses(&t, "h3", "eth0", "10.0.0.3/8", "fd00::3/64");
	topo_free(&t);
}

static void test_linear(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(topo_shape(&t, "linear,3", err, sizeof err), 0);
	assert_int_equal(t.n_trunks, 2);
	assert_string_equal(t.trunks[1].name, "s2--s3");
	has_addresses(&t, "h3", "eth0", "10.0.0.3/8", "fd00::3/64");
	assert_int_equal(t.n_routes, 3);                        /* to groups, one a host */
	topo_free(&t);
}

static void test_tree(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(topo_shape(&t, "tree,3,2", err, sizeof err), 0);
	assert_int_equal(t.n_hosts, 8);
	assert_int_equal(t.n_networks, 7);
	assert_string_equal(t.trunks[0].name, "s1--s2");
	assert_string_equal(t.trunks[1].name, "s2--s3");      /* numbered on the way down */
	assert_int_equal(iface(&t, "h8", "eth0")->network, 6);
	topo_free(&t);
}

static void test_shape_mistakes(void **state)
{
	static const char *const wrong[] = {"", "single", "single,", "single,0", "single,-1", "single,3,4", "single,1025", "ring,3",
					    "tree,2", "tree,20,2", "tree,2,2,2", "linear,3x"};
	struct topo t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) assert_int_equal(topo_shape(&t, wrong[i], err, sizeof err), -EINVAL);
	assert_int_equal(topo_shape(&t, "single,1024", err, sizeof err), 0);
	topo_free(&t);
	assert_int_equal(topo_shape(&t, "linear,1024", err, sizeof err), 0);
	has_addresses(&t, "h1024", "eth0", "10.0.4.0/8", "fd00::400/64");
	topo_free(&t);
}

static void test_one_host(void **state)
{
	struct topo t;

	(void)state;
	assert_int_equal(topo_one_host(&t, "h1"), 0);
	assert_string_equal(t.hosts[0].name, "h1");
	has_addresses(&t, "h1", "eth0", "10.1.0.1/16", "fd00:1::1/64");
	topo_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_settings), cmocka_unit_test(test_routes), cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_joined_networks), cmocka_unit_test(test_subnets_keep_clear), cmocka_unit_test(test_impairments),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_no_file), cmocka_unit_test(test_single), cmocka_unit_test(test_linear),
		cmocka_unit_test(test_tree), cmocka_unit_test(test_shape_mistakes), cmocka_unit_test(test_one_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
