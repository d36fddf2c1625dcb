/* Packets that nobody honest sends, and honest ones that belong to nobody: tags, cookies, chunks cut short, chunks that nobody knows. */
#include "bench.h"
#include "base/crc32c.h"

static struct sctp_hdr to_b(uint32_t vtag) { return (struct sctp_hdr){1000, 7, vtag}; }

static size_t put(uint8_t *to, uint8_t type, uint8_t flags, const void *value, size_t len)
{
	struct sctp_chunk c = {.type = type, .flags = flags, .len = (uint16_t)len};

	assert_true(len <= 1500);
	memset(to, 0, sctp_padded(SCTP_CHUNK_HDR + len));
	sctp_chunk_emit(&c, to);
	if (len) memcpy(to + SCTP_CHUNK_HDR, value, len);
	return sctp_padded(SCTP_CHUNK_HDR + len);
}

static size_t put_init(uint8_t *to, uint32_t tag, uint32_t rwnd, uint16_t out, uint16_t in)
{
	uint8_t value[SCTP_INIT_FIXED];

	sctp_init_emit(&(struct sctp_init){tag, rwnd, out, in, 100}, value);
	return put(to, CHUNK_INIT, 0, value, sizeof value);
}

/* The chunk that b sent last, and its tag; nothing was sent: type 255. */
static struct sctp_chunk answer(struct bench *b, uint32_t *ret_vtag)
{
	struct sctp_chunk c = {.type = 255};
	struct sctp_hdr h;

	if (b->last_len[1] == 0) return c;
	assert_true(sctp_parse(&h, b->last[1], b->last_len[1]) > 0);
	assert_true(sctp_chunk_parse(&c, b->last[1] + SCTP_HDR_LEN, b->last_len[1] - SCTP_HDR_LEN) > 0);
	if (ret_vtag) *ret_vtag = h.vtag;
	return c;
}

static struct sctp_chunk asked(struct bench *b, uint32_t vtag, const uint8_t *chunks, size_t len, uint32_t *ret_vtag)
{
	struct sctp_hdr h = to_b(vtag);

	b->last_len[1] = 0;
	bench_inject(b, 1, &h, chunks, len);
	return answer(b, ret_vtag);
}

/* RFC 9260 §8.4 (9260-27) */
static void out_of_the_blue(void **state)
{
	static const struct { uint8_t type, flags, answer; } rows[] = {
		{CHUNK_DATA, 3, CHUNK_ABORT}, {CHUNK_SACK, 0, CHUNK_ABORT}, {CHUNK_HEARTBEAT, 0, CHUNK_ABORT}, {CHUNK_ABORT, 0, 255},
		{CHUNK_SHUTDOWN, 0, CHUNK_ABORT}, {CHUNK_SHUTDOWN_ACK, 0, CHUNK_SHUTDOWN_COMPLETE}, {CHUNK_SHUTDOWN_COMPLETE, 0, 255},
		{CHUNK_COOKIE_ACK, 0, 255}, {CHUNK_COOKIE_ECHO, 0, 255}, {CHUNK_ERROR, 0, CHUNK_ABORT},
	};
	struct bench *b = *state;
	uint8_t buf[64], value[16] = {0, CAUSE_STALE_COOKIE, 0, 8};
	uint32_t vtag;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = put(buf, rows[i].type, rows[i].flags, (uint8_t[16]){0}, 16);
		struct sctp_chunk c = asked(b, 77, buf, n, &vtag);
		assert_int_equal(c.type, rows[i].answer);
		if (c.type == 255) continue;
		/* §8.5.1 (B), (C): the tag is reflected, and says so. */
		assert_int_equal(c.flags, CHUNK_T);
		assert_int_equal(vtag, 77);
	}
	assert_int_equal(asked(b, 77, buf, put(buf, CHUNK_ERROR, 0, value, 8), NULL).type, 255);
	/* §8.4 (3): an INIT to nobody. */
	assert_int_equal(asked(b, 0, buf, put_init(buf, 0x1234, 5000, 1, 1), &vtag).type, CHUNK_ABORT);
	assert_int_equal(vtag, 0x1234);
	assert_int_equal(asked(b, 5, buf, put_init(buf, 0x1234, 5000, 1, 1), NULL).type, 255);
}

/* RFC 9260 §3.3.2, §6.10 (9260-11, 9260-12): what an INIT must not say. */
static void bad_inits(void **state)
{
	struct bench *b = *state;
	uint8_t buf[64];

	listening(one(b->net.s[1]), "0.0.0.0", 7);
	assert_int_equal(asked(b, 0, buf, put_init(buf, 0, 5000, 1, 1), NULL).type, 255);
	assert_int_equal(asked(b, 0, buf, put_init(buf, 9, 1499, 1, 1), NULL).type, CHUNK_ABORT);
	assert_int_equal(asked(b, 0, buf, put_init(buf, 9, 5000, 0, 1), NULL).type, CHUNK_ABORT);
	assert_int_equal(asked(b, 0, buf, put_init(buf, 9, 5000, 1, 0), NULL).type, CHUNK_ABORT);
	/* §6.10: not alone. */
	size_t n = put_init(buf, 9, 5000, 1, 1);
	n += put(buf + n, CHUNK_COOKIE_ACK, 0, NULL, 0);
	assert_int_equal(asked(b, 0, buf, n, NULL).type, 255);
	assert_int_equal(asked(b, 0, buf, put_init(buf, 9, 5000, 1, 1), NULL).type, CHUNK_INIT_ACK);
}

/* RFC 9260 §3.2.1 (9260-10): parameters that are not known. 0x8: go on; 0x4: tell. */
static void unknown_parameters(void **state)
{
	static const struct { uint16_t type; bool reported, goes_on; } rows[] = {
		{0x3777, false, false}, {0x7777, true, false}, {0xb777, false, true}, {0xf777, true, true},
	};
	struct bench *b = *state;

	listening(one(b->net.s[1]), "0.0.0.0", 7);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t value[64];
		uint8_t buf[128];
		size_t n = SCTP_INIT_FIXED;
		unsigned reports = 0;
		sctp_init_emit(&(struct sctp_init){9, 5000, 1, 1, 100}, value);
		n += sctp_param_emit(&(struct sctp_param){.type = rows[i].type, .len = 4}, value + n);
		n += sctp_param_emit(&(struct sctp_param){.type = 0xc888, .len = 0}, value + n);   /* seen only by who goes on */
		struct sctp_chunk c = asked(b, 0, buf, put(buf, CHUNK_INIT, 0, value, n), NULL);
		assert_int_equal(c.type, CHUNK_INIT_ACK);
		for (size_t off = SCTP_INIT_FIXED; off < c.len;) {
			struct sctp_param v;
			int took = sctp_param_parse(&v, c.value + off, c.len - off);
			assert_true(took > 0);
			reports += v.type == PARAM_UNRECOGNIZED;
			off += (size_t)took;
		}
		assert_int_equal(reports, rows[i].reported + rows[i].goes_on);
	}
}

/* The cookie that b gave for an INIT from port 1000. */
static size_t fetch_cookie(struct bench *b, uint8_t *to, uint32_t *ret_tag)
{
	uint8_t buf[64];
	struct sctp_chunk c = asked(b, 0, buf, put_init(buf, 9, 5000, 3, 3), NULL);

	assert_int_equal(c.type, CHUNK_INIT_ACK);
	*ret_tag = read32(c.value);
	for (size_t off = SCTP_INIT_FIXED; off < c.len;) {
		struct sctp_param v;
		off += (size_t)sctp_param_parse(&v, c.value + off, c.len - off);
		if (v.type != PARAM_COOKIE) continue;
		memcpy(to, v.value, v.len);
		return v.len;
	}
	fail_msg("no cookie");
	return 0;
}

/* RFC 9260 §5.1.3, §5.1.5 (9260-2, 9260-3, 9260-4, 9260-7): nothing is kept before the cookie comes back; it must be ours, for these ports, and young. */
static void cookies(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7), *y;
	uint8_t cookie[1024], buf[1100];
	uint32_t tag, vtag;
	size_t n;

	for (int i = 0; i < 100; i++) fetch_cookie(b, cookie, &tag);
	assert_int_equal(list_first(&b->net.s[1]->socks, struct sock, node) == l && l->node.next == &b->net.s[1]->socks, 1);
	n = fetch_cookie(b, cookie, &tag);
	/* Each octet of it counts. */
	for (size_t i = 0; i < n; i++) {
		cookie[i] ^= 0x10;
		assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), NULL).type, 255);
		cookie[i] ^= 0x10;
	}
	assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n - 4), NULL).type, 255);
	assert_int_equal(asked(b, tag + 1, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), NULL).type, 255);
	/* From another address than it was given to. */
	bench_inject_from(b, 1, "10.0.0.77", &(struct sctp_hdr){1000, 7, tag}, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n));
	assert_false(sock_poll(l) & EPOLLIN);
	bench_pass(b, 61 * NS_PER_S);
	struct sctp_chunk c = asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), &vtag);
	assert_int_equal(c.type, CHUNK_ERROR);
	assert_int_equal(read16(c.value), CAUSE_STALE_COOKIE);
	assert_int_equal(vtag, 9);
	n = fetch_cookie(b, cookie, &tag);
	assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), &vtag).type, CHUNK_COOKIE_ACK);
	assert_int_equal(vtag, 9);
	/* RFC 9260 §5.2.4 (D): once more is the same association. */
	assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), NULL).type, CHUNK_COOKIE_ACK);
	assert_int_equal(sock_accept(l, &y), 0);
	assert_int_equal(sock_accept(l, &y), -EAGAIN);
}

/* A connection to b's port 7 from port 1000, made by hand; its tag at b. */
static uint32_t by_hand(struct bench *b, struct sock **ret)
{
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7);
	uint8_t cookie[1024], buf[1100];
	uint32_t tag;
	size_t n = fetch_cookie(b, cookie, &tag);

	assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), NULL).type, CHUNK_COOKIE_ACK);
	assert_int_equal(sock_accept(l, ret), 0);
	sock_close(l);
	return tag;
}

/* RFC 9260 §8.5 (9260-28, 9260-29): who does not know the tag can do nothing, not even end it. */
static void wrong_tags(void **state)
{
	struct bench *b = *state;
	struct sock *y;
	uint32_t tag = by_hand(b, &y);
	uint8_t buf[64], value[20] = {0};

	for (unsigned type = 0; type < 256; type++) {
		if (type == CHUNK_INIT || type == CHUNK_COOKIE_ECHO) continue;
		assert_int_equal(asked(b, tag + 1, buf, put(buf, (uint8_t)type, 0, value, sizeof value), NULL).type, 255);
		assert_int_equal(asked(b, tag, buf, 0, NULL).type, 255);
	}
	/* With T it is the peer's tag that counts, and only then. */
	asked(b, 9, buf, put(buf, CHUNK_ABORT, 0, NULL, 0), NULL);
	asked(b, tag, buf, put(buf, CHUNK_ABORT, CHUNK_T, NULL, 0), NULL);
	assert_int_equal(assoc_at(y)->state, SCTP_ESTABLISHED);
	asked(b, 9, buf, put(buf, CHUNK_ABORT, CHUNK_T, NULL, 0), NULL);
	assert_null(assoc_at(y));
}

/* RFC 9260 §3.2 (9260-9): chunks that are not known, by the upper bits of the type; what follows is looked at, or not. */
static void unknown_chunks(void **state)
{
	static const struct { uint8_t type; bool reported, goes_on; } rows[] = {
		{0x3e, false, false}, {0x7e, true, false}, {0xbe, false, true}, {0xfe, true, true},
	};
	struct bench *b = *state;
	struct sock *y;
	uint32_t tag = by_hand(b, &y);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t buf[64], beat[12] = {0, 1, 0, 12};
		size_t n = put(buf, rows[i].type, 0, "xyz", 3);
		n += put(buf + n, CHUNK_HEARTBEAT, 0, beat, sizeof beat);
		uint32_t errors = b->chunks[CHUNK_ERROR], acks = b->chunks[CHUNK_HEARTBEAT_ACK];
		asked(b, tag, buf, n, NULL);
		assert_int_equal(b->chunks[CHUNK_ERROR] - errors, rows[i].reported);
		assert_int_equal(b->chunks[CHUNK_HEARTBEAT_ACK] - acks, rows[i].goes_on);
	}
}

/* RFC 9260 §6.5, §6.2 (9260-16, 9260-19): a stream that is not there; no data at all. */
static void bad_data(void **state)
{
	struct bench *b = *state;
	struct sock *y;
	uint32_t tag = by_hand(b, &y);
	uint8_t buf[64], value[16] = {0};
	struct sctp_data h = {.tsn = 100, .stream = 3};

	sctp_data_emit(&h, value);
	struct sctp_chunk c;
	asked(b, tag, buf, put(buf, CHUNK_DATA, 3, value, 13), NULL);
	assert_int_equal(b->chunks[CHUNK_ERROR], 1);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_int_equal(assoc_at(y)->rcv.cum, 100);
	h = (struct sctp_data){.tsn = 101};
	sctp_data_emit(&h, value);
	c = asked(b, tag, buf, put(buf, CHUNK_DATA, 3, value, 12), NULL);
	assert_int_equal(c.type, CHUNK_ABORT);
	assert_int_equal(read16(c.value), CAUSE_NO_USER_DATA);
	assert_null(assoc_at(y));
}

/* RFC 9260 §3.3.4 (9260-34): what was never sent can't be acknowledged. */
static void a_sack_of_the_future(void **state)
{
	struct bench *b = *state;
	struct sock *y;
	uint32_t tag = by_hand(b, &y);
	uint8_t buf[64], value[SCTP_SACK_FIXED + 8];
	struct sctp_sack h = {.cum = assoc_at(y)->snd.next_tsn - 1, .rwnd = 5000, .n_gaps = 1};

	/* A stretch of what was never sent is nothing, and one that is upside down ends the list. */
	sctp_sack_emit(&h, value);
	write16(value + 12, 5);
	write16(value + 14, 60000);
	asked(b, tag, buf, put(buf, CHUNK_SACK, 0, value, 16), NULL);
	write16(value + 12, 9);
	write16(value + 14, 2);
	asked(b, tag, buf, put(buf, CHUNK_SACK, 0, value, 16), NULL);
	assert_non_null(assoc_at(y));
	h.n_gaps = 0;
	h.cum++;
	sctp_sack_emit(&h, value);
	assert_int_equal(asked(b, tag, buf, put(buf, CHUNK_SACK, 0, value, 12), NULL).type, CHUNK_ABORT);
	assert_null(assoc_at(y));
}

/* Every chunk of every type, cut at every length and telling a length that is not so, alone and behind another; nothing is read beyond. */
static void cut_short(void **state)
{
	struct bench *b = *state;
	struct sock *y;
	uint32_t tag = by_hand(b, &y);
	uint8_t value[40], buf[128];

	for (size_t i = 0; i < sizeof value; i++) value[i] = (uint8_t)(i * 11);
	for (unsigned type = 0; type < 256; type++)
		for (size_t len = 0; len <= sizeof value; len++) {
			for (int lie = -5; lie <= 5; lie++) {
				size_t n = SCTP_CHUNK_HDR + len;
				put(buf, (uint8_t)type, (uint8_t)len, value, len);
				write16(buf + 2, (uint16_t)((int)n + lie));
				if (type > CHUNK_SHUTDOWN || type == CHUNK_INIT || type == CHUNK_HEARTBEAT) asked(b, tag, buf, n, NULL);
				asked(b, 77, buf, n, NULL);
				asked(b, 0, buf, n, NULL);
			}
			assert_true(b->chunks[CHUNK_ABORT] < 100000);
		}
	assert_int_equal(call_send(y, "alive", 5), 5);
}

/* A peer that sends what is never whole cannot have more of our memory than it was promised. */
static void fill(struct bench *b, uint32_t first_tsn, uint8_t flags, uint16_t ssn, uint32_t most_beyond)
{
	static uint8_t value[1412];
	struct sock *y;
	uint32_t tag = by_hand(b, &y);
	uint8_t buf[1500];

	for (uint32_t i = 0; i < 6000; i++) {
		struct sctp_data h = {.tsn = first_tsn + i, .ssn = ssn ? ssn : (uint16_t)i};
		sctp_data_emit(&h, value);
		asked(b, tag, buf, put(buf, CHUNK_DATA, flags, value, i & 1 ? 13 : sizeof value), NULL);
		assert_true(assoc_at(y)->rcv.held <= most_beyond * y->rcvbuf + 4096);
	}
}

/* What begins with a gap, what has no end, and what is never next in its stream. */
static void never_whole(void **state) { fill(*state, 101, 0, 0, 2); }
static void never_ends(void **state) { fill(*state, 100, 0, 0, 4); }
static void never_next(void **state) { fill(*state, 100, 3, 1, 4); }

/* What is queued before the peer has said how few streams it takes. */
static void streams_shrink(void **state)
{
	struct bench *b = *state;
	struct sock *l = one(b->net.s[1]), *x = one(b->net.s[0]), *y;
	struct sctp_initmsg theirs = {.sinit_max_instreams = 1};

	assert_int_equal(sock_setsockopt(l, IPPROTO_SCTP, SCTP_INITMSG, &theirs, sizeof theirs), 0);
	listening(l, "0.0.0.0", 7);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	assert_int_equal(call_sendmsg(x, "one", 3, &(struct wish_sent){.stream = 9}), 3);
	assert_int_equal(call_sendmsg(x, "other", 5, &(struct wish_sent){.stream = 0}), 5);
	settle(b);
	assert_int_equal(sock_accept(l, &y), 0);
	assert_int_equal(assoc_at(x)->out_streams, 1);
	assert_int_equal(call_recv(y)->n, 5);
}

/* A third host that names the peer's address as one of its own gets nothing of what is there. */
static void claimed_address(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7), *x = one(b->net.s[0]), *y;
	uint8_t value[SCTP_INIT_FIXED + 8], buf[1100], cookie[1024];
	struct sctp_chunk init = {.type = CHUNK_INIT, .len = sizeof value, .value = value};
	struct sctp_hdr h = to_b(0);
	struct init_read r;
	struct addr from;

	call_bind(x, "10.0.0.1", 1000);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(sock_accept(l, &y), 0);
	sctp_init_emit(&(struct sctp_init){9, 5000, 1, 1, 100}, value);
	sctp_param_emit(&(struct sctp_param){.type = PARAM_IPV4, .len = 4, .value = (uint8_t[]){10, 0, 0, 1}}, value + SCTP_INIT_FIXED);
	addr_parse(&from, "10.0.0.9");
	assert_int_equal(init_read(sctp_of(l), &init, &from, &r), 0);
	cookie_write(b->net.s[1], cookie, &h, &r, &(struct cookie_made){.my_tag = 77, .my_tsn = 5, .life_ms = 60000}, 1, 1);
	h.vtag = 77;
	bench_inject_from(b, 1, "10.0.0.9", &h, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, cookie_len()));
	settle(b);
	assert_int_equal(call_send(x, "hello", 5), 5);
	settle(b);
	assert_int_equal(call_recv(y)->n, 5);
}

/* RFC 9260 §5.2.4 (A): a peer that begins anew does not raise what its program has closed. */
static void closed_and_restarted(void **state)
{
	struct bench *b = *state;
	struct sock *y;
	uint8_t cookie[1024], buf[1100];
	uint32_t tag;
	size_t n;

	by_hand(b, &y);
	struct assoc *a = assoc_at(y);
	sock_close(y);
	n = fetch_cookie(b, cookie, &tag);
	asked(b, tag, buf, put(buf, CHUNK_COOKIE_ECHO, 0, cookie, n), NULL);
	assert_int_equal(a->state, SCTP_SHUTDOWN_SENT);
}

/* A message that stands still in its middle keeps others back: then there is nothing to be read, and poll says so. */
static void stuck_in_the_middle(void **state)
{
	static uint8_t value[1412];
	struct bench *b = *state;
	struct sock *y;
	struct sctp_hdr h = to_b(by_hand(b, &y));
	struct sctp_data d = {.tsn = 100};
	uint8_t buf[1500];

	for (; d.tsn < 190; d.tsn++) {
		sctp_data_emit(&d, value);
		bench_inject(b, 1, &h, buf, put(buf, CHUNK_DATA, d.tsn == 100 ? 2 : 0, value, sizeof value));
	}
	d = (struct sctp_data){.tsn = 191, .stream = 1};
	sctp_data_emit(&d, value);
	bench_inject(b, 1, &h, buf, put(buf, CHUNK_DATA, 7, value, 20));
	while (call_recv(y)->n > 0) continue;
	assert_false(sock_poll(y) & EPOLLIN);
}

/* RFC 9260 §10 (9260-33): what ICMP says counts if it quotes the tag. */
static void icmp(void **state)
{
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]);
	uint8_t quote[24] = {0};
	struct ip_error e = {.proto = IP_PROTO_SCTP, .icmp_type = ICMP4_UNREACH, .icmp_code = 2, .err = ENOPROTOOPT, .hard = true, .quote = quote,
			     .quote_len = sizeof quote};

	addr_parse(&e.src, "10.0.0.1");
	addr_parse(&e.dst, "10.0.0.2");
	b->net.cut[0] = true;
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	write16(quote, sctp_of(x)->inet.lport);
	write16(quote + 2, 7);
	quote[SCTP_HDR_LEN] = CHUNK_INIT;
	write32(quote + 16, assoc_at(x)->my_tag + 1);
	sctp_error(b->net.s[0], &e);
	assert_non_null(assoc_at(x));
	write32(quote + 16, assoc_at(x)->my_tag);
	e.quote_len = 12;
	sctp_error(b->net.s[0], &e);
	assert_non_null(assoc_at(x));
	e.quote_len = sizeof quote;
	sctp_error(b->net.s[0], &e);
	assert_null(assoc_at(x));
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -ENOPROTOOPT);
}

/* RFC 9260 Appendix A (9260-35), RFC 9260 §6.8 (9260-22): the values of RFC 3720 B.4, and a packet with another does nothing. */
static void checksums(void **state)
{
	struct bench *b = *state;
	uint8_t buf[SCTP_HDR_LEN + 64], ones[32];
	struct sctp_hdr h = to_b(0);
	size_t n = SCTP_HDR_LEN + put_init(buf + SCTP_HDR_LEN, 9, 5000, 1, 1);

	memset(ones, 0xff, sizeof ones);
	assert_int_equal(crc32c_end(crc32c_add(CRC32C_START, (uint8_t[32]){0}, 32)), 0x8a9136aa);
	assert_int_equal(crc32c_end(crc32c_add(CRC32C_START, ones, 32)), 0x62a8ab43);
	assert_int_equal(crc32c_end(crc32c_add(CRC32C_START, (const uint8_t *)"123456789", 9)), 0xe3069283);
	sctp_emit(&h, buf, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(sctp_csum_ok(buf, n));
		buf[i] ^= 1;
		assert_false(sctp_csum_ok(buf, n));
		buf[i] ^= 1;
	}
	assert_int_equal(b->packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(out_of_the_blue), BENCH_TEST(bad_inits), BENCH_TEST(unknown_parameters), BENCH_TEST(cookies), BENCH_TEST(wrong_tags),
		BENCH_TEST(unknown_chunks), BENCH_TEST(bad_data), BENCH_TEST(a_sack_of_the_future), BENCH_TEST(cut_short),
		BENCH_TEST(never_whole), BENCH_TEST(never_ends),
		BENCH_TEST(never_next), BENCH_TEST(streams_shrink), BENCH_TEST(claimed_address), BENCH_TEST(closed_and_restarted),
		BENCH_TEST(stuck_in_the_middle),
		BENCH_TEST(icmp), BENCH_TEST(checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
