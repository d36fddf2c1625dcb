/* Explicit congestion notification by a link: the two lowest bits of the TOS octet or traffic class become CE, unless they are 0. Read first: RFC 3168 §5. */
#include "link/queue.h"
#include "wire/wire.h"

#define CE 3

/* Of an IPv4 header whose TOS octet changes: RFC 1624, eqn. 3. */
static void ip4_retos(uint8_t *ip, uint8_t tos)
{
	uint32_t sum = (uint16_t)~(ip[10] << 8 | ip[11]);
	sum += (uint16_t)~(ip[0] << 8 | ip[1]);
	sum += (uint32_t)(ip[0] << 8 | tos);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	ip[1] = tos;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static bool mark(struct packet *p)
{
	struct eth_hdr eth;
	uint8_t *ip = p->data + ETH_HDR_LEN;
	if (eth_parse(&eth, p->data, p->len) < 0) return false;
	if (eth.type == ETH_TYPE_IP4 && p->len >= ETH_HDR_LEN + IP4_HDR_MIN && ip[1] & CE) {
		ip4_retos(ip, ip[1] | CE);
		return true;
	}
	if (eth.type == ETH_TYPE_IP6 && p->len >= ETH_HDR_LEN + IP6_HDR_LEN && ip[1] & CE << 4) {
		ip[1] |= CE << 4;
		return true;
	}
	return false;
}

bool transit_mark(struct transit *f)
{
	if (!mark(f->p)) return false;
	f->did |= FRAME_MARKED;
	f->from->out.counts.marked++;
	return true;
}
