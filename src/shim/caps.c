/*
 * Capabilities. On a virtual host whose programs may do with its network what root may (sockland.privileged), they ask capget before they try, as
 * ping and tcpdump do: so it says that they have the network's capabilities, whatever the kernel knows of them. A program that gives one up
 * with capset has given it up, as far as making sockets goes. Everything else about capabilities is the kernel's.
 */
#include <linux/capability.h>
#include <netinet/in.h>
#include "shim/shim.h"

#define BIT(cap) ((uint32_t)1 << (cap))
#define OURS (BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_BROADCAST) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))

static _Atomic uint32_t permitted = OURS, effective = OURS;

typedef struct __user_cap_header_struct header;
typedef struct __user_cap_data_struct data;

static bool is_about_us(const header *h)
{
	header copy;
	if (user_get(copy, h) != 0 || attach() != 0 || !shim.privileged) return false;
	uint32_t v = copy.version;
	if (v != _LINUX_CAPABILITY_VERSION_1 && v != _LINUX_CAPABILITY_VERSION_2 && v != _LINUX_CAPABILITY_VERSION_3) return false;
	return copy.pid == 0 || copy.pid == shim.pid;
}

long do_capget(header *h, data *ret)
{
	data first;
	long r = sys(SYS_capget, h, ret);
	if (r != 0 || !ret || !is_about_us(h) || user_get(first, ret) != 0) return r;
	first.permitted |= atomic_load(&permitted);
	first.effective |= atomic_load(&effective);
	return user_put(ret, first);
}

/* What the kernel has not given, it would not let us keep: of ours it sees those that it knows of. */
long do_capset(header *h, const data *asked)
{
	data d[2] = {{0}}, known[2] = {{0}};
	header mine;
	if (!is_about_us(h)) return sys(SYS_capset, h, asked);
	user_get(mine, h);
	size_t words = mine.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
	if (user_copy(d, asked, words * sizeof *d) != 0) return -EFAULT;
	uint32_t p = d[0].permitted & OURS, e = d[0].effective & OURS;
	if (p & ~atomic_load(&permitted) || e & ~p) return -EPERM;
	sys(SYS_capget, &mine, known);
	d[0].permitted &= ~OURS | known[0].permitted;
	d[0].effective &= ~OURS | known[0].permitted;
	d[0].inheritable &= ~OURS | known[0].permitted | known[0].inheritable;
	long r = sys(SYS_capset, h, d);
	if (r != 0) return r;
	atomic_store(&permitted, p);
	atomic_store(&effective, e);
	return 0;
}

bool caps_admin(void) { return atomic_load(&effective) & BIT(CAP_NET_ADMIN); }

bool caps_allow(int domain, int type)
{
	bool raw = domain == AF_PACKET || ((domain == AF_INET || domain == AF_INET6) && (type & 0xf) == SOCK_RAW);
	return !raw || atomic_load(&effective) & BIT(CAP_NET_RAW);
}
