/*
 * The files that a host sees instead of the machine's. Those of /etc make the ordinary calls (getaddrinfo, gethostbyname) find the other hosts by
 * name, and nothing else. Those below /proc/net tell what its stack knows (engine/proc), and those below /proc/sys/net its settings (proc/setting.c);
 * what it has nothing to say of is not there.
 * A file is handed out in pieces of whole lines, as many as fit into an answer.
 */
#include <errno.h>
#include "engine/private.h"
#include "engine/proc/proc.h"
#include "engine/proc/tree.h"

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

static const struct { const char *path; void (*write)(const struct engine *, size_t host, struct page *); } files[] = {
	{"/etc/hosts", file_hosts}, {"/etc/hostname", file_hostname}, {"/etc/resolv.conf", file_resolv},
	{"/etc/nsswitch.conf", file_nsswitch}, {"/etc/host.conf", file_hostconf}, {"/proc/net/unix", proc_unix},
};

/* What follows a directory's name in a path; NULL: it is not below that. */
static const char *below(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return strncmp(path, directory, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static int file_write(struct engine *e, size_t host, const char *path, struct page *p)
{
	struct stack *s = net_stack(net_host_at(e->net, host));
	const char *proc = below(path, "/proc/net"), *device = below(path, "/sys/devices/virtual/net"), *setting = below(path, "/proc/sys/net");
	const struct proc_file *listed = proc ? proc_find(proc) : NULL;
	stack_set_now(s, e->now);
	if (device) return sysfs_device_read(s, device, p->t);
	if (setting) return setting_read(s, setting, p->t);
	if (listed) {
		listed->write(s, p);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(files[i].path, path) != 0) continue;
		files[i].write(e, host, p);
		return 0;
	}
	return -ENOENT;
}

int64_t serve_file(struct call *k)
{
	char path[FILE_PATH_MAX + 1] = "";
	struct text t = {(char *)k->out, RPC_TEXT_MAX, 0};
	struct page p = {.t = &t, .from = (size_t)k->q->arg[0]};
	memcpy(path, k->in, MIN(k->q->in_len, FILE_PATH_MAX));
	int r = file_write(k->e, k->c->host, path, &p);
	if (r < 0) return r;
	k->reply.out_len = (uint32_t)t.len;
	return p.full ? (int64_t)p.at : 0;
}
