/*
 * ioctl on sockets. A request is the kernel's on the anchor (flags of the descriptor, owners of signals), the channel's (octets that wait), or the
 * engine's: then its struct goes over and comes back, as large as the request's number says here.
 */
#include <fcntl.h>
#include <netinet/in.h>     /* before the kernel's of the same names */
#include <linux/ethtool.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/ipv6.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define ETHTOOL_DATA 256     /* octets for what SIOCETHTOOL points to; stack/inet/ioctl_ethtool.c */
#define STAMP 0x8906         /* SIOCGSTAMP and SIOCGSTAMPNS by their old numbers; the new ones say the size of what is the same here */
#define STAMPNS 0x8907
#define STAMP_NEW 0x80108906u
#define STAMPNS_NEW 0x80108907u

/* ---- numbers ---- */

static long bytes_waiting(const struct sock *s, void *ret)
{
	struct record r;
	int n;
	if (s->c->domain == AF_UNIX || is_sctp(s) || is_asked(s)) {
		long e = unix_waiting(s, &n);
		return e < 0 ? e : user_put(ret, n);
	}
	if (s->c->type == SOCK_STREAM) n = (int)chan_rx_used(shim.arena, s->c);
	else {
		critical_enter();
		chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
		n = chan_peek_record(shim.arena, s->c, &r) ? (int)r.data_len : 0;
		chan_unlock(&s->c->rx.lock, futex_shared);
		critical_leave();
	}
	return shared_get32(&s->c->state) & CHS_LISTENING ? -EINVAL : user_put(ret, n);
}

/* What the engine fills without a look at what is there. */
static long asked(const struct sock *s, unsigned long request, void *arg, size_t size)
{
	uint8_t out[16] = {0};
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {(int64_t)request}, .in = {{out, size}}, .out = out, .out_cap = size};
	int64_t r = control(&c);
	return r < 0 ? (long)r : user_copy(arg, out, size);
}

/* ---- structs ---- */

/* SIOCGIFCONF is the one whose struct points on: the rows come back as octets. */
static long interface_list(const struct sock *s, struct ifconf *conf)
{
	if (!user_there(conf, sizeof *conf)) return -EFAULT;
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {SIOCGIFCONF}, .out = conf->ifc_buf, .out_cap = conf->ifc_buf ? (size_t)MAX(conf->ifc_len, 0) : 0};
	c.out_cap -= c.out_cap % sizeof(struct ifreq);
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	conf->ifc_len = (int)(conf->ifc_buf ? MIN(c.out_len, c.out_cap) : c.out_len);
	return 0;
}

/* IPv4's route names its interface by a pointer: the name goes behind the struct. */
static long route4(const struct sock *s, unsigned long request, const struct rtentry *arg)
{
	struct { struct rtentry e; char dev[IFNAMSIZ]; } v = {0};
	if (user_get(v.e, arg) != 0 || (v.e.rt_dev && user_copy(v.dev, v.e.rt_dev, sizeof v.dev - 1) != 0)) return -EFAULT;
	v.e.rt_dev = NULL;
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {(int64_t)request}, .in = {{&v, sizeof v}}};
	return (long)control(&c);
}

static long passed(const struct sock *s, unsigned long request, void *arg, size_t size)
{
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {(int64_t)request}, .in = {{arg, size}}, .out = arg, .out_cap = size};
	return (long)control(&c);
}

/* Octets of a command's struct that say what is asked, and behind which the answer stands. */
static size_t ethtool_question(uint32_t cmd)
{
	switch (cmd) {
	case ETHTOOL_GLINKSETTINGS: return sizeof(struct ethtool_link_settings);
	case ETHTOOL_GPERMADDR: return sizeof(struct ethtool_perm_addr);
	case ETHTOOL_GSSET_INFO: return sizeof(struct ethtool_sset_info);
	default: return sizeof cmd;
	}
}

/* As Linux: what the request points to is read before the interface is looked for. It goes behind the struct ifreq; the answer is its length. */
static long ethtool(const struct sock *s, struct ifreq *arg)
{
	struct { struct ifreq r; uint8_t data[ETHTOOL_DATA]; } v = {0};
	uint32_t cmd;
	if (user_get(v.r, arg) != 0) return -EFAULT;
	char *data = v.r.ifr_data;
	if (user_get(cmd, (const uint32_t *)data) != 0 || user_copy(v.data, data, ethtool_question(cmd)) != 0) return -EFAULT;
	v.r.ifr_data = NULL;
	int64_t n = passed(s, SIOCETHTOOL, &v, sizeof v);
	if (n <= 0) return (long)n;
	return user_copy(data, v.data, MIN((size_t)n, sizeof v.data)) != 0 ? -EFAULT : 0;
}

/* The network that the socket is in: as a descriptor the kernel has none of ours, so it is the program's own. */
static long namespace(void)
{
	if (!shim.privileged) return -EPERM;
	long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) table_set_kernel((int)fd);
	return fd;
}

/* ---- requests ---- */

static bool speaks_inet(const struct sock *s) { return s->c->domain == AF_INET || s->c->domain == AF_PACKET; }

/* Octets behind the pointer of a request, of those that begin with the number of sockets: most carry a struct ifreq, known or not. */
static size_t request_size(const struct sock *s, unsigned long request)
{
	bool six = s->c->domain == AF_INET6;
	switch (request) {
	case SIOCGETVIFCNT: return sizeof(struct sioc_vif_req);   /* IPv6's is like it */
	case SIOCGETSGCNT: return six ? sizeof(struct sioc_sg_req6) : sizeof(struct sioc_sg_req);
	case SIOCADDRT: case SIOCDELRT: return six ? sizeof(struct in6_rtmsg) : sizeof(struct ifreq);
	case SIOCSIFADDR: case SIOCDIFADDR: return six ? sizeof(struct in6_ifreq) : sizeof(struct ifreq);
	case SIOCSARP: case SIOCGARP: case SIOCDARP: return speaks_inet(s) ? sizeof(struct arpreq) : sizeof(struct ifreq);
	default: return sizeof(struct ifreq);
	}
}

/* Requests that ask for the right before they read anything. */
static bool rights_first(const struct sock *s, unsigned long request)
{
	switch (request) {
	case SIOCADDRT: case SIOCDELRT: return false;
	case SIOCSARP: case SIOCDARP: return speaks_inet(s);
	case SIOCSIFADDR: case SIOCDIFADDR: return s->c->domain == AF_INET6;
	case SIOCBRADDBR: case SIOCBRDELBR: case SIOCBRADDIF: case SIOCBRDELIF: return true;
	default: return false;
	}
}

/* SIOCUNIXFILE: the file that a Unix socket is bound to. */
static long path_open(const struct sock *s)
{
	struct { struct sockaddr_un un; char end; } name = {0};
	socklen_t len = sizeof name.un;
	if (!shim.privileged) return -EPERM;
	if (do_getsockname(s->fd, (struct sockaddr *)&name.un, &len) != 0 || len <= offsetof(struct sockaddr_un, sun_path)) return -ENOENT;
	return name.un.sun_path[0] ? sys(SYS_openat, AT_FDCWD, name.un.sun_path, O_PATH | O_CLOEXEC, 0) : -ENOENT;
}

static long ioctl_engine(const struct sock *s, unsigned long request, void *arg)
{
	bool netlink = s->c->domain == AF_NETLINK, has_stamps = !netlink && s->c->domain != AF_UNIX;
	if (rights_first(s, request) && !shim.privileged) return -EPERM;
	switch (request) {
	case SIOCOUTQ: case FIONREAD: return netlink ? -ENOTTY : asked(s, request, arg, sizeof(int));
	case SIOCATMARK: case SIOCOUTQNSD:
		if (request == SIOCATMARK && s->c->domain == AF_UNIX && s->c->type != SOCK_STREAM) return -EOPNOTSUPP;
		if (request == SIOCATMARK && is_mptcp(s)) break;
		if (s->c->type == SOCK_STREAM && (request == SIOCATMARK || s->c->domain != AF_UNIX)) return asked(s, request, arg, sizeof(int));
		break;
	case STAMP: case STAMP_NEW: return has_stamps ? asked(s, STAMP, arg, 16) : -ENOTTY;
	case STAMPNS: case STAMPNS_NEW: return has_stamps ? asked(s, STAMPNS, arg, 16) : -ENOTTY;
	case SIOCPROTOPRIVATE:
		if (s->c->domain == AF_UNIX) return path_open(s);
		break;
	case SIOCRTMSG: return speaks_inet(s) && s->c->domain != AF_PACKET ? -EINVAL : passed(s, request, arg, sizeof(struct ifreq));
	case SIOCGIFCONF: return interface_list(s, arg);
	case SIOCETHTOOL: return ethtool(s, arg);
	case SIOCGSKNS: return namespace();
	case SIOCGIFVLAN: case SIOCSIFVLAN: case SIOCGIFBR: case SIOCSIFBR: case SIOCBRADDBR: case SIOCBRDELBR:
		return -ENOPKG;   /* of a kernel without VLANs and bridges */
	case SIOCSIFDSTADDR:
		if (s->c->domain == AF_INET6) return -ENODEV;
		break;
	case SIOCADDRT: case SIOCDELRT:
		if (speaks_inet(s)) return route4(s, request, arg);
	}
	return (request >> 8 & 0xff) == 0x89 ? passed(s, request, arg, request_size(s, request)) : -ENOTTY;
}

/* What the kernel does on the anchor; where it worked, the channel has a flag for it. */
static long ioctl_anchor(const struct sock *s, unsigned long request, void *arg, uint32_t flag)
{
	int on = 0;
	if (flag & (CHF_ASYNC | CHF_OWNED)) keep_apart(s->fd);
	long r = sys(SYS_ioctl, s->fd, request, arg);
	if (r == 0 && flag && user_get(on, (const int *)arg) == 0) channel_flag(s, flag, on != 0);
	return r;
}

/* As Linux: netlink and ping sockets do not say how much waits, which the engine knows. */
static bool tells_nobody(const struct sock *s)
{
	return s->c->domain == AF_NETLINK || s->c->protocol == IPPROTO_ICMP || s->c->protocol == IPPROTO_ICMPV6;
}

long sock_ioctl(const struct sock *s, unsigned long request, void *arg)
{
	switch (request) {
	case FIONREAD:
		engine_catch_up();
		if (tells_nobody(s) || is_mptcp(s) || shared_get32(&s->c->state) & CHS_MARK) break;   /* the engine knows what lies behind the mark, and ends */
		return bytes_waiting(s, arg);
	case FIONBIO: return ioctl_anchor(s, request, arg, CHF_NONBLOCK);
	case FIOASYNC: return ioctl_anchor(s, request, arg, CHF_ASYNC);
	case FIOSETOWN: case SIOCSPGRP: return ioctl_anchor(s, request, arg, CHF_OWNED);
	case FIOCLEX: case FIONCLEX: case FIOGETOWN: case SIOCGPGRP: case TCGETS: case FIGETBSZ: case FICLONE: case FIDEDUPERANGE:
	case FS_IOC_FIEMAP: case FIFREEZE: case FITHAW:
		return ioctl_anchor(s, request, arg, 0);
	}
	return ioctl_engine(s, request, arg);
}

bool is_socket(int fd)
{
	struct stat st;
	return sys(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Any socket will do to ask about interfaces, and libc takes a Unix one, which is the kernel's: the answer comes from the host all the same. */
static long ioctl_interface(unsigned long request, void *arg)
{
	struct sock s;
	long fd = do_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) return fd;
	long r = sock_of((int)fd, &s) ? sock_ioctl(&s, request, arg) : -EBADF;
	do_close((int)fd);
	return r;
}

/* Those that a Unix socket answers itself. */
static bool is_unix_own(unsigned long request)
{
	return request == SIOCOUTQ || request == FIONREAD || request == SIOCATMARK || request == SIOCSPGRP || request == FIOSETOWN || request == SIOCGPGRP ||
	       request == FIOGETOWN || request == SIOCPROTOPRIVATE;
}

long do_ioctl(int fd, unsigned long request, void *arg)
{
	struct sock s;
	request = (uint32_t)request;   /* as the kernel takes it */
	if (sock_of(fd, &s)) return sock_ioctl(&s, request, arg);
	if (shim.active && (request >> 8 & 0xff) == 0x89 && !is_unix_own(request) && is_socket(fd)) return ioctl_interface(request, arg);
	return sys(SYS_ioctl, fd, request, arg);
}
