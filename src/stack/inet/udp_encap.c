/*
 * UDP_ENCAP: a socket through which the host's IPsec or L2TP goes in UDP. There are no associations here, so of IPsec only what Linux does without one:
 * keep-alives and packets of ESP never come to the program, and IKE, which begins with the marker of four zero octets, does.
 *
 * Read first: RFC 3948 §2.
 */
#include <errno.h>
#include <netinet/udp.h>
#include "stack/inet/udp.h"

#define KEEPALIVE 0xff
#define ESP_HDR_LEN 8
#define ENCAP_L2TP 3                       /* UDP_ENCAP_L2TPINUDP, which changes nothing about what comes in */

int udp_encap_set(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v != 0 && v != UDP_ENCAP_ESPINUDP && v != ENCAP_L2TP) return -ENOPROTOOPT;
	((struct udp_sock *)sk)->encap = v;
	return 0;
}

bool udp_encap_takes(const struct udp_sock *us, const uint8_t *data, size_t len)
{
	if (us->encap != UDP_ENCAP_ESPINUDP) return false;
	if (len == 1) return data[0] == KEEPALIVE;
	return len > ESP_HDR_LEN && read32(data) != 0;
}
