/*
 * What a datagram of data_len octets takes of SO_RCVBUF, as Linux 6.3 and later count it, so that as many fit: an skb (256), and data with headers
 * and shared info (320) in a small head of 576, else in a power of two; what is larger than four pages lies in pages of its own.
 */
#pragma once
#include "base/types.h"

#define SKB_TRUESIZE_OVERHEAD 256u
#define SKB_SHARED_INFO 320u
#define SKB_SMALL_HEAD 576u

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
