/*
 * What a datagram of data_len octets takes of SO_RCVBUF, as Linux 6.3 and later count it, so that as many fit: an skb (256), and data with headers
 * and shared info (320) in a small head of 576, else in a power of two; what is larger than four pages lies in pages of its own.
 */
#pragma once
#include "base/types.h"

#define SKB_TRUESIZE_OVERHEAD 256u
#define SKB_SHARED_INFO 320u
#define SKB_SMALL_HEAD 576u
#define SKB_PAGES_MAX 17u

/* Of several datagrams that came as one: their data lies in pages. */
static inline uint32_t datagram_charge_of_pieces(uint32_t data_len) { return data_len + SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD; }

static inline uint32_t datagram_charge(bool v6, uint32_t data_len)
{
	uint32_t need = data_len + SKB_SHARED_INFO + (v6 ? 87 : 59), size = 1024;   /* link, IP and UDP header */

	if (need <= SKB_SMALL_HEAD) return SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD;
	if (need > 16384) return data_len + SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD;
	while (size < need) size *= 2;
	return size + SKB_TRUESIZE_OVERHEAD;
}

/*
 * The same of a message of a Unix socket, which takes it of its sender's SO_SNDBUF: no header is before its data, the small head is not for it, and what is
 * beyond four pages lies in pages of its own, but only 17 of those.
 */
static inline uint32_t unix_charge(uint32_t data_len)
{
	uint32_t head_max = 16384 - SKB_SHARED_INFO, beyond = data_len > head_max ? data_len - head_max : 0, pages = (beyond + 4095) / 4096 * 4096, size = 512;

	if (pages > SKB_PAGES_MAX * 4096) pages = SKB_PAGES_MAX * 4096;
	while (size < data_len - pages + SKB_SHARED_INFO) size *= 2;
	return size + SKB_TRUESIZE_OVERHEAD + pages;
}
