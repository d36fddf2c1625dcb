/* SCTP: packets, chunks, parameters. Read first: RFC 9260 §3 and Appendix A. */
#include "wire/wire.h"
#include <errno.h>
#include "base/crc32c.h"

#define CSUM_OFF 8
#define PARAM_HDR 4

int sctp_parse(struct sctp_hdr *ret, const uint8_t *p, size_t n)
{
	if (n < SCTP_HDR_LEN) return -EBADMSG;
	*ret = (struct sctp_hdr){read16(p), read16(p + 2), read32(p + 4)};
	return SCTP_HDR_LEN;
}

/* RFC 9260 §6.8: the checksum is of the packet with zeroes in its place. */
static uint32_t csum_of(const uint8_t *p, size_t len)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c_add(CRC32C_START, p, CSUM_OFF);

	crc = crc32c_add(crc, zero, sizeof zero);
	return crc32c_end(crc32c_add(crc, p + SCTP_HDR_LEN, len - SCTP_HDR_LEN));
}

/* RFC 9260 Appendix A: the only number on the wire whose lowest octet comes first. */
static uint32_t csum_read(const uint8_t *p) { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }

bool sctp_csum_ok(const uint8_t *p, size_t len) { return csum_read(p + CSUM_OFF) == csum_of(p, len); }

void sctp_emit(const struct sctp_hdr *h, uint8_t *p, size_t len)
{
	uint32_t csum;

	write16(p, h->src);
	write16(p + 2, h->dst);
	write32(p + 4, h->vtag);
	csum = csum_of(p, len);
	for (int i = 0; i < 4; i++) p[CSUM_OFF + i] = (uint8_t)(csum >> 8 * i);
}

int sctp_chunk_parse(struct sctp_chunk *ret, const uint8_t *p, size_t n)
{
	uint16_t len;

	if (n < SCTP_CHUNK_HDR) return -EBADMSG;
	len = read16(p + 2);
	if (len < SCTP_CHUNK_HDR || len > n) return -EBADMSG;
	*ret = (struct sctp_chunk){.type = p[0], .flags = p[1], .len = (uint16_t)(len - SCTP_CHUNK_HDR), .value = p + SCTP_CHUNK_HDR};
	return (int)MIN(sctp_padded(len), n);
}

void sctp_chunk_emit(const struct sctp_chunk *c, uint8_t *p)
{
	p[0] = c->type;
	p[1] = c->flags;
	write16(p + 2, (uint16_t)(c->len + SCTP_CHUNK_HDR));
}

int sctp_param_parse(struct sctp_param *ret, const uint8_t *p, size_t n)
{
	uint16_t len;

	if (n < PARAM_HDR) return -EBADMSG;
	len = read16(p + 2);
	if (len < PARAM_HDR || len > n) return -EBADMSG;
	*ret = (struct sctp_param){.type = read16(p), .len = (uint16_t)(len - PARAM_HDR), .value = p + PARAM_HDR};
	return (int)MIN(sctp_padded(len), n);
}

size_t sctp_param_emit(const struct sctp_param *v, uint8_t *p)
{
	size_t whole = sctp_padded((size_t)v->len + PARAM_HDR);

	memset(p, 0, whole);
	write16(p, v->type);
	write16(p + 2, (uint16_t)(v->len + PARAM_HDR));
	if (v->value) memcpy(p + PARAM_HDR, v->value, v->len);
	return whole;
}

/* ---- chunks ---- */

int sctp_init_parse(struct sctp_init *ret, const struct sctp_chunk *c)
{
	const uint8_t *p = c->value;

	if (c->len < SCTP_INIT_FIXED) return -EBADMSG;
	*ret = (struct sctp_init){read32(p), read32(p + 4), read16(p + 8), read16(p + 10), read32(p + 12)};
	return SCTP_INIT_FIXED;
}

void sctp_init_emit(const struct sctp_init *h, uint8_t *p)
{
	write32(p, h->tag);
	write32(p + 4, h->rwnd);
	write16(p + 8, h->out_streams);
	write16(p + 10, h->in_streams);
	write32(p + 12, h->tsn);
}

int sctp_data_parse(struct sctp_data *ret, const struct sctp_chunk *c)
{
	const uint8_t *p = c->value;

	if (c->len < SCTP_DATA_HDR - SCTP_CHUNK_HDR) return -EBADMSG;
	*ret = (struct sctp_data){read32(p), read16(p + 4), read16(p + 6), read32(p + 8)};
	return SCTP_DATA_HDR - SCTP_CHUNK_HDR;
}

void sctp_data_emit(const struct sctp_data *h, uint8_t *p)
{
	write32(p, h->tsn);
	write16(p + 4, h->stream);
	write16(p + 6, h->ssn);
	write32(p + 8, h->ppid);
}

int sctp_sack_parse(struct sctp_sack *ret, const struct sctp_chunk *c)
{
	const uint8_t *p = c->value;
	struct sctp_sack h;

	if (c->len < SCTP_SACK_FIXED) return -EBADMSG;
	h = (struct sctp_sack){read32(p), read32(p + 4), read16(p + 8), read16(p + 10), p + SCTP_SACK_FIXED};
	if (SCTP_SACK_FIXED + 4 * ((size_t)h.n_gaps + h.n_dups) > c->len) return -EBADMSG;
	*ret = h;
	return SCTP_SACK_FIXED;
}

void sctp_sack_emit(const struct sctp_sack *h, uint8_t *p)
{
	write32(p, h->cum);
	write32(p + 4, h->rwnd);
	write16(p + 8, h->n_gaps);
	write16(p + 10, h->n_dups);
}
