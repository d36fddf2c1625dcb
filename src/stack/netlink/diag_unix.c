/* sock_diag of Unix sockets. Read first: sock_diag(7), <linux/unix_diag.h>. */
#include <errno.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <sys/sysmacros.h>
#include "stack/netlink/diag.h"
#include "stack/unix/unix.h"

#define CALLERS_MAX 384           /* of a listener: what beside them has room in a message. Linux has room for about 950, and refuses with the same errno */

struct subject { const struct unix_diag_req *q; const struct unix_facts *f; const struct sock *sk; };

static const struct subject *of(const void *o) { return o; }
static bool asked(const void *o, uint32_t what) { return of(o)->q->udiag_show & what; }

static void put_name(struct nl_writer *w, uint16_t type, const void *o)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name, at = offsetof(struct sockaddr_un, sun_path);

	if (asked(o, UDIAG_SHOW_NAME) && sock_getsockname(of(o)->sk, &name, &len) == 0 && len > at) nl_put(w, type, (const char *)&name + at, len - at);
}

/* The device as the kernel writes it, not as stat does. */
static void put_vfs(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct inode *node = of(o)->f->node;
	struct unix_diag_vfs v;

	if (!asked(o, UDIAG_SHOW_VFS) || !node) return;
	v = (struct unix_diag_vfs){.udiag_vfs_ino = (uint32_t)node->ino, .udiag_vfs_dev = major(node->dev) << 20 | minor(node->dev)};
	nl_put(w, type, &v, sizeof v);
}

static void put_peer(struct nl_writer *w, uint16_t type, const void *o)
{
	if (asked(o, UDIAG_SHOW_PEER) && of(o)->f->has_peer) nl_put_u32(w, type, (uint32_t)of(o)->f->peer);
}

static void put_callers(struct nl_writer *w, uint16_t type, const void *o)
{
	uint32_t inodes[CALLERS_MAX], n;

	if (!asked(o, UDIAG_SHOW_ICONS) || !of(o)->sk->listening) return;
	n = unix_callers(of(o)->sk, inodes, CALLERS_MAX);
	nl_put(w, type, inodes, MIN(n, CALLERS_MAX) * sizeof *inodes);
}

static void put_queues(struct nl_writer *w, uint16_t type, const void *o)
{
	struct unix_diag_rqlen r;

	if (!asked(o, UDIAG_SHOW_RQLEN)) return;
	unix_queues(of(o)->sk, &r.udiag_rqueue, &r.udiag_wqueue);
	nl_put(w, type, &r, sizeof r);
}

/* As Linux: what waits to be read is its sender's. */
static void put_meminfo(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct sock *sk = of(o)->sk;
	uint32_t m[SK_MEMINFO_VARS] = {[SK_MEMINFO_RCVBUF] = sk->rcvbuf, [SK_MEMINFO_SNDBUF] = sk->sndbuf}, in, out = 0;

	if (!asked(o, UDIAG_SHOW_MEMINFO)) return;
	if (!sk->listening) unix_queues(sk, &in, &out);
	m[SK_MEMINFO_WMEM_ALLOC] = out;
	nl_put(w, type, m, sizeof m);
}

static void put_shutdown(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u8(w, type, of(o)->sk->shut); }

static void put_uid(struct nl_writer *w, uint16_t type, const void *o)
{
	if (asked(o, UDIAG_SHOW_UID)) nl_put_u32(w, type, of(o)->sk->uid);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(UNIX_DIAG_NAME, put_name),
	ROW(UNIX_DIAG_VFS, put_vfs),
	ROW(UNIX_DIAG_PEER, put_peer),
	ROW(UNIX_DIAG_ICONS, put_callers),
	ROW(UNIX_DIAG_RQLEN, put_queues),
	ROW(UNIX_DIAG_MEMINFO, put_meminfo),
	ROW(UNIX_DIAG_SHUTDOWN, put_shutdown),
	ROW(UNIX_DIAG_UID, put_uid),
	{.text = NULL},
};

static void write(struct nl_writer *w, const struct subject *o)
{
	struct unix_diag_msg m = {.udiag_family = AF_UNIX, .udiag_type = (uint8_t)o->sk->type, .udiag_state = o->f->state, .udiag_ino = (uint32_t)o->sk->inode};

	diag_put_cookie(m.udiag_cookie, o->sk);
	nl_begin(w, SOCK_DIAG_BY_FAMILY, &m, sizeof m);
	nl_put_rows(w, rows, o);
	nl_end(w);
}

static struct unix_diag_req request_of(const struct nl_request *q)
{
	struct unix_diag_req h;

	nl_header(q, &h, sizeof h);
	return h;
}

/* Without an inode there is nothing to show: nobody has accepted it. */
static bool is_shown(const struct sock *sk, struct unix_facts *ret) { return sk->domain == AF_UNIX && unix_facts_of(sk, ret) && ret->held; }

/* As a kernel without the table: who asks then reads /proc/net/unix. */
static int check(const struct netlink_sock *ns, const struct nl_request *q)
{
	(void)q;
	return unix_is_listed(ns->sk.stack) ? 0 : -ENOENT;
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct unix_diag_req h = request_of(q);
	struct unix_facts f;

	list_each(struct sock, sk, &nl_stack(w)->socks, node)
		if (is_shown(sk, &f) && h.udiag_states & 1u << f.state) write(w, &(struct subject){&h, &f, sk});
	return 0;
}

static const struct sock *find(const struct stack *s, uint32_t inode, struct unix_facts *ret)
{
	list_each(struct sock, sk, &s->socks, node)
		if ((uint32_t)sk->inode == inode && is_shown(sk, ret)) return sk;
	return NULL;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct unix_diag_req h = request_of(q);
	struct unix_facts f;
	const struct sock *sk;

	if (!unix_is_listed(nl_stack(w))) return -ENOENT;
	if (h.udiag_ino == 0) return -EINVAL;
	sk = find(nl_stack(w), h.udiag_ino, &f);
	if (!sk) return -ENOENT;
	if (!diag_is_cookie(h.udiag_cookie, sk->cookie)) return -ESTALE;
	if (h.udiag_show & UDIAG_SHOW_ICONS && sk->listening && unix_callers(sk, NULL, 0) > CALLERS_MAX) return -EMSGSIZE;
	write(w, &(struct subject){&h, &f, sk});
	return 0;
}

const struct diag_family diag_unix = {AF_UNIX, sizeof(struct unix_diag_req), check, dump, one, NULL, true};
