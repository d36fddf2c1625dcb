/* See world.h. */
#include "world.h"

#define NO_LIMIT 0

static void on_ready(void *user, struct sock *sk) { (void)user, (void)sk; }

static int on_share(void *user, const struct sock *sk, struct shared_memory *m)
{
	(void)user, (void)sk;
	m->at = calloc(1, m->octets);
	return m->at ? 0 : -ENOMEM;
}

static void on_unshare(void *user, struct shared_memory *m)
{
	(void)user;
	free(m->at);
}

static struct netif *attach(struct world *w, struct net_link *l, const char *host, struct stack **ret)
{
	struct net_host *h;
	struct netif *nif;

	assert_int_equal(net_add_host(w->net, host, &h), 0);
	assert_int_equal(net_attach(w->net, l, h, "eth0", 1500, &nif), 0);
	*ret = net_stack(h);
	return nif;
}

static void address(struct netif *nif, const char *text)
{
	struct addr a;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&a, &plen, text), 0);
	assert_int_equal(netif_addr_add(nif, &a, plen), 0);
}

int world_setup(void **state)
{
	static const struct net_ops ops = {.ready = on_ready, .share = on_share, .unshare = on_unshare};
	struct world *w = calloc(1, sizeof *w);
	struct net_link *l;

	w->now = NS_PER_S;
	w->net = net_new(1, &ops, NULL, w->now);
	assert_int_equal(net_add_pair(w->net, "a--b", &l), 0);
	w->a_if = attach(w, l, "a", &w->a);
	w->b_if = attach(w, l, "b", &w->b);
	address(w->a_if, "10.0.0.1/24");
	address(w->a_if, "fd00::1/64");
	address(w->b_if, "10.0.0.2/24");
	address(w->b_if, "fd00::2/64");
	settle(w);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	net_free(w->net);
	free(w);
	return 0;
}

void settle(struct world *w)
{
	time_ns end = w->now + 100 * NS_PER_MS;

	net_touch(w->net, w->a);
	net_touch(w->net, w->b);
	while (net_deadline(w->net) <= end) {
		w->now = MAX(w->now, net_deadline(w->net));
		net_advance(w->net, w->now, NO_LIMIT);
	}
	w->now = end;
	net_advance(w->net, w->now, NO_LIMIT);
}

struct name name4(const char *addr, uint16_t port)
{
	struct addr a;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct name n = {.len = sizeof in};

	assert_int_equal(addr_parse(&a, addr), 0);
	memcpy(&in.sin_addr, a.b + 12, 4);
	memcpy(&n.ss, &in, sizeof in);
	return n;
}

struct name name6(const char *addr, uint16_t port)
{
	struct addr a;
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct name n = {.len = sizeof in};

	assert_int_equal(addr_parse(&a, addr), 0);
	memcpy(&in.sin6_addr, a.b, 16);
	memcpy(&n.ss, &in, sizeof in);
	return n;
}

struct sock *sock_make(struct stack *s, int domain, int type, int protocol)
{
	struct sock *sk;

	assert_int_equal(sock_create(s, domain, type, protocol, &sk), 0);
	return sk;
}

struct sock *udp(struct stack *s, int domain) { return sock_make(s, domain, SOCK_DGRAM, 0); }

struct sock *udp_bound(struct stack *s, struct name n)
{
	struct sock *sk = udp(s, n.ss.ss_family);

	assert_int_equal(do_bind(sk, n), 0);
	return sk;
}

int do_bind(struct sock *sk, struct name n) { return sock_bind(sk, (struct sockaddr *)&n.ss, n.len); }
int do_connect(struct sock *sk, struct name n) { return sock_connect(sk, (struct sockaddr *)&n.ss, n.len); }

ssize_t do_send(struct sock *sk, const void *data, size_t len)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len});
}

ssize_t do_sendto(struct sock *sk, const void *data, size_t len, struct name n)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len, .name = &n.ss, .name_len = n.len});
}

ssize_t do_recv(struct sock *sk, void *buf, size_t len, int flags)
{
	return sock_recv(sk, &(struct sock_msg){.data = buf, .len = len, .flags = flags});
}

int set_int(struct sock *sk, int level, int name, int v) { return sock_setsockopt(sk, level, name, &v, sizeof v); }

int get_int(struct sock *sk, int level, int name)
{
	int v = 0, r;
	socklen_t len = sizeof v;

	r = sock_getsockopt(sk, level, name, &v, &len);
	return r < 0 ? r : v;
}

struct name local_name(struct sock *sk)
{
	struct name n;

	assert_int_equal(sock_getsockname(sk, &n.ss, &n.len), 0);
	return n;
}

struct name peer_name(struct sock *sk)
{
	struct name n;

	assert_int_equal(sock_getpeername(sk, &n.ss, &n.len), 0);
	return n;
}

uint16_t local_port(struct sock *sk)
{
	struct name n = local_name(sk);

	return ntohs(((struct sockaddr_in *)&n.ss)->sin_port);   /* at the same place in both families */
}

void assert_name(struct name got, struct name want)
{
	assert_int_equal(got.len, want.len);
	assert_memory_equal(&got.ss, &want.ss, want.len);
}

ssize_t do_recvmsg(struct sock *sk, int flags, struct sock_msg *m)
{
	static char data[70000], control[4096];
	static struct sockaddr_storage name;

	*m = (struct sock_msg){.data = data, .len = sizeof data, .name = &name, .name_len = sizeof name, .control = control, .control_len = sizeof control,
			       .flags = flags};
	return sock_recv(sk, m);
}

ssize_t control_of(const struct sock_msg *m, int level, int type, void *data, size_t size)
{
	struct msghdr h = {.msg_control = m->control, .msg_controllen = m->control_len};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);
		if (c->cmsg_level != level || c->cmsg_type != type) continue;
		memcpy(data, CMSG_DATA(c), MIN(len, size));
		return (ssize_t)len;
	}
	return -1;
}
