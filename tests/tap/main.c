/* Hosts of ours beside the kernel: tap-host DEVICE [NETEM WORDS…]. Says "ready" when it is, and ends with its standard input. Lines there:
 * "mtu N", and "tunnel SECRET KEY SHARED BEGINS": tunnel.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "host/crypto.h"
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/mptcp/msk.h"
#include "tap.h"

#define FRAME_MAX 65600

static time_ns now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_tap(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(r.ifr_name, IFNAMSIZ, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) fail("/dev/net/tun");
	return fd;
}

static void on_ready(void *user, struct sock *sk) { (void)user, (void)sk; }

/* What came over the link goes into the device. */
static void on_frame(void *user, const struct net_frame *f)
{
	struct tap *t = user;

	if (f->sent || f->dropped != DROP_NONE || f->nif != t->wire_if) return;
	if (write(t->fd, f->p->data, f->p->len) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EIO) fail("write to the device");
}

static bool watches(void *user, const struct net_link *cable) { return ((struct tap *)user)->link == cable; }

static void take_frames(struct tap *t)
{
	static uint8_t frame[FRAME_MAX];
	struct stack *wire = net_stack(t->wire);

	for (ssize_t n; (n = read(t->fd, frame, sizeof frame)) > 0;) {
		struct packet *p = packet_new(PACKET_HEADROOM, (size_t)n);
		memcpy(p->data, frame, (size_t)n);
		wire->ops->transmit(wire->host, t->wire_if, p);
	}
}

/* ---- the network ---- */

static struct netif *plug(struct tap *t, struct net_link *l, struct net_host *h, const char *name, const char *a4, const char *a6)
{
	struct netif *nif;
	struct addr v4, v6;

	if (net_attach(t->net, l, h, name, 1500, &nif) < 0) fail("net_attach");
	if (!a4) return nif;
	if (addr_parse(&v4, a4) < 0 || addr_parse(&v6, a6) < 0 || netif_addr_add(nif, &v4, 24) < 0 || netif_addr_add(nif, &v6, 64) < 0) fail("addresses");
	return nif;
}

static void route_by(struct stack *s, const char *gw4, const char *gw6)
{
	struct route r4 = {.dst = addr_any4, .has_gateway = true}, r6 = {.dst = addr_any6, .has_gateway = true};

	addr_parse(&r4.gateway, gw4);
	addr_parse(&r6.gateway, gw6);
	if (route_add(s, &r4, NULL) < 0 || route_add(s, &r6, NULL) < 0) fail("routes");
}

static void build(struct tap *t, size_t n_words, char *const *words)
{
	static const struct net_ops ops = {.ready = on_ready, .tap = on_frame, .watches = watches, .crypto = host_crypto};
	struct net_link *behind;
	struct impairment i = {0};
	size_t wrong;

	t->net = net_new(1, &ops, t, now_ns());
	if (net_add_host(t->net, "wire", &t->wire) | net_add_host(t->net, "us", &t->us) | net_add_host(t->net, "far", &t->far)) fail("hosts");
	if (net_add_pair(t->net, "tap", &t->link) | net_add_pair(t->net, "behind", &behind)) fail("links");
	t->wire_if = plug(t, t->link, t->wire, "eth0", NULL, NULL);
	netif_set_flags(t->wire_if, t->wire_if->flags & (uint32_t)~IFF_UP);
	plug(t, t->link, t->us, "eth0", "10.77.0.2", "fd77::2");
	plug(t, behind, t->us, "eth1", "10.78.0.1", "fd78::1");
	plug(t, behind, t->far, "eth0", "10.78.0.2", "fd78::2");
	net_stack(t->us)->mptcp->max_accepted = 2;
	sysctl_set_router(net_stack(t->us)->sysctl, 1);
	route_by(net_stack(t->far), "10.78.0.1", "fd78::1");
	if (impair_parse(&i, n_words, words, &wrong) < 0) {
		fprintf(stderr, "\"%s\" is no impairment\n", words[wrong]);
		exit(2);
	}
	if (net_impair(t->link, NULL, &i) < 0) fail("net_impair");
}

/* ---- time ---- */

static bool hear(struct tap *t)
{
	char line[300];
	ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
	unsigned mtu;

	if (n <= 0) return false;
	line[n] = 0;
	if (sscanf(line, "mtu %u", &mtu) == 1) netif_by_name(net_stack(t->us), "eth0")->mtu_bytes = mtu;
	if (strncmp(line, "tunnel ", 7) == 0) tunnel_make(net_stack(t->us), line + 7);
	net_touch(t->net, net_stack(t->us));
	return true;
}

static void wait_for(struct tap *t, struct pollfd *f)
{
	time_ns due = net_deadline(t->net), now = now_ns(), wait = MAX(MIN(due, now + NS_PER_S) - now, 0);

	if (ppoll(f, 2, &(struct timespec){wait / NS_PER_S, wait % NS_PER_S}, NULL) < 0 && errno != EINTR) fail("ppoll");
}

int main(int argc, char **argv)
{
	struct tap t = {0};

	if (argc < 2) return 2;
	list_init(&t.conns);
	t.fd = open_tap(argv[1]);
	build(&t, (size_t)argc - 2, argv + 2);
	services_start(&t);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd f[] = {{STDIN_FILENO, POLLIN, 0}, {t.fd, POLLIN, 0}};
		wait_for(&t, f);
		if (f[0].revents && !hear(&t)) break;
		take_frames(&t);
		while (net_advance(t.net, now_ns(), 1000))
			services_pump(&t);
		services_pump(&t);
	}
	net_free(t.net);
	return 0;
}
