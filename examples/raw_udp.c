/*
 * A UDP datagram built by hand, IPv4 header and all (IP_HDRINCL), from an address and a port of our choice, for an ordinary socket.
 *
 *     ┌──────── 20 ────────┬──── 8 ────┬── n ──┐
 *     │ IPv4: 127.0.0.77 … │ UDP: 7777 │ text  │       The UDP checksum also covers the addresses: RFC 768's pseudo header.
 *     └────────────────────┴───────────┴───────┘
 *
 * Needs CAP_NET_RAW.
 */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include "must.h"

#define TEXT "made by hand"

struct datagram { struct ip ip; struct udphdr udp; char text[sizeof TEXT - 1]; } __attribute__((packed));

static uint32_t sum(uint32_t before, const void *data, size_t n)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < n; i++) before += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return before;
}

/* The kernel fills in the total length and the header's checksum. */
static void build(struct datagram *d, const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	uint16_t length = sizeof d->udp + sizeof d->text;
	uint32_t s = IPPROTO_UDP + length;                      /* the pseudo header: addresses, protocol, length */

	*d = (struct datagram){.ip = {.ip_v = 4, .ip_hl = 5, .ip_ttl = 64, .ip_p = IPPROTO_UDP, .ip_src = from->sin_addr, .ip_dst = to->sin_addr}};
	d->udp.uh_sport = from->sin_port;
	d->udp.uh_dport = to->sin_port;
	d->udp.uh_ulen = htons(length);
	memcpy(d->text, TEXT, sizeof d->text);
	s = sum(s, &d->ip.ip_src, 4);
	s = sum(s, &d->ip.ip_dst, 4);
	s = sum(s, &d->udp, length);
	while (s >> 16) s = (s & 0xffff) + (s >> 16);
	d->udp.uh_sum = htons((uint16_t)~s);
}

int main(void)
{
	int receiver = bound_socket(SOCK_DGRAM), raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), n;
	struct sockaddr_in to = address_of(receiver), me = loopback(7777), from;
	socklen_t len = sizeof from;
	struct datagram d;
	char text[100];

	if (raw < 0) return printf("NOT RUN: no raw socket: %s\n", strerror(errno)), 0;
	must(inet_pton(AF_INET, "127.0.0.77", &me.sin_addr));
	build(&d, &me, &to);
	must(sendto(raw, &d, sizeof d, 0, (struct sockaddr *)&to, sizeof to));
	n = must(recvfrom(receiver, text, sizeof text, 0, (struct sockaddr *)&from, &len));
	printf("\"%.*s\" from %s, port %d\n", n, text, inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	return 0;
}
