/* The world of sim.h: hosts, addresses, time, and the view of the wire. */
#include "sim.h"
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "wire/wire.h"

#define SIM_MTU 1500

/* ---- the wire, seen by a bystander ---- */

static const uint8_t *find_tcp(const struct packet *p, size_t *ret_len)
{
	struct eth_hdr eth;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	if (eth_parse(&eth, p->data, p->len) < 0) return NULL;
	const uint8_t *ip = p->data + ETH_HDR_LEN;
	size_t n = p->len - ETH_HDR_LEN;
	if (eth.type == ETH_TYPE_IP4 && ip4_parse(&h4, ip, n) >= 0 && h4.proto == IP_PROTO_TCP) {
		*ret_len = h4.total_len - ip4_hdr_len(&h4);
		return ip + ip4_hdr_len(&h4);
	}
	if (eth.type == ETH_TYPE_IP6 && ip6_parse(&h6, ip, n) >= 0 && h6.next == IP_PROTO_TCP) {
		*ret_len = h6.payload_len;
		return ip + IP6_HDR_LEN;
	}
	return NULL;
}

static void count_segment(struct sim_count *c, const struct tcp_hdr *h, size_t payload, bool lost)
{
	seq32 end = h->seq + (seq32)payload + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN);
	c->segments++;
	c->lost += lost;
	c->data += payload > 0;
	c->resent += payload > 0 && c->started && seq_lt(h->seq, c->max_end);
	if (!c->started || seq_gt(end, c->max_end) || h->flags & TCP_SYN) c->max_end = end;
	c->started = true;
	c->port = h->src;
	c->peer_port = h->dst;
	if (h->flags & TCP_ACK) c->ack = h->ack;
	c->has_ts = h->opts.has_ts;
	c->ts_val = h->opts.ts_val;
	c->ts_ecr = h->opts.ts_ecr;
}

static void write_segment(struct sim *sim, char who, const struct tcp_hdr *h, size_t payload, bool lost)
{
	char size[24] = "";
	size_t room = sizeof sim->wire - sim->wire_len;
	if (payload) snprintf(size, sizeof size, "(%zu)", payload);
	int n = snprintf(sim->wire + sim->wire_len, room, "%s%c:%s%s%s%s%s%s", sim->wire_len ? " " : "", who, h->flags & TCP_SYN ? "S" : "",
			 h->flags & TCP_FIN ? "F" : "", h->flags & TCP_RST ? "R" : "", h->flags & TCP_ACK ? "A" : "", size, lost ? "!" : "");
	if ((size_t)n < room) sim->wire_len += (size_t)n;
	else sim->wire[sim->wire_len] = 0;
}

static void watch(void *user, const struct net_frame *f)
{
	struct sim *sim = user;
	if (!f->sent || !f->nif || (f->nif != sim->nif_a && f->nif != sim->nif_b)) return;
	size_t len;
	const uint8_t *tcp = find_tcp(f->p, &len);
	struct tcp_hdr h;
	int hdr_len = tcp ? tcp_parse(&h, tcp, len) : -1;
	if (hdr_len < 0) return;
	bool is_a = f->nif == sim->nif_a;
	count_segment(is_a ? &sim->count_a : &sim->count_b, &h, len - (size_t)hdr_len, f->dropped != DROP_NONE);
	write_segment(sim, is_a ? 'a' : 'b', &h, len - (size_t)hdr_len, f->dropped != DROP_NONE);
	if (sim->on_segment) sim->on_segment(sim, is_a, &h, len - (size_t)hdr_len, f->dropped != DROP_NONE);
}

void sim_wire_clear(struct sim *sim)
{
	sim->wire_len = 0;
	sim->wire[0] = 0;
}

/* ---- hosts ---- */

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static struct netif *plug(struct sim *sim, struct net_link *l, struct net_host *h, const char *ifname, const char *v4, const char *v6)
{
	struct netif *nif;
	struct addr a4 = addr_of(v4), a6 = addr_of(v6);
	assert_int_equal(net_attach(sim->net, l, h, ifname, SIM_MTU, &nif), 0);
	assert_int_equal(netif_addr_add(nif, &a4, 24), 0);
	assert_int_equal(netif_addr_add(nif, &a6, 64), 0);
	net_touch(sim->net, nif->stack);
	return nif;
}

static void default_route(struct netif *nif, const char *gateway)
{
	struct addr via = addr_of(gateway);
	struct route r = {
		.dst = addr_is_v4(&via) ? addr_any4 : addr_any6, .has_gateway = true, .gateway = via, .netif = nif,
		.type = RTN_UNICAST, .protocol = RTPROT_STATIC, .scope = RT_SCOPE_UNIVERSE, .table = RT_TABLE_MAIN,
	}, *made;
	assert_int_equal(route_add(nif->stack, &r, &made), 0);
}

static void build_pair(struct sim *sim)
{
	assert_int_equal(net_add_pair(sim->net, "a--b", &sim->link), 0);
	sim->link_b = sim->link;
	sim->nif_a = plug(sim, sim->link, sim->a, "eth0", "10.0.1.1", "fd00:1::1");
	sim->nif_b = plug(sim, sim->link, sim->b, "eth0", "10.0.1.2", "fd00:1::2");
}

static void build_routed(struct sim *sim)
{
	assert_int_equal(net_add_host(sim->net, "r", &sim->r), 0);
	assert_int_equal(net_add_pair(sim->net, "a--r", &sim->link), 0);
	assert_int_equal(net_add_pair(sim->net, "r--b", &sim->link_b), 0);
	sim->nif_a = plug(sim, sim->link, sim->a, "eth0", "10.0.1.1", "fd00:1::1");
	sim->nif_b = plug(sim, sim->link_b, sim->b, "eth0", "10.0.2.1", "fd00:2::1");
	plug(sim, sim->link, sim->r, "eth0", "10.0.1.254", "fd00:1::fe");
	plug(sim, sim->link_b, sim->r, "eth1", "10.0.2.254", "fd00:2::fe");
	sysctl_set_router(net_stack(sim->r)->sysctl, 1);
	default_route(sim->nif_a, "10.0.1.254");
	default_route(sim->nif_a, "fd00:1::fe");
	default_route(sim->nif_b, "10.0.2.254");
	default_route(sim->nif_b, "fd00:2::fe");
}

const struct crypto *(*sim_crypto)(void);

static const struct crypto *crypto(void) { return sim_crypto ? sim_crypto() : NULL; }

struct sim *sim_new(enum sim_shape shape, uint64_t seed)
{
	static const struct net_ops ops = {.tap = watch, .crypto = crypto};
	struct sim *sim = calloc(1, sizeof *sim);
	assert_non_null(sim);
	list_init(&sim->actors);
	/* Not at zero, so that nobody takes a time for "never happened". */
	sim->now = 1000 * NS_PER_S;
	sim->net = net_new(seed, &ops, sim, sim->now);
	assert_non_null(sim->net);
	assert_int_equal(net_add_host(sim->net, "a", &sim->a), 0);
	assert_int_equal(net_add_host(sim->net, "b", &sim->b), 0);
	if (shape == SIM_PAIR) build_pair(sim);
	else build_routed(sim);
	sim_run(sim, NS_PER_S);
	return sim;
}

void sim_free(struct sim *sim)
{
	net_free(sim->net);
	free(sim);
}

void sim_impair(struct sim *sim, const char *line)
{
	char copy[200], *words[20], *save;
	size_t n = 0, bad;
	struct impairment i = {0};
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_int_equal(impair_parse(&i, n, words, &bad), 0);
	assert_int_equal(net_impair(sim->link, NULL, &i), 0);
}

void sim_cut(struct sim *sim, uint32_t *ret_id)
{
	uint8_t sides[3] = {0};
	sides[net_host_index(sim->a)] = 1;
	sides[net_host_index(sim->b)] = 2;
	assert_int_equal(net_cut(sim->net, sides, net_host_count(sim->net), ret_id), 0);
}

/* ---- time ---- */

static void pump_all(struct sim *sim)
{
	list_each (struct sim_actor, actor, &sim->actors, node)
		actor->pump(actor);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

bool sim_run_until(struct sim *sim, bool (*done)(void *), void *arg, time_ns max_ns)
{
	time_ns end = sim->now + max_ns;
	for (;;) {
		pump_all(sim);
		if (done(arg)) return true;
		time_ns next = net_deadline(sim->net);
		if (next > end) break;
		sim->now = MAX(sim->now, next);
		net_advance(sim->net, sim->now, 1);
	}
	sim->now = end;
	net_advance(sim->net, end, 0);
	return false;
}

void sim_run(struct sim *sim, time_ns for_ns) { sim_run_until(sim, never, NULL, for_ns); }

void sim_enter(struct sim *sim, struct net_host *h) { stack_set_now(net_stack(h), sim->now); }
void sim_leave(struct sim *sim, struct net_host *h) { net_touch(sim->net, net_stack(h)); }

/* ---- sockets ---- */

static const char *host_text(const struct sim *sim, int domain, const struct net_host *h)
{
	if (h == sim->a) return domain == AF_INET ? "10.0.1.1" : "fd00:1::1";
	if (sim->r) return domain == AF_INET ? "10.0.2.1" : "fd00:2::1";
	return domain == AF_INET ? "10.0.1.2" : "fd00:1::2";
}

socklen_t sim_name(const struct sim *sim, struct sockaddr_storage *ret, int domain, const struct net_host *h, uint16_t port)
{
	struct addr a = addr_of(host_text(sim, domain, h));
	memset(ret, 0, sizeof *ret);
	if (domain == AF_INET) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ret;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, a.b + 12, 4);
		return sizeof *sin;
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, a.b, 16);
	return sizeof *sin6;
}

struct sock *sim_socket(struct sim *sim, struct net_host *h, int domain, int type, int protocol)
{
	struct sock *sk;
	assert_int_equal(sim_call(sim, h, sock_create(net_stack(h), domain, type, protocol, &sk)), 0);
	return sk;
}

static struct net_host *host_of(struct sock *sk) { return net_host_of(sk->stack); }

void sim_set_int(struct sim *sim, struct sock *sk, int level, int name, int value)
{
	assert_int_equal(sim_call(sim, host_of(sk), sock_setsockopt(sk, level, name, &value, sizeof value)), 0);
}

struct sock *sim_listener(struct sim *sim, struct net_host *h, int domain, uint16_t port)
{
	struct sockaddr_storage ss;
	struct sock *sk = sim_socket(sim, h, domain, SOCK_STREAM, 0);
	socklen_t len = sim_name(sim, &ss, domain, h, port);
	assert_int_equal(sim_call(sim, h, sock_bind(sk, (struct sockaddr *)&ss, len)), 0);
	assert_int_equal(sim_call(sim, h, sock_listen(sk, 16)), 0);
	return sk;
}

int sim_connect_start(struct sim *sim, struct net_host *from, struct sock *sk, const struct net_host *to, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sim_name(sim, &ss, sk->domain, to, port);
	return sim_call(sim, from, sock_connect(sk, (struct sockaddr *)&ss, len));
}

void sim_close(struct sim *sim, struct sock *sk)
{
	struct net_host *h = host_of(sk);
	sim_enter(sim, h);
	sock_close(sk);
	sim_leave(sim, h);
}

int sim_tcp_state(struct sim *sim, struct sock *sk)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	assert_int_equal(sim_call(sim, host_of(sk), sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &info, &len)), 0);
	return info.tcpi_state;
}
