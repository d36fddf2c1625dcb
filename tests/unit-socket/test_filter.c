/* Classic BPF: what the check lets through, what programs answer, and filters on sockets. */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include "stack/socket/filter.h"
#include "world.h"

static const uint8_t packet[] = {0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9};

#define CHECK(...) check((struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}))
#define RUN(w, ...) run(w, (struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}))
#define S BPF_STMT
#define J BPF_JUMP

static int check(const struct sock_filter *insns, size_t octets)
{
	struct filter *f;
	int r = filter_new(insns, octets, &f);

	if (r == 0) filter_free(f);
	return r;
}

static uint32_t run(struct world *w, const struct sock_filter *insns, size_t octets)
{
	struct filter_view v = {.data = packet + 4, .len = sizeof packet - 4, .net = packet + 2, .mac = packet, .protocol = 0x86dd, .pkttype = 4, .ifindex = 9};
	struct filter *f;
	uint32_t n;

	assert_int_equal(filter_new(insns, octets, &f), 0);
	n = filter_run(f, &v, w->a);
	filter_free(f);
	return n;
}

static void test_check(void **state)
{
	static struct sock_filter many[BPF_MAXINSNS + 1];

	(void)state;
	assert_int_equal(CHECK(S(BPF_RET | BPF_K, 0)), 0);
	assert_int_equal(check(many, 0), -EINVAL);
	assert_int_equal(check(many, 12), -EINVAL);
	for (size_t i = 0; i <= BPF_MAXINSNS; i++) many[i] = (struct sock_filter)S(BPF_RET | BPF_A, 0);
	assert_int_equal(check(many, BPF_MAXINSNS * sizeof *many), 0);
	assert_int_equal(check(many, sizeof many), -EINVAL);
	/* no return at the end; an unknown operation; jumps beyond it */
	assert_int_equal(CHECK(S(BPF_LD | BPF_IMM, 1)), -EINVAL);
	assert_int_equal(CHECK(S(0xffff, 1), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_RET | BPF_X, 1)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JA, 1, 0, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JA, 0xffffffff, 0, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	/* constants that can't be */
	assert_int_equal(CHECK(S(BPF_ALU | BPF_DIV | BPF_K, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ALU | BPF_MOD | BPF_K, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ALU | BPF_LSH | BPF_K, 32), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ST, BPF_MEMWORDS), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_MAX), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_NLATTR), S(BPF_RET | BPF_K, 0)), -EINVAL);
}

/* A word of memory must have been written on every way to where it is read. */
static void test_memory_is_written_first(void **state)
{
	(void)state;
	assert_int_equal(CHECK(S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), 0);
	assert_int_equal(CHECK(S(BPF_ST, 2), S(BPF_LDX | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), S(BPF_ST, 3), J(BPF_JMP | BPF_JA, 1, 0, 0), S(BPF_STX, 3),
			       S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), 0);
}

static void test_run(void **state)
{
	struct world *w = *state;

	assert_int_equal(RUN(w, S(BPF_LD | BPF_B | BPF_ABS, 0), S(BPF_RET | BPF_A, 0)), 4);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_H | BPF_ABS, 1), S(BPF_RET | BPF_A, 0)), 0x0506);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_W | BPF_ABS, 2), S(BPF_RET | BPF_A, 0)), 0x06070809);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_W | BPF_ABS, 3), S(BPF_RET | BPF_K, 7)), 0);      /* beyond the end */
	assert_int_equal(RUN(w, S(BPF_LD | BPF_W | BPF_ABS, 0x7fffffff), S(BPF_RET | BPF_K, 7)), 0);
	assert_int_equal(RUN(w, S(BPF_LDX | BPF_IMM, 3), S(BPF_LD | BPF_H | BPF_IND, 1), S(BPF_RET | BPF_A, 0)), 0x0809);
	assert_int_equal(RUN(w, S(BPF_LDX | BPF_IMM, 0xffffffff), S(BPF_LD | BPF_B | BPF_IND, 1), S(BPF_RET | BPF_A, 0)), 4);
	assert_int_equal(RUN(w, S(BPF_LDX | BPF_IMM, 0x80000000), S(BPF_LD | BPF_B | BPF_IND, 0), S(BPF_RET | BPF_K, 7)), 0);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF), S(BPF_RET | BPF_A, 0)), 2);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_LL_OFF + 1), S(BPF_RET | BPF_A, 0)), 1);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL), S(BPF_RET | BPF_A, 0)), 0x86dd);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE), S(BPF_RET | BPF_A, 0)), 4);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX), S(BPF_RET | BPF_A, 0)), 9);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_RET | BPF_A, 0)), 6);
	assert_int_equal(RUN(w, S(BPF_LDX | BPF_B | BPF_MSH, 0), S(BPF_MISC | BPF_TXA, 0), S(BPF_RET | BPF_A, 0)), 16);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 7), S(BPF_ALU | BPF_DIV | BPF_X, 0), S(BPF_RET | BPF_K, 7)), 0);   /* by zero */
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 7), S(BPF_ALU | BPF_MOD | BPF_K, 4), S(BPF_RET | BPF_A, 0)), 3);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 7), S(BPF_ALU | BPF_NEG, 0), S(BPF_RET | BPF_A, 0)), (uint32_t)-7);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 7), S(BPF_ALU | BPF_XOR | BPF_K, 2), S(BPF_RET | BPF_A, 0)), 5);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 1), S(BPF_LDX | BPF_IMM, 33), S(BPF_ALU | BPF_LSH | BPF_X, 0), S(BPF_RET | BPF_A, 0)), 2);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 6), J(BPF_JMP | BPF_JSET | BPF_K, 2, 0, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)), 1);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 6), J(BPF_JMP | BPF_JGT | BPF_K, 6, 0, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)), 2);
	assert_int_equal(RUN(w, S(BPF_LD | BPF_IMM, 6), J(BPF_JMP | BPF_JGE | BPF_K, 6, 0, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)), 1);
}

/* Whatever the check lets through ends, and reads nothing that is not there (the sanitizers would say so). */
static void test_random_programs(void **state)
{
	static const uint16_t codes[] = {0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0x81, 0x01, 0x61, 0xb1, 0x02, 0x03, 0x04, 0x0c, 0x34, 0x3c, 0x94,
					 0x9c, 0x54, 0xa4, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x07, 0x87, 0x05, 0x15, 0x1d, 0x25, 0x35, 0x45, 0x06, 0x16};
	static const uint32_t ks[] = {0, 1, 2, 3, 5, 6, 15, 31, 0x7fffffff, 0x80000000, 0xffffffff, (uint32_t)SKF_AD_OFF, (uint32_t)SKF_AD_OFF + 4,
				      (uint32_t)SKF_NET_OFF + 3, (uint32_t)SKF_LL_OFF + 1, (uint32_t)SKF_LL_OFF - 1};
	struct world *w = *state;
	uint8_t *octets = malloc(6);             /* its end is the end of the memory */
	uint64_t random = 88172645463325252u;
	unsigned accepted = 0;

	memcpy(octets, packet + 4, 6);
	for (int i = 0; i < 200000; i++) {
		struct filter_view v = {.data = octets, .len = 6, .net = octets + 2, .mac = i & 1 ? octets : NULL};
		struct sock_filter insns[8];
		struct filter *f;
		for (int n = 0; n < 8; n++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			insns[n] = (struct sock_filter){codes[random % ARRAY_SIZE(codes)], (uint8_t)(random >> 8 & 3), (uint8_t)(random >> 12 & 3),
							ks[(random >> 16) % ARRAY_SIZE(ks)]};
		}
		insns[7].code = BPF_RET | BPF_A;
		if (filter_new(insns, sizeof insns, &f) < 0) continue;
		accepted++;
		filter_run(f, &v, w->a);
		filter_free(f);
	}
	free(octets);
	assert_true(accepted > 1000);
}

static int attach(struct sock *sk, const struct sock_filter *insns, size_t octets)
{
	return sock_setsockopt(sk, SOL_SOCKET, SO_ATTACH_FILTER, insns, (socklen_t)octets);
}
#define ATTACH(sk, ...) attach(sk, (struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}))

/* A UDP filter sees the datagram from its header on; what it leaves is what comes, but never less than the header. */
static void test_udp(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tx = udp(w->a, AF_INET);
	char buf[64];

	assert_int_equal(set_int(rx, SOL_SOCKET, SO_DETACH_FILTER, 0), -ENOENT);
	assert_int_equal(ATTACH(rx, S(BPF_LD | BPF_IMM, 1)), -EINVAL);
	assert_int_equal(ATTACH(rx, S(BPF_LD | BPF_B | BPF_ABS, 8), J(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1), S(BPF_RET | BPF_K, 11), S(BPF_RET | BPF_K, 0)), 0);
	assert_int_equal(do_sendto(tx, "no", 2, name4("10.0.0.2", 7)), 2);
	assert_int_equal(do_sendto(tx, "yes, yes", 8, name4("10.0.0.2", 7)), 8);
	settle(w);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), 3);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(w->b->drops[DROP_SOCK_FILTER], 1);
	assert_int_equal(ATTACH(rx, S(BPF_RET | BPF_K, 1)), 0);
	assert_int_equal(do_sendto(tx, "cut", 3, name4("10.0.0.2", 7)), 3);
	settle(w);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), 0);
	assert_int_equal(set_int(rx, SOL_SOCKET, SO_LOCK_FILTER, 1), 0);
	assert_int_equal(set_int(rx, SOL_SOCKET, SO_LOCK_FILTER, 0), -EPERM);
	assert_int_equal(set_int(rx, SOL_SOCKET, SO_DETACH_FILTER, 0), -EPERM);
	assert_int_equal(ATTACH(rx, S(BPF_RET | BPF_K, 0)), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_check),
		WORLD_TEST(test_memory_is_written_first),
		WORLD_TEST(test_run),
		WORLD_TEST(test_random_programs),
		WORLD_TEST(test_udp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
