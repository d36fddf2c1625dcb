/*
 * What the engine knows for /proc/net/unix, which is the kernel's (shim/unix_table.c): first the inodes that are none of a Unix socket for programs, in
 * order and 20 digits each, as the shim looks them up; then the lines of the engine's own Unix sockets.
 */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/un.h>
#include "engine/proc/proc.h"
#include "stack/unix/unix.h"

/* As <linux/net.h> numbers them; what nobody has accepted is connecting. */
enum { SHOWN_UNCONNECTED = 1, SHOWN_CONNECTING, SHOWN_CONNECTED };
#define ACCEPTS 0x10000u

typedef unsigned long long ull;

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static size_t collect(const struct hash *h, uint64_t *to)
{
	size_t n = 0;
	for (struct hash_node *at = NULL; (at = hash_walk(h, at));) to[n++] = at->hash;
	return n;
}

/* Anchors, and what stands for the engine's own towards the outside. */
static void not_for_programs(const struct engine *e, struct page *p)
{
	uint64_t *all = calloc(e->inodes.count + e->further_inodes.count + e->slots_used, sizeof *all);
	size_t n = all ? collect(&e->inodes, all) : 0;
	if (all) n += collect(&e->further_inodes, all + n);
	each_esock(e, es)
		if (all && es->outside) all[n++] = outside_inode(es);
	qsort(all, n, sizeof *all, ascending);
	for (size_t i = 0; i < n; i++)
		if (page_takes(p)) text_add(p->t, "%020llu\n", (ull)all[i]);
	free(all);
}

/* A name as the list shows it: NULs of an abstract one are '@'. */
static void name_put(struct text *t, const struct sock *sk)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	const char *path = ((const struct sockaddr_un *)&a)->sun_path;
	if (sock_getsockname(sk, &a, &len) < 0 || len <= offsetof(struct sockaddr_un, sun_path)) return;
	size_t n = MIN(len - offsetof(struct sockaddr_un, sun_path), sizeof((struct sockaddr_un *)0)->sun_path);
	if (*path != 0) n = strnlen(path, n);
	text_add(t, " ");
	for (size_t i = 0; i < n; i++) text_add(t, "%c", path[i] ? path[i] : '@');
}

static void sock_put(struct text *t, const struct sock *sk, const struct unix_facts *f)
{
	int state = !f->held ? SHOWN_CONNECTING : f->state == TCP_ESTABLISHED ? SHOWN_CONNECTED : SHOWN_UNCONNECTED;
	text_add(t, "%016lx: %08X %08X %08X %04X %02X %5lu", proc_pointer(sk), f->refs, 0, sk->listening ? ACCEPTS : 0, sk->type, state,
		 f->held ? (unsigned long)sk->inode : 0);
	name_put(t, sk);
	text_add(t, "\n");
}

void proc_unix(const struct engine *e, size_t host, struct page *p)
{
	not_for_programs(e, p);
	list_each(struct sock, sk, &net_stack(net_host_at(e->net, host))->socks, node) {
		struct unix_facts f;
		if (sk->domain == AF_UNIX && unix_facts_of(sk, &f) && page_takes(p)) sock_put(p->t, sk, &f);
	}
}
