/* One IPv6 socket for both versions: what comes by IPv4 has an address that begins with ::ffff:, unless IPV6_V6ONLY is set. */
#include <errno.h>

#include "must.h"

static void visit(int listener, int family)
{
	struct sockaddr_in6 here, from;
	struct sockaddr_in v4;
	socklen_t len = sizeof here;
	char text[INET6_ADDRSTRLEN];
	int client = must(socket(family, SOCK_STREAM, 0)), server;

	must(getsockname(listener, (struct sockaddr *)&here, &len));
	v4 = loopback(ntohs(here.sin6_port));
	here.sin6_addr = in6addr_loopback;
	if (family == AF_INET) must(connect(client, (struct sockaddr *)&v4, sizeof v4));
	else must(connect(client, (struct sockaddr *)&here, sizeof here));
	len = sizeof from;
	server = must(accept(listener, (struct sockaddr *)&from, &len));
	printf("%s client: %s\n", family == AF_INET ? "an IPv4" : "an IPv6", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
	must(close(server));
	must(close(client));
}

int main(void)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	int listener = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	if (listener < 0) return printf("NOT RUN: no IPv6 here: %s\n", strerror(errno)), 0;
	must(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off));      /* before bind */
	must(bind(listener, (struct sockaddr *)&here, sizeof here));
	must(listen(listener, 5));
	visit(listener, AF_INET6);
	visit(listener, AF_INET);
	return 0;
}
