/* Redirects: believed by a host of the router it uses, for a while; sent by a router to neighbours that could know better, for a while. */
#include "lab.h"
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include "stack/inet/neigh.h"
#include "stack/socket/sock.h"

/* The far host, the router that the route names, the other one, and a host that is no router; IPv4 and IPv6. */
static const char *const far[2] = {"192.0.2.9", "2001:db8:99::9"}, *const router[2] = {"10.0.0.2", "fe80::2"}, *const better[2] = {"10.0.0.3", "fe80::3"};
static const char *const us[2] = {"10.0.0.1", "2001:db8::1"}, *const us_link[2] = {"10.0.0.1", "fe80::ff:fe00:1"}, *const host[2] = {"10.0.0.7", "fe80::7"};
static const struct mac mac_better = {{2, 0, 0, 0, 0, 3}};

static void know(struct lab *l, const char *text, const struct mac *mac)
{
	struct addr a = lab_addr(text);

	neigh_learn(l->eth0, &a, mac, NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_CONFIRM);
}

static void way_out(struct lab *l, const char *to, uint8_t plen, const char *gateway)
{
	struct route r = {.dst = lab_addr(to), .plen = plen, .has_gateway = true, .gateway = lab_addr(gateway), .netif = l->eth0};

	assert_int_equal(route_add(l->s, &r, NULL), 0);
}

static int open_host(void **state)
{
	struct lab *l;

	lab_open_acquainted(state);
	l = *state;
	way_out(l, "0.0.0.0", 0, router[0]);
	way_out(l, "::", 0, router[1]);
	know(l, better[0], &mac_better);
	return 0;
}

static bool goes_by(struct lab *l, const char *dst, const char *gateway)
{
	struct addr to = lab_addr(dst), by = lab_addr(gateway);
	struct route_hop hop;

	assert_int_equal(route_lookup(l->s, &to, NULL, NULL, &hop), 0);
	return addr_eq(&hop.nexthop, &by);
}

/* A datagram of a socket of ours to the far host, as it left. */
struct sent { uint8_t octets[100]; size_t len; struct sock *sk; };

static struct sent send_far(struct lab *l, int v6)
{
	struct sent ret;
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct addr a = lab_addr(far[v6]);
	struct packet *p;

	memcpy(&to.sin6_addr, a.b, 16);
	assert_int_equal(sock_create(l->s, AF_INET6, SOCK_DGRAM, 0, &ret.sk), 0);
	struct sock_msg m = {.data = "redirect", .len = 8, .name = (struct sockaddr *)&to, .name_len = sizeof to};
	assert_int_equal(sock_send(ret.sk, &m), 8);
	p = sends(l, .by = l->eth0, .dst = far[v6], .proto = IP_PROTO_UDP);
	ret.len = p->len - ETH_HDR_LEN;
	memcpy(ret.octets, lab_ip(p), ret.len);
	return ret;
}

static void redirect4(struct lab *l, const struct sent *about, const char *from, const char *gateway)
{
	uint8_t msg[200];
	struct addr g = lab_addr(gateway);
	size_t len = lab_icmp(msg, false, ICMP4_REDIRECT, 1, addr_to_v4(&g), from, us[0], about->octets, about->len);

	receives(l, .src = from, .dst = us[0], .proto = IP_PROTO_ICMP, .data = msg, .len = len);
}

static void redirect6(struct lab *l, const struct sent *about, const char *from, const char *target, uint8_t hops)
{
	uint8_t msg[200];
	struct addr s = lab_addr(from), d = lab_addr(us[1]);
	struct nd_rd r = {.target = lab_addr(target), .dst = lab_addr(far[1]), .has_lladdr = true, .lladdr = mac_better, .quote = about->octets, .quote_len = about->len};
	size_t len = nd_rd_emit(&r, msg, sizeof msg, &s, &d);

	receives(l, .src = from, .dst = us[1], .proto = IP_PROTO_ICMP6, .ttl = hops, .data = msg, .len = len);
}

static void redirect(struct lab *l, int v6, const struct sent *about, const char *from, const char *gateway)
{
	if (v6)
		redirect6(l, about, from, gateway, 255);
	else
		redirect4(l, about, from, gateway);
}

/* ---- a host ---- */

/* RFC 1122 (1122-51, 1122-52); RFC 4861 (4861-29, 4861-32). */
static void the_router_in_use_is_believed(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		struct sent about = send_far(l, v6);
		redirect(l, v6, &about, router[v6], better[v6]);
		drops_nothing(l);
		assert_true(goes_by(l, far[v6], better[v6]));
		/* For this destination only; and the next datagram does. */
		assert_true(goes_by(l, v6 ? "2001:db8:99::8" : "192.0.2.8", router[v6]));
		sock_close(about.sk);
		about = send_far(l, v6);
		struct eth_hdr eth;
		assert_true(eth_parse(&eth, l->held->data, l->held->len) > 0);
		assert_memory_equal(&eth.dst, &mac_better, sizeof eth.dst);
		/* It is the router in use now: the old one has no say any more. */
		redirect(l, v6, &about, router[v6], host[v6]);
		assert_true(goes_by(l, far[v6], better[v6]));
		sock_close(about.sk);
	}
}

static void others_are_not(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		struct sent about = send_far(l, v6);
		redirect(l, v6, &about, host[v6], better[v6]);
		assert_true(goes_by(l, far[v6], router[v6]));
		/* About a datagram that no socket of ours has sent. */
		sock_close(about.sk);
		redirect(l, v6, &about, router[v6], better[v6]);
		assert_true(goes_by(l, far[v6], router[v6]));
	}
}

/* To itself, to us, to groups, to nobody. */
static void some_gateways_are_none(void **state)
{
	static const char *const bad[] = {"10.0.0.2", "10.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.5", "10.0.0.255"};
	struct lab *l = *state;
	struct sent about = send_far(l, 0);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		redirect4(l, &about, router[0], bad[i]);
		assert_true(goes_by(l, far[0], router[0]));
		sends_nothing(l);
	}
	sock_close(about.sk);
	/* RFC 4861 (4861-30, 4861-31). */
	about = send_far(l, 1);
	redirect6(l, &about, router[1], "2001:db8::3", 255);
	drops(l, DROP_ND_BAD);
	redirect6(l, &about, "2001:db8::2", better[1], 255);
	drops(l, DROP_ND_BAD);
	redirect6(l, &about, router[1], better[1], 254);
	drops(l, DROP_ND_BAD);
	assert_true(goes_by(l, far[1], router[1]));
	redirect6(l, &about, router[1], far[1], 255);
	assert_true(goes_by(l, far[1], far[1]));
	sock_close(about.sk);
}

/* As Linux: it is asked for first, and counts when the router says so again. */
static void an_unknown_gateway_is_asked_for(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0);

	redirect4(l, &about, router[0], "10.0.0.4");
	assert_true(goes_by(l, far[0], router[0]));
	sends(l, .by = l->eth0, .arp_asks = "10.0.0.4");
	know(l, "10.0.0.4", &mac_better);
	assert_true(goes_by(l, far[0], router[0]));
	redirect4(l, &about, router[0], "10.0.0.4");
	assert_true(goes_by(l, far[0], "10.0.0.4"));
	sock_close(about.sk);
}

static void it_ends(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0), about6 = send_far(l, 1);

	redirect4(l, &about, router[0], better[0]);
	redirect6(l, &about6, router[1], better[1], 255);
	for (int i = 0; i < 5; i++) {
		lab_pass(l, 59 * NS_PER_S);
		assert_true(goes_by(l, far[0], better[0]));
		assert_true(goes_by(l, far[1], better[1]));
	}
	/* IPv4's after five minutes, IPv6's when it was of no use for one. */
	lab_pass(l, 6 * NS_PER_S);
	assert_true(goes_by(l, far[0], router[0]));
	assert_true(goes_by(l, far[1], better[1]));
	lab_pass(l, 61 * NS_PER_S);
	assert_true(goes_by(l, far[1], router[1]));
	sock_close(about.sk);
	sock_close(about6.sk);
}

/* It corrects a route, and goes with it. */
static void another_route_is_not_corrected(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0);

	redirect4(l, &about, router[0], better[0]);
	way_out(l, "192.0.2.0", 24, host[0]);
	assert_true(goes_by(l, far[0], host[0]));
	sock_close(about.sk);
}

static void set(struct lab *l, const char *name, const char *value) { assert_int_equal(sysctl_set(l->s->sysctl, name, value), 0); }
/* Of eth0's own. */
static void set_own(struct lab *l, const char *name, const char *value) { assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, name, value), 0); }

static void it_can_be_forbidden(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0), about6 = send_far(l, 1);

	set(l, "net.ipv4.conf.all.accept_redirects", "0");
	set_own(l, "net.ipv4.conf.*.accept_redirects", "0");
	set_own(l, "net.ipv6.conf.*.accept_redirects", "0");
	redirect4(l, &about, router[0], better[0]);
	redirect6(l, &about6, router[1], better[1], 255);
	assert_true(goes_by(l, far[0], router[0]));
	assert_true(goes_by(l, far[1], router[1]));
	/* RFC 4861 (4861-35), RFC 1812 §5.2.7.2: a router believes none; as Linux, IPv4's does if it is told to after it became one. */
	set_own(l, "net.ipv4.conf.*.accept_redirects", "1");
	set_own(l, "net.ipv6.conf.*.accept_redirects", "1");
	set(l, "net.ipv4.ip_forward", "1");
	set(l, "net.ipv6.conf.all.forwarding", "1");
	redirect4(l, &about, router[0], better[0]);
	redirect6(l, &about6, router[1], better[1], 255);
	assert_true(goes_by(l, far[0], router[0]));
	assert_true(goes_by(l, far[1], router[1]));
	set(l, "net.ipv4.conf.all.accept_redirects", "1");
	redirect4(l, &about, router[0], better[0]);
	assert_true(goes_by(l, far[0], better[0]));
	sock_close(about.sk);
	sock_close(about6.sk);
}

/* ip-sysctl: a host's interface believes them if itself or "all" does; of IPv6, "all" means nothing. */
static void of_itself_or_of_all(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0), about6 = send_far(l, 1);

	set(l, "net.ipv4.conf.all.accept_redirects", "0");
	set(l, "net.ipv6.conf.all.accept_redirects", "0");
	redirect4(l, &about, router[0], better[0]);
	redirect6(l, &about6, router[1], better[1], 255);
	assert_true(goes_by(l, far[0], better[0]));
	assert_true(goes_by(l, far[1], better[1]));
	sock_close(about.sk);
	sock_close(about6.sk);
}

/* ip-sysctl: shared_media, secure_redirects. */
static void on_media_that_are_not_shared(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0);

	know(l, "10.9.9.9", &mac_better);
	set(l, "net.ipv4.conf.all.shared_media", "0");
	set_own(l, "net.ipv4.conf.*.shared_media", "0");
	redirect4(l, &about, router[0], "10.9.9.9");       /* not of this subnet */
	redirect4(l, &about, router[0], better[0]);        /* not a router that we have a default route by */
	assert_true(goes_by(l, far[0], router[0]));
	set(l, "net.ipv4.conf.all.secure_redirects", "0");
	set_own(l, "net.ipv4.conf.*.secure_redirects", "0");
	redirect4(l, &about, router[0], "10.9.9.9");
	assert_true(goes_by(l, far[0], router[0]));
	redirect4(l, &about, router[0], better[0]);
	assert_true(goes_by(l, far[0], better[0]));
	sock_close(about.sk);
}

static void a_listed_gateway_is_secure(void **state)
{
	struct lab *l = *state;
	struct sent about = send_far(l, 0);
	struct route second = {.dst = addr_any4, .has_gateway = true, .gateway = lab_addr(better[0]), .metric = 9, .netif = l->eth0};

	set(l, "net.ipv4.conf.all.shared_media", "0");
	set_own(l, "net.ipv4.conf.*.shared_media", "0");
	assert_int_equal(route_add(l->s, &second, NULL), 0);
	redirect4(l, &about, router[0], better[0]);
	assert_true(goes_by(l, far[0], better[0]));
	sock_close(about.sk);
}

/* ---- a router ---- */

static int open_router(void **state)
{
	struct lab *l;

	open_host(state);
	l = *state;
	sysctl_set_router(l->s->sysctl, true);
	way_out(l, "192.0.2.0", 24, better[0]);
	way_out(l, "2001:db8:99::", 64, better[1]);
	know(l, better[1], &mac_better);
	return 0;
}

static void passes(struct lab *l, int v6, const char *src)
{
	receives(l, .src = src, .dst = far[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .data = "0123456789", .len = 10);
}

/* RFC 4861 (4861-33), RFC 1812 §5.2.7.2. */
static void the_shorter_way_is_told(void **state)
{
	static const char *const neighbour[2] = {"10.0.0.2", "2001:db8::2"};
	struct lab *l = *state;
	struct addr g = lab_addr(better[0]);
	struct packet *p;

	passes(l, 0, neighbour[0]);
	p = sends(l, .by = l->eth0, .to = &mac_peer, .src = us[0], .dst = neighbour[0], .icmp = {ICMP4_REDIRECT, 1}, .rest = addr_to_v4(&g));
	sends(l, .by = l->eth0, .to = &mac_better, .src = neighbour[0], .dst = far[0], .ttl = 63);
	passes(l, 1, neighbour[1]);
	p = sends(l, .by = l->eth0, .to = &mac_peer, .src = us_link[1], .dst = neighbour[1], .ttl = 255, .icmp = {ICMP6_REDIRECT, 0});
	struct icmp_hdr h;
	struct nd_rd r;
	const uint8_t *m = lab_ip(p) + IP6_HDR_LEN;
	size_t len = p->len - ETH_HDR_LEN - IP6_HDR_LEN;
	struct addr want = lab_addr(better[1]), dst = lab_addr(far[1]);
	assert_int_equal(icmp_parse(&h, m, len), ICMP_HDR_LEN);
	assert_true(nd_rd_parse(&r, &h, m + ICMP_HDR_LEN, len - ICMP_HDR_LEN) > 0);
	assert_true(addr_eq(&r.target, &want) && addr_eq(&r.dst, &dst));
	assert_true(r.has_lladdr);
	assert_memory_equal(&r.lladdr, &mac_better, sizeof mac_better);
	assert_int_equal(r.quote_len, (40 + 10) & ~7);
	assert_memory_equal(r.quote + 24, dst.b, 16);
	sends(l, .by = l->eth0, .to = &mac_better, .src = neighbour[1], .dst = far[1], .ttl = 63);
	sends_nothing(l);
}

/* Back to the link it came from only; of a neighbour only; if it is allowed. RFC 1122 (1122-53): a host, which sends nothing on, does not. */
static void not_without_need(void **state)
{
	struct lab *l = *state;

	sysctl_set_router(l->s->sysctl, false);
	passes(l, 0, "10.0.0.2");
	passes(l, 1, "2001:db8::2");
	sends_nothing(l);
	sysctl_set_router(l->s->sysctl, true);
	receives(l, .src = "10.0.0.2", .dst = "10.0.1.2", .to = &mac_us, .proto = IP_PROTO_UDP, .data = "0123456789", .len = 10);
	sends(l, .by = l->eth1, .dst = "10.0.1.2");
	passes(l, 0, "172.16.0.1");
	sends(l, .by = l->eth0, .dst = far[0]);
	passes(l, 1, "2001:db8:55::1");
	sends(l, .by = l->eth0, .dst = far[1]);
	set(l, "net.ipv4.conf.all.send_redirects", "0");
	set_own(l, "net.ipv4.conf.*.send_redirects", "0");
	passes(l, 0, "10.0.0.2");
	sends(l, .by = l->eth0, .dst = far[0]);
	sends_nothing(l);
}

static unsigned redirects_of(struct lab *l, int v6, unsigned datagrams, time_ns apart)
{
	unsigned n = 0;

	for (unsigned i = 0; i < datagrams; i++) {
		passes(l, v6, v6 ? "2001:db8::2" : "10.0.0.2");
		lab_settle(l);
		for (struct list *at; (at = list_pop(&l->sent));) {
			struct packet *p = list_entry(at, struct packet, node);
			const uint8_t *ip = p->data + ETH_HDR_LEN;
			n += v6 ? ip[6] == IP_PROTO_ICMP6 && ip[40] == ICMP6_REDIRECT : ip[9] == IP_PROTO_ICMP && ip[20] == ICMP4_REDIRECT;
			packet_free(p);
		}
		lab_pass(l, apart);
		lab_acquaint(l);
		know(l, better[v6], &mac_better);
	}
	return n;
}

/* Linux's redirect_load, redirect_number, redirect_silence. RFC 4861 (4861-34). */
static void not_for_ever(void **state)
{
	struct lab *l = *state;

	assert_int_equal(redirects_of(l, 0, 5, NS_PER_MS), 1);
	/* After 40, 80, 160 ms and so on: nine in all while they come every 10 ms, and no more. */
	assert_int_equal(redirects_of(l, 0, 1100, 10 * NS_PER_MS), 8);
	assert_int_equal(redirects_of(l, 0, 100, NS_PER_S), 0);
	lab_pass(l, 21 * NS_PER_S);
	lab_acquaint(l);
	know(l, better[0], &mac_better);
	assert_int_equal(redirects_of(l, 0, 1, 0), 1);
	/* IPv6: six at once, one a second. */
	assert_int_equal(redirects_of(l, 1, 20, NS_PER_MS), 6);
	lab_pass(l, NS_PER_S);
	assert_int_equal(redirects_of(l, 1, 10, NS_PER_S), 10);
}

#define of_host(t) cmocka_unit_test_setup_teardown(t, open_host, lab_close)
#define of_router(t) cmocka_unit_test_setup_teardown(t, open_router, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		of_host(the_router_in_use_is_believed), of_host(others_are_not), of_host(some_gateways_are_none), of_host(an_unknown_gateway_is_asked_for),
		of_host(it_ends), of_host(another_route_is_not_corrected), of_host(it_can_be_forbidden), of_host(of_itself_or_of_all),
		of_host(on_media_that_are_not_shared),
		of_host(a_listed_gateway_is_secure), of_router(the_shorter_way_is_told), of_router(not_without_need), of_router(not_for_ever),
	};
	return cmocka_run_group_tests_name("ip-redirect", tests, NULL, NULL);
}
