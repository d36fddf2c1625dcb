/*
 * pcapng blocks.
 *
 *     type  length  │ fixed part │ data, padded │ option … end of options │ length
 *     └─ 32 bits ─┘                               └ code length value, padded
 *
 * Read first: draft-ietf-opsawg-pcapng §§3-4.
 */
#include "host/pcapng.h"
#include <errno.h>

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define FRAME_LEN 12u         /* type and length before, length behind */
#define NANOSECONDS 9         /* if_tsresol: 10^-9 */
#define BLOCK_MAX (1u << 20)

enum { OPTION_END = 0, OPTION_COMMENT = 1, SECTION_APPLICATION = 4, INTERFACE_NAME = 2, INTERFACE_MAC = 6, INTERFACE_RESOLUTION = 9, PACKET_FLAGS = 2,
       PACKET_DROPCOUNT = 4, STATISTICS_MISSED = 5 };
enum { FLAG_INBOUND = 1, FLAG_OUTBOUND = 2 };

struct section { uint32_t magic; uint16_t major, minor; int64_t length; } __attribute__((packed));
struct interface { uint16_t linktype, reserved; uint32_t snaplen; };
struct statistics { uint32_t interface, time_high, time_low; };
struct packet_head { uint32_t interface, time_high, time_low, captured, original; };

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

/* ---- writing ---- */

/* A block under way; len goes on counting when it does not fit. */
struct block { uint8_t *to; size_t size, len; };

static void put(struct block *b, const void *data, size_t n)
{
	size_t end = b->len + padded(n);
	if (end <= b->size) {
		memcpy(b->to + b->len, data, n);
		memset(b->to + b->len + n, 0, end - b->len - n);
	}
	b->len = end;
}

static void put32(struct block *b, uint32_t v) { put(b, &v, sizeof v); }

static struct block begin(uint8_t *to, size_t size, uint32_t type)
{
	struct block b = {to, size, 0};
	put32(&b, type);
	put32(&b, 0);
	return b;
}

static void option(struct block *b, uint16_t code, const void *value, size_t n)
{
	const uint16_t head[2] = {code, (uint16_t)n};
	put(b, head, sizeof head);
	put(b, value, n);
}

static void option_text(struct block *b, uint16_t code, const char *text) { option(b, code, text, strnlen(text, UINT16_MAX)); }

static size_t end(struct block *b)
{
	option(b, OPTION_END, "", 0);
	uint32_t len = (uint32_t)(b->len + sizeof len);
	put32(b, len);
	if (b->len > b->size) return 0;
	memcpy(b->to + 4, &len, sizeof len);
	return b->len;
}

size_t pcapng_section(uint8_t *to, size_t size, const char *application)
{
	struct block b = begin(to, size, PCAPNG_SECTION);
	put(&b, &(struct section){.magic = BYTE_ORDER_MAGIC, .major = 1, .length = -1}, sizeof(struct section));
	option_text(&b, SECTION_APPLICATION, application);
	return end(&b);
}

size_t pcapng_interface(uint8_t *to, size_t size, uint16_t linktype, const char *name, const struct mac *mac)
{
	const uint8_t resolution = NANOSECONDS;
	struct block b = begin(to, size, PCAPNG_INTERFACE);
	put(&b, &(struct interface){.linktype = linktype}, sizeof(struct interface));
	option_text(&b, INTERFACE_NAME, name);
	if (mac) option(&b, INTERFACE_MAC, mac->b, sizeof mac->b);
	option(&b, INTERFACE_RESOLUTION, &resolution, sizeof resolution);
	return end(&b);
}

size_t pcapng_packet(uint8_t *to, size_t size, const struct pcapng_packet *p)
{
	const struct packet_head head = {p->interface, (uint32_t)((uint64_t)p->when >> 32), (uint32_t)p->when, p->len, p->len};
	const uint32_t flags = p->inbound ? FLAG_INBOUND : FLAG_OUTBOUND;
	struct block b = begin(to, size, PCAPNG_PACKET);
	put(&b, &head, sizeof head);
	put(&b, p->data, p->len);
	option(&b, PACKET_FLAGS, &flags, sizeof flags);
	if (p->missed) option(&b, PACKET_DROPCOUNT, &p->missed, sizeof p->missed);
	if (p->comment) option_text(&b, OPTION_COMMENT, p->comment);
	return end(&b);
}

size_t pcapng_statistics(uint8_t *to, size_t size, uint32_t interface, time_ns when, uint64_t missed)
{
	const struct statistics head = {interface, (uint32_t)((uint64_t)when >> 32), (uint32_t)when};
	struct block b = begin(to, size, PCAPNG_STATISTICS);
	put(&b, &head, sizeof head);
	option(&b, STATISTICS_MISSED, &missed, sizeof missed);
	return end(&b);
}

/* ---- reading ---- */

/* The value of an option among those from at to stop, or NULL. */
static const uint8_t *find_option(const uint8_t *at, const uint8_t *stop, uint16_t code, uint16_t *ret_len)
{
	uint16_t head[2];
	for (; (size_t)(stop - at) >= sizeof head; at += sizeof head + padded(head[1])) {
		memcpy(head, at, sizeof head);
		if (head[0] == OPTION_END || padded(head[1]) > (size_t)(stop - at) - sizeof head) break;
		if (head[0] != code) continue;
		*ret_len = head[1];
		return at + sizeof head;
	}
	return NULL;
}

/* Of so many octets, or 0. */
static uint64_t find_number(const uint8_t *at, const uint8_t *stop, uint16_t code, size_t size)
{
	uint16_t len;
	uint64_t value = 0;
	const uint8_t *found = find_option(at, stop, code, &len);
	if (found && len == size) memcpy(&value, found, size);
	return value;
}

/* From body to stop: what is between a block's lengths. */
static int read_packet(struct pcapng_block *b, const uint8_t *body, const uint8_t *stop)
{
	struct packet_head head;
	if ((size_t)(stop - body) < sizeof head) return -EPROTO;
	memcpy(&head, body, sizeof head);
	if (padded(head.captured) > (size_t)(stop - body) - sizeof head) return -EPROTO;
	b->data = body + sizeof head;
	b->data_len = head.captured;
	b->interface = head.interface;
	b->when = (time_ns)((uint64_t)head.time_high << 32 | head.time_low);
	const uint8_t *options = b->data + padded(head.captured);
	b->missed = find_number(options, stop, PACKET_DROPCOUNT, sizeof b->missed);
	b->inbound = find_number(options, stop, PACKET_FLAGS, sizeof(uint32_t)) == FLAG_INBOUND;
	b->comment = (const char *)find_option(options, stop, OPTION_COMMENT, &b->comment_len);
	return 0;
}

static int read_interface(struct pcapng_block *b, const uint8_t *body, const uint8_t *stop)
{
	struct interface head;
	if ((size_t)(stop - body) < sizeof head) return -EPROTO;
	memcpy(&head, body, sizeof head);
	b->linktype = head.linktype;
	return find_number(body + sizeof head, stop, INTERFACE_RESOLUTION, 1) == NANOSECONDS ? 0 : -EPROTO;
}

ssize_t pcapng_read(const uint8_t *at, size_t len, struct pcapng_block *ret)
{
	uint32_t head[2];
	if (len < sizeof head) return 0;
	memcpy(head, at, sizeof head);
	if (head[1] < FRAME_LEN || head[1] % 4 || head[1] > BLOCK_MAX) return -EPROTO;
	if (len < head[1]) return 0;
	struct pcapng_block b = {.type = head[0], .len = head[1]};
	const uint8_t *body = at + sizeof head, *stop = at + head[1] - sizeof head[1];
	if (b.type == PCAPNG_INTERFACE && read_interface(&b, body, stop) < 0) return -EPROTO;
	if (b.type == PCAPNG_PACKET && read_packet(&b, body, stop) < 0) return -EPROTO;
	if (b.type == PCAPNG_STATISTICS && (size_t)(stop - body) >= sizeof(struct statistics))
		b.missed = find_number(body + sizeof(struct statistics), stop, STATISTICS_MISSED, sizeof b.missed);
	*ret = b;
	return (ssize_t)b.len;
}
