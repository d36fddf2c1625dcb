/*
 * IPV6_FLOWLABEL_MGR: what leases are given and refused, shared and ended, and what it means to send with a label. UDP_ENCAP: what of a datagram's content
 * keeps it from the program. The label of a lease is the kernel's choice, so only whether there is one is said. Runs as root, for a network of its own: what
 * is leased to one program alone is forbidden to all others.
 */
#include "say.h"
#include <sys/wait.h>

#define FLOWLABEL_MGR 32                               /* of <linux/in6.h>, which does not go with libc's */
#define FLOWINFO 11
#define FLOWINFO_SEND 33
#define UDP_ENCAP 100
#define L2TP 3

struct request { struct in6_addr dst; uint32_t label; uint8_t action, share; uint16_t flags, expires, linger; uint32_t pad; };
enum { GET, PUT, RENEW };
enum { CREATE = 1, EXCL = 2, REFLECT = 4, REMOTE = 8 };
enum { NONE, ALONE, PROCESS, USER, ANY = 255 };

/* Asks for a lease; the label that there is then. */
static uint32_t ask(const char *what, int fd, uint32_t label, int action, int share, int flags, int linger, const char *dst)
{
	struct request q = { .label = htonl(label), .action = (uint8_t)action, .share = (uint8_t)share, .flags = (uint16_t)flags, .linger = (uint16_t)linger };

	MUST(inet_pton(AF_INET6, dst, &q.dst));
	say_rc(what, setsockopt(fd, IPPROTO_IPV6, FLOWLABEL_MGR, &q, sizeof(q)));
	return ntohl(q.label);
}

static void requests(void)
{
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), other = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), tcp = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	struct request q[2] = { { .action = GET, .share = ANY, .flags = CREATE, .dst = IN6ADDR_LOOPBACK_INIT } };
	uint32_t label;

	say_rc("short", setsockopt(fd, IPPROTO_IPV6, FLOWLABEL_MGR, q, sizeof(*q) - 1));
	say_rc("unreadable", setsockopt(fd, IPPROTO_IPV6, FLOWLABEL_MGR, (void *)8, sizeof(*q)));
	ask("no such action", fd, 0, 3, ANY, CREATE, 0, "::1");
	ask("no such sharing", fd, 0, GET, 7, CREATE, 0, "::1");
	ask("shared by nobody", fd, 0, GET, NONE, CREATE, 0, "::1");
	ask("to nowhere", fd, 0, GET, ANY, CREATE, 0, "::");
	ask("to IPv4", fd, 0, GET, ANY, CREATE, 0, "::ffff:127.0.0.1");
	ask("more than a label", fd, 0x100000, GET, ANY, CREATE, 0, "::1");
	ask("lingering for long", fd, 0x12001, GET, ANY, CREATE, 200, "::1");
	ask("not there", fd, 0x12002, GET, ANY, 0, 0, "::1");
	label = ask("any", fd, 0, GET, ANY, CREATE, 0, "::1");
	say("a label", "%d", label != 0 && label <= 0xfffff);
	ask("that again", fd, label, GET, ANY, 0, 0, "::1");
	ask("that anew", fd, label, GET, ANY, CREATE | EXCL, 0, "::1");
	ask("that by another", other, label, GET, ANY, 0, 0, "::1");
	ask("that by another, alone", other, label, GET, ALONE, 0, 0, "::1");
	ask("renewed", fd, label, RENEW, NONE, 0, 20, "::1");
	ask("renewed for long", fd, label, RENEW, NONE, 0, 200, "::1");
	ask("renewed by nobody", tcp, label, RENEW, NONE, 0, 20, "::1");
	ask("ended", fd, label, PUT, 0, 0, 0, "::1");
	ask("ended again", fd, label, PUT, 0, 0, 0, "::1");
	ask("ended for good", fd, label, PUT, 0, 0, 0, "::1");
	ask("reflected", tcp, 0, GET, ANY, REFLECT, 0, "::1");
	ask("reflected no more", tcp, 0, PUT, ANY, REFLECT, 0, "::1");
	ask("reflected by udp", fd, 0, PUT, ANY, REFLECT, 0, "::1");
	close(fd), close(other), close(tcp);
}

/* What a listener has leased is not what it accepts. */
static void accepted(void)
{
	int l = MUST(socket(AF_INET6, SOCK_STREAM, 0)), c = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	union name at = name_lo(AF_INET6, 0);
	socklen_t len = sizeof(at);

	ask("listener", l, 0x45001, GET, ANY, CREATE, 0, "::1");
	MUST(bind(l, &at.sa, name_len(AF_INET6)));
	MUST(listen(l, 1));
	MUST(getsockname(l, &at.sa, &len));
	MUST(connect(c, &at.sa, name_len(AF_INET6)));
	int a = MUST(accept(l, NULL, NULL));
	ask("accepted", a, 0x45001, PUT, 0, 0, 0, "::1");
	close(a), close(c);
	ask("listener", l, 0x45001, PUT, 0, 0, 0, "::1");
	close(l);
}

/* Who may have one with whom. */
static void sharing(void)
{
	static const int shares[] = { ALONE, PROCESS, USER, ANY };
	uint32_t label = 0x23001;

	for (size_t i = 0; i < 4; i++, label++) {
		int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), status;
		say_about("shared %d", shares[i]);
		fflush(stdout);
		ask("the first", fd, label, GET, shares[i], CREATE, 0, "::1");
		fflush(stdout);
		pid_t child = MUST(fork());
		if (child == 0) {
			int own = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
			ask("a child's", own, label, GET, shares[i], CREATE, 0, "::1");
			fflush(stdout);
			_exit(0);
		}
		MUST(waitpid(child, &status, 0));
		for (size_t k = 0; k < 4; k++) {
			int own = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
			ask("our other socket's", own, label, GET, shares[k], 0, 0, "::1");
			close(own);
		}
		close(fd);
	}
}

static void say_lease(int fd, int flags, socklen_t room)
{
	struct request q = { .action = GET, .flags = (uint16_t)flags };
	socklen_t len = room;

	if (getsockopt(fd, IPPROTO_IPV6, FLOWLABEL_MGR, &q, &len) < 0)
		say("lease", "%s", say_errno(errno));
	else
		say("lease", "%u: label %x share %d linger %d", len, ntohl(q.label), q.share, q.linger);
}

static void say_arrived(int fd)
{
	union { struct cmsghdr h; char octets[256]; } u;
	char in[16];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u) };

	say_rc("arrived", recvmsg(fd, &m, MSG_DONTWAIT));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == FLOWINFO) {
			uint32_t v;
			memcpy(&v, CMSG_DATA(c), sizeof(v));
			say("with", "%s", ntohl(v) == 0x34001 ? "the label" : "another");
		}
}

/* While somebody has a label for himself, no other may send with labels that are not leased. */
static void sending(void)
{
	int to = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), other = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), on = 1;
	union name at = name_lo(AF_INET6, 0), peer;
	socklen_t len = sizeof(at), peer_len = sizeof(peer);

	MUST(bind(to, &at.sa, name_len(AF_INET6)));
	MUST(getsockname(to, &at.sa, &len));
	MUST(setsockopt(to, IPPROTO_IPV6, FLOWINFO, &on, sizeof(on)));
	MUST(setsockopt(fd, IPPROTO_IPV6, FLOWINFO_SEND, &on, sizeof(on)));
	MUST(setsockopt(other, IPPROTO_IPV6, FLOWINFO_SEND, &on, sizeof(on)));
	at.in6.sin6_flowinfo = htonl(0x34001);
	say_rc("without a lease", sendto(fd, "a", 1, 0, &at.sa, name_len(AF_INET6)));
	say_arrived(to);
	ask("alone", fd, 0x34001, GET, ALONE, CREATE, 0, "::1");
	say_rc("with it", sendto(fd, "b", 1, 0, &at.sa, name_len(AF_INET6)));
	say_arrived(to);
	say_rc("by another", sendto(other, "c", 1, 0, &at.sa, name_len(AF_INET6)));
	say_rc("connected by another", connect(other, &at.sa, name_len(AF_INET6)));
	say_lease(fd, 0, sizeof(struct request));
	say_rc("connected", connect(fd, &at.sa, name_len(AF_INET6)));
	MUST(getpeername(fd, &peer.sa, &peer_len));
	say("peer", "%x", ntohl(peer.in6.sin6_flowinfo));
	say_rc("without a name", send(fd, "d", 1, 0));
	say_arrived(to);
	say_lease(fd, 0, sizeof(struct request));
	say_lease(fd, 0, sizeof(struct request) - 1);
	ask("ended", fd, 0x34001, PUT, 0, 0, 0, "::1");
	say_rc("without it", send(fd, "e", 1, 0));
	say_arrived(to);
	say_lease(fd, 0, sizeof(struct request));
	close(to), close(fd), close(other);
}

static void encapsulated(int family, int kind)
{
	static const struct { const char *what; const char *data; size_t len; } all[] = {
		{ "keep-alive", "\xff", 1 }, { "no keep-alive", "\xfe", 1 }, { "two", "\xff\xff", 2 }, { "short", "\x01\x02\x03\x04\x05\x06\x07\x08", 8 },
		{ "ESP", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", 9 }, { "IKE", "\0\0\0\0\x05\x06\x07\x08\x09", 9 }, { "nothing", "", 0 },
	};
	int to = MUST(socket(family, SOCK_DGRAM, 0)), fd = MUST(socket(family, SOCK_DGRAM, 0));
	union name at = name_lo(family, 0);
	socklen_t len = sizeof(at);
	char in[16];

	MUST(bind(to, &at.sa, name_len(family)));
	MUST(getsockname(to, &at.sa, &len));
	say_rc("UDP_ENCAP", setsockopt(to, IPPROTO_UDP, UDP_ENCAP, &kind, sizeof(kind)));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		say_rc(all[i].what, sendto(fd, all[i].data, all[i].len, 0, &at.sa, name_len(family)));
		say_rc("arrives", recv(to, in, sizeof(in), MSG_DONTWAIT));
	}
	close(to), close(fd);
}

int main(void)
{
	say_start();
	say_about("requests"), requests();
	say_about("accepted"), accepted();
	sharing();
	say_about("sending"), sending();
	for (int kind = 0; kind <= L2TP; kind++) {
		say_about("v4 encapsulated %d", kind), encapsulated(AF_INET, kind);
		say_about("v6 encapsulated %d", kind), encapsulated(AF_INET6, kind);
	}
	return 0;
}
