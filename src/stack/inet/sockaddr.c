/* Socket addresses of both families <-> struct addr. Inside, an IPv4 address is IPv4 whichever socket it came through. */
#include <errno.h>
#include "stack/inet/inet.h"

static int parse4(const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port, uint32_t *ret_scope)
{
	struct sockaddr_in in;

	if (len < sizeof in) return -EINVAL;
	memcpy(&in, a, sizeof in);
	if (in.sin_family != AF_INET) return -EAFNOSUPPORT;
	*ret = addr_v4_octets((const uint8_t *)&in.sin_addr);
	*ret_port = read16((const uint8_t *)&in.sin_port);
	*ret_scope = 0;
	return 0;
}

static int parse6(const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port, uint32_t *ret_scope)
{
	struct sockaddr_in6 in = {0};

	if (len < SIN6_LEN_MIN) return -EINVAL;
	memcpy(&in, a, MIN(len, sizeof in));
	if (in.sin6_family != AF_INET6) return -EAFNOSUPPORT;
	*ret = addr_v6_octets(in.sin6_addr.s6_addr);   /* ::ffff:a.b.c.d is IPv4 by its very form */
	*ret_port = read16((const uint8_t *)&in.sin6_port);
	*ret_scope = addr_is_linklocal(ret) || addr_is_multicast(ret) ? in.sin6_scope_id : 0;
	return 0;
}

int inet_sockaddr_parse(const struct inet_sock *is, const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port, uint32_t *ret_scope)
{
	return (is->sk.domain == AF_INET6 ? parse6 : parse4)(a, len, ret, ret_port, ret_scope);
}

static void emit4(const struct addr *a, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	write16((uint8_t *)&in.sin_port, port);
	if (addr_is_v4(a)) write32((uint8_t *)&in.sin_addr, addr_to_v4(a));
	memcpy(ret, &in, sizeof in);
	*ret_len = sizeof in;
}

static void emit6(const struct addr *a, uint16_t port, uint32_t scope, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6};

	write16((uint8_t *)&in.sin6_port, port);
	memcpy(&in.sin6_addr, a, sizeof in.sin6_addr);
	if (inet_needs_scope(a)) in.sin6_scope_id = scope;
	memcpy(ret, &in, sizeof in);
	*ret_len = sizeof in;
}

void sockaddr_emit(int domain, const struct addr *a, uint16_t port, uint32_t scope, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	if (domain == AF_INET6)
		emit6(a, port, scope, ret, ret_len);
	else
		emit4(a, port, ret, ret_len);
}

void inet_sockaddr_emit(const struct inet_sock *is, const struct addr *a, uint16_t port, uint32_t scope, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	sockaddr_emit(is->sk.domain, a, port, scope, ret, ret_len);
}
