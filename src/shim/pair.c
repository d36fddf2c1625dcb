/*
 * socketpair(). What two of the engine's send each other goes past it, by shared rings. Such a pair takes descriptors and channels of the engine's, of which
 * a process may have only so many: past that it gets the kernel's pairs, which need no network.
 */
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

static bool pair_there(int *pair)
{
	int probe[2] = {-1, -1};
	return user_copy(probe, pair, sizeof probe) == 0 && user_copy(pair, probe, sizeof probe) == 0;
}

static bool is_unix_type(int type) { return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_RAW || type == SOCK_SEQPACKET; }

static long pair_private(int type, int protocol, int *pair)
{
	struct rpc_pair second;
	struct call c = {.op = RPC_PAIR, .arg = {type & ~TYPE_FLAGS, protocol}, .out = &second, .out_cap = sizeof second, .want_fd = true,
			 .cloexec = type & SOCK_CLOEXEC};
	if (!pair_there(pair)) return -EFAULT;
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	long a = c.fd_count == 2 ? anchor_give(c.fds[0], c.channel, c.generation, type) : -EMFILE;
	if (c.fd_count == 1) sys(SYS_close, c.fds[0]);
	if (a < 0 && c.fd_count == 2) sys(SYS_close, c.fds[1]);
	if (a < 0) return a;
	long b = anchor_give(c.fds[1], second.channel, second.generation, type);
	if (b < 0) {
		do_close((int)a);
		return b;
	}
	const int both[2] = {(int)a, (int)b};
	return user_copy(pair, both, sizeof both);
}

static long pair_of_kernel(int domain, int type, int protocol, int *pair)
{
	long r;
	do r = gate(SYS_socketpair, domain, type, protocol, pair);
	while (shim.active && spares_give_way(r));
	if (r == 0) {
		table_set_kernel(pair[0]);
		table_set_kernel(pair[1]);
	}
	return r;
}

/* Only AF_UNIX has pairs, but Linux makes a socket before it says so, and touches the array before that. */
static long pair_refused(int domain, int type, int protocol, int *pair)
{
	if (type & ~(0xf | TYPE_FLAGS)) return -EINVAL;
	if (!pair_there(pair)) return -EFAULT;
	long fd = do_socket(domain, type, protocol);
	if (fd < 0) return fd;
	do_close((int)fd);
	return -EOPNOTSUPP;
}

/* EMFILE may be the program's own limit: the kernel says so, too. */
static bool is_used_up(long r) { return r == -ENFILE || r == -EMFILE || r == -ENOBUFS || r == -ENOMEM; }

long do_socketpair(int domain, int type, int protocol, int *pair)
{
	if (shim.active && domain != AF_UNIX) return pair_refused(domain, type, protocol, pair);
	bool ours = shim.active && !shim.kernel_unix && !shim.plain_unix && !spawned() && is_unix_type(type & ~TYPE_FLAGS);
	if (!ours) return pair_of_kernel(domain, type, protocol, pair);
	long r;
	do r = pair_private(type, protocol, pair);
	while (spares_give_way(r));
	return is_used_up(r) ? pair_of_kernel(domain, type, protocol, pair) : r;
}
