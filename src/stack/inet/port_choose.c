/*
 * SO_ATTACH_REUSEPORT_CBPF: which member of a group a packet is for, by a program instead of a hash. It sees what follows the transport header, and
 * answers the number of a member, counted from the one that bound first; a number that nobody has leaves it to the hash. The program is the group's:
 * any member attaches it, and it stays on that one until another one comes.
 */
#include <errno.h>
#include "stack/inet/port_private.h"
#include "stack/socket/filter.h"
#include "wire/wire.h"

bool port_same_group(const struct inet_sock *a, const struct inet_sock *b)
{
	if (!b->sk.reuseport || a->sk.domain != b->sk.domain || a->v6only != b->v6only) return false;
	return a->sk.uid == b->sk.uid && a->sk.bound_if == b->sk.bound_if && addr_eq(&a->laddr, &b->laddr);
}

/* Takes the program from the group of is: was there one? */
static bool take_away(struct inet_sock *is)
{
	const struct port *p = is->bound ? port_find(port_space_of_sock(is), is->lport) : NULL;
	bool found = is->chooser;

	filter_free(is->chooser);
	is->chooser = NULL;
	if (!p) return found;
	list_each(struct inet_sock, member, &p->owners, port_node) {
		if (!member->chooser || !port_same_group(is, member)) continue;
		filter_free(member->chooser);
		member->chooser = NULL;
		found = true;
	}
	return found;
}

int port_chooser_set(struct sock *sk, const void *val, socklen_t len)
{
	struct inet_sock *is = (struct inet_sock *)sk;
	struct filter *f;
	int r;

	if (sk->filter_locked) return -EPERM;
	r = filter_new(val, len, &f);
	if (r < 0) return r;
	if (!sk->reuseport || sk->type == SOCK_RAW) {
		filter_free(f);
		return -EINVAL;
	}
	take_away(is);
	is->chooser = f;
	return 0;
}

int port_chooser_detach(struct sock *sk, const void *val, socklen_t len)
{
	(void)val, (void)len;
	if (!sk->reuseport) return -EINVAL;
	return take_away((struct inet_sock *)sk) ? 0 : -ENOENT;
}

const struct filter *port_chooser(const struct port *p, const struct inet_sock *of)
{
	list_each(struct inet_sock, is, &p->owners, port_node)
		if (is->chooser && port_same_group(of, is)) return is->chooser;
	return NULL;
}

uint32_t port_choice(const struct filter *f, const struct inet_sock *of, const struct packet *p)
{
	size_t skip = of->sk.type == SOCK_STREAM ? 0 : MIN(p->len, UDP_HDR_LEN);
	struct filter_view v = {.data = p->data + skip, .len = p->len - skip, .mark = p->mark};

	return filter_run(f, &v, of->sk.stack);
}
