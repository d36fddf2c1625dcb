/*
 * The files that a host sees instead of the machine's. Those of /etc make the ordinary calls (getaddrinfo, gethostbyname) find the other hosts by
 * name, and nothing else. By /proc/net/if_inet6 programs (Java, say) learn whether there is IPv6, and which addresses an interface has. Those below
 * /proc/sys/net tell the host's settings; what it has no setting of its own for is not there.
 * A file is handed out in pieces of whole lines, as many as fit into an answer.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include "engine/private.h"
#include "stack/core/sysctl.h"

static void hosts_lines(const struct engine *e, struct page *p, const struct topo_addr *(*pick)(const struct topo_if *))
{
	char buf[ADDR_TEXT_MAX];
	for (size_t i = 0; i < e->topo->n_ifs; i++) {
		const struct topo_addr *a = pick(&e->topo->ifs[i]);
		if (a->plen != 0 && page_takes(p)) text_add(p->t, "%s\t%s\n", addr_text(buf, &a->addr), e->topo->hosts[e->topo->ifs[i].host].name);
	}
}

static const struct topo_addr *pick_v4(const struct topo_if *i) { return &i->v4; }
static const struct topo_addr *pick_v6(const struct topo_if *i) { return &i->v6; }

/* A host without an interface of its own finds itself on loopback, as Debian's 127.0.1.1 does it. */
static void file_hosts(const struct engine *e, size_t host, struct page *p)
{
	bool connected = false;
	if (page_takes(p)) text_add(p->t, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < e->topo->n_ifs; i++) connected |= e->topo->ifs[i].host == host;
	if (!connected && page_takes(p)) text_add(p->t, "127.0.1.1\t%s\n", e->topo->hosts[host].name);
	hosts_lines(e, p, pick_v4);
	hosts_lines(e, p, pick_v6);
}

static void file_hostname(const struct engine *e, size_t host, struct page *p)
{
	if (page_takes(p)) text_add(p->t, "%s\n", e->topo->hosts[host].name);
}

/* There is no name server to be asked, unless the host itself runs one: what glibc assumes without this line, and other resolvers do not. */
static void file_resolv(const struct engine *e, size_t host, struct page *p)
{
	(void)e, (void)host;
	if (page_takes(p)) text_add(p->t, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
}

static void file_nsswitch(const struct engine *e, size_t host, struct page *p)
{
	(void)e, (void)host;
	if (!page_takes(p)) return;
	text_add(p->t, "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\n");
	text_add(p->t, "protocols: files\nservices: files\nethers: files\nrpc: files\n");
}

static void file_hostconf(const struct engine *e, size_t host, struct page *p)
{
	(void)e, (void)host;
	if (page_takes(p)) text_add(p->t, "multi on\n");
}

/* The scope is written as the kernel's own bits of an address's type. */
static void if_inet6_line(struct text *t, const struct netif_addr *ia)
{
	for (size_t i = 0; i < sizeof ia->addr.b; i++) text_add(t, "%02x", ia->addr.b[i]);
	unsigned scope = ia->scope == RT_SCOPE_HOST ? 0x10 : ia->scope == RT_SCOPE_LINK ? 0x20 : 0;
	text_add(t, " %02x %02x %02x %02x %8s\n", ia->netif->index, ia->plen, scope, ia->flags & 0xff, ia->netif->name);
}

static void file_if_inet6(const struct engine *e, size_t host, struct page *p)
{
	list_each(struct netif, nif, &net_stack(net_host_at(e->net, host))->netifs, node) {
		list_each(struct netif_addr, ia, &nif->addrs, node) {
			if (!addr_is_v4(&ia->addr) && page_takes(p)) if_inet6_line(p->t, ia);
		}
	}
}

static const struct { const char *path; void (*write)(const struct engine *, size_t host, struct page *); } files[] = {
	{"/etc/hosts", file_hosts}, {"/etc/hostname", file_hostname}, {"/etc/resolv.conf", file_resolv},
	{"/etc/nsswitch.conf", file_nsswitch}, {"/etc/host.conf", file_hostconf},
	{"/proc/net/if_inet6", file_if_inet6},
};

/* The part of a path below /proc/sys that names a setting, written as sysctl(8) does. */
static int sysctl_text(const struct engine *e, size_t host, const char *path, size_t len, struct text *t)
{
	static const char root[] = "/proc/sys/";
	char name[128], value[256];
	if (len < sizeof root || len - (sizeof root - 1) >= sizeof name || memcmp(path, root, sizeof root - 1) != 0) return -ENOENT;
	len -= sizeof root - 1;
	for (size_t i = 0; i < len; i++) name[i] = path[sizeof root - 1 + i] == '/' ? '.' : path[sizeof root - 1 + i];
	name[len] = '\0';
	int r = sysctl_get(net_stack(net_host_at(e->net, host))->sysctl, name, value, sizeof value);
	if (r >= 0) text_add(t, "%s\n", value);
	return MIN(r, 0);
}

int64_t serve_file(struct call *k)
{
	size_t len = strnlen((const char *)k->in, k->q->in_len);
	struct text t = {(char *)k->out, RPC_OUT_MAX, 0};
	struct page p = {.t = &t, .from = (size_t)k->q->arg[0]};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strlen(files[i].path) != len || memcmp(files[i].path, k->in, len) != 0) continue;
		files[i].write(k->e, k->c->host, &p);
		k->reply.out_len = (uint32_t)t.len;
		return p.full ? (int64_t)p.at : 0;
	}
	int r = sysctl_text(k->e, k->c->host, (const char *)k->in, len, &t);
	if (r == 0) k->reply.out_len = (uint32_t)t.len;
	return r;
}
