/* Texts from outside: durations, and what is a character of UTF-8. */
#include "unit.h"

#include "base/duration.h"
#include "base/utf8.h"

static void test_durations(void **state)
{
	(void)state;
	assert_int_equal(duration_parse("5s"), 5 * NS_PER_S);
	assert_int_equal(duration_parse("1.5ms"), 1500 * NS_PER_US);
	assert_int_equal(duration_parse("7us"), 7 * NS_PER_US);
	assert_int_equal(duration_parse("2m"), 120 * NS_PER_S);
	assert_int_equal(duration_parse("1h"), 3600 * NS_PER_S);
	assert_int_equal(duration_parse("0s"), 0);
	for (const char *const *t = (const char *const[]){"", "5", "s", "-1s", "1e7s", "nans", "infs", "5 s", "5sec", "5s ", NULL}; *t; t++)
		assert_int_equal(duration_parse(*t), -1);
}

/* RFC 3629 §4, at each end of each row. */
static void test_characters(void **state)
{
	static const struct { const char *text; size_t len; } rows[] = {
		{"", 0}, {"a", 1}, {"\x7f", 1}, {"\x80", 0}, {"\xc1\xbf", 0}, {"\xc2\x80", 2}, {"\xdf\xbf", 2}, {"\xdf", 0}, {"\xdf" "a", 0},
		{"\xe0\x9f\xbf", 0}, {"\xe0\xa0\x80", 3}, {"\xe1\x80\x80", 3}, {"\xe1\x80", 0}, {"\xed\x9f\xbf", 3}, {"\xed\xa0\x80", 0},
		{"\xef\xbf\xbf", 3}, {"\xf0\x8f\xbf\xbf", 0}, {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4}, {"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0}, {"\xff", 0}, {"\xf1\x80\x80" "a", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) assert_int_equal(utf8_character(rows[i].text), rows[i].len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_characters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
