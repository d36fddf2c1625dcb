/* Faults of calls: their words. What they do is in tests/cli/faults.py. */
#include "unit.h"
#include "rpc/call_fault.h"

static int parse(struct call_fault *ret, const char *line, size_t *ret_bad)
{
	char copy[200], *words[30], *save;
	size_t n = 0;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return call_fault_parse(ret, n, words, ret_bad);
}

static struct call_fault good(const char *line)
{
	struct call_fault f;
	size_t bad;
	if (parse(&f, line, &bad) != 0) fail_msg("%s: word %zu", line, bad);
	return f;
}

static void calls_actions_and_conditions_are_read(void **state)
{
	(void)state;
	struct call_fault f = good("connect,accept errno ECONNREFUSED p 10% first 3 every 2 port 80");
	assert_int_equal(f.calls, FAULT_BIT(FAULT_CONNECT) | FAULT_BIT(FAULT_ACCEPT));
	assert_int_equal(f.action, FAULT_ERRNO);
	assert_int_equal(f.err, ECONNREFUSED);
	assert_true(f.p > 0.0999 && f.p < 0.1001);
	assert_true(f.first == 3 && f.every == 2 && f.port == 80 && !f.has_after);
	f = good("send,recv reset after 64k");
	assert_true(f.action == FAULT_RESET && f.has_after && f.after == 65536 && f.p >= 1);
	assert_int_equal(good("recv short 1").octets, 1);
	assert_int_equal(good("all delay 1500ms").delay_ns, 1500 * NS_PER_MS);
	assert_int_equal(good("all delay 1s").calls, FAULT_BIT(FAULT_CALLS) - 1);
	assert_int_equal(good("send errno EPIPE after 0").after, 0);
}

static void the_wrong_word_is_named(void **state)
{
	(void)state;
	static const struct { const char *line; size_t bad; } rows[] = {
		{"", 0}, {"send", 1}, {"jump errno EIO", 0}, {"send, errno EIO", 0}, {"send,,recv errno EIO", 0}, {"send errno", 2}, {"send errno EFOO", 2},
		{"send errno 5", 2}, {"send short 0", 3}, {"send delay 5", 2}, {"send delay 2m reset", 4}, {"send reset reset", 3}, {"send reset p 101%", 3},
		{"send reset first 0", 4}, {"send reset every 0", 4}, {"send reset after", 3}, {"send reset port 0", 4}, {"send reset port 65536", 3},
		{"connect reset", 0}, {"all short 3", 0}, {"accept errno EIO after 3", 0}, {"send p 3%", 3}, {"send delay 2h", 2},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct call_fault f = {.err = 7};
		size_t bad = 99;
		if (parse(&f, rows[i].line, &bad) != -EINVAL || bad != rows[i].bad) fail_msg("%s: word %zu", rows[i].line, bad);
		assert_int_equal(f.err, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_actions_and_conditions_are_read),
		cmocka_unit_test(the_wrong_word_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
