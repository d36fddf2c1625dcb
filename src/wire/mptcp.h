/*
 * The options of Multipath TCP, version 1: all that one segment has of them, and a writer for each. Numbers are in host order, lengths in octets.
 *
 * Read first: RFC 8684 §3.
 */
#pragma once
#include "wire/wire.h"

enum mptcp_subtype {
	MPTCP_CAPABLE, MPTCP_JOIN, MPTCP_DSS, MPTCP_ADD_ADDR, MPTCP_REMOVE_ADDR, MPTCP_PRIO, MPTCP_FAIL, MPTCP_FASTCLOSE, MPTCP_RST,
};
#define MPTCP_HAS(o, subtype) ((o)->has >> (subtype) & 1)
#define MPTCP_VERSION 1
#define MPTCP_CHECKSUM 0x80              /* flags of MP_CAPABLE */
#define MPTCP_NO_ID0 0x20
#define MPTCP_SHA256 0x01
#define MPTCP_HMAC_LEN 20                /* in the third ACK of a join */
#define MPTCP_IDS_MAX 8
#define MPTCP_OPTS_MAX 40

struct mptcp_capable { uint8_t flags, n_keys; uint64_t sender, receiver; bool has_len, has_csum; uint16_t len, csum; };
struct mptcp_join { bool backup; uint8_t id, hmac[MPTCP_HMAC_LEN]; uint32_t token, nonce; uint64_t short_hmac; };
struct mptcp_dss {
	bool has_ack, ack64, has_map, dsn64, fin, has_csum;
	uint64_t ack, dsn;
	uint32_t ssn;                    /* from the first octet of the subflow, which is 1 */
	uint16_t len, csum;
};
struct mptcp_add_addr { bool echo; uint8_t id; struct addr addr; uint16_t port; uint64_t hmac; };
struct mptcp_opts {
	uint16_t has;                    /* a bit for each subtype */
	struct mptcp_capable capable;
	struct mptcp_join join;
	struct mptcp_dss dss;
	struct mptcp_add_addr add;
	struct { uint8_t n, id[MPTCP_IDS_MAX]; } remove;
	struct { bool backup; } prio;
	struct { uint64_t dsn; } fail;
	struct { uint64_t key; } fastclose;
	struct { uint8_t flags, reason; } rst;
};

/* Of a segment with these TCP flags. A malformed option counts as not there. */
void mptcp_parse(struct mptcp_opts *ret, const struct tcp_opts *o, uint8_t tcp_flags);

/* Each writes one option at p and returns its octets; the caller has room for MPTCP_OPTS_MAX. */
size_t mptcp_put_capable(uint8_t *p, const struct mptcp_capable *c);
size_t mptcp_put_join_syn(uint8_t *p, const struct mptcp_join *j);
size_t mptcp_put_join_answer(uint8_t *p, const struct mptcp_join *j);
size_t mptcp_put_join_ack(uint8_t *p, const struct mptcp_join *j);
size_t mptcp_put_dss(uint8_t *p, const struct mptcp_dss *d);
size_t mptcp_put_add_addr(uint8_t *p, const struct mptcp_add_addr *a);
size_t mptcp_put_remove_addr(uint8_t *p, const uint8_t *ids, uint8_t n);
size_t mptcp_put_prio(uint8_t *p, bool backup);
size_t mptcp_put_fail(uint8_t *p, uint64_t dsn);
size_t mptcp_put_fastclose(uint8_t *p, uint64_t key);
size_t mptcp_put_rst(uint8_t *p, uint8_t flags, uint8_t reason);
size_t mptcp_pad(uint8_t *p, size_t len);        /* to four octets, with NOPs; the new length */
size_t mptcp_dss_len(const struct mptcp_dss *d);
