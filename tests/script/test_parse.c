/* What the language refuses, and where it says the mistake is. */
#include "lang.h"

static void mistakes_are_named_with_their_place(void **state)
{
	static const struct { const char *text, *error; } rows[] = {
		{"", "1:1: no step at all"},
		{"# nothing\n", "2:1: no step at all"},
		{"wait 1s\n  jump 3\n", "2:3: \"jump\" is nothing that a script does"},
		{"> ack sec 1\n", "1:7: \"sec\" is no part of a segment"},
		{"> ack seq\n", "1:7: a number is missing behind this"},
		{"> ack seq x1\n", "1:11: \"x1\" is no number"},
		{"> ack seq 4294967295\n", "1:11: 4294967295 is not in 0 to 4294967294"},
		{"< ack win 65536\n", "1:11: 65536 is not in 0 to 65535"},
		{"< ack sack 1-\n", "1:7: a block such as 101-201 is missing behind this"},
		{"< ack sack 1-2 3-4 5-6 7-8 9-10\n", "1:24: more than four blocks"},
		{"\n\nwait 10 ms\n", "3:6: \"10\" is no time such as 200ms, 3s, 10min"},
		{"wait\n", "1:1: a time such as 200ms is missing behind this"},
		{"wait -1s\n", "1:6: \"-1s\" is no time such as 200ms, 3s, 10min"},
		{"recv 10 fails EWHAT\n", "1:15: \"EWHAT\" is no errno"},
		{"state OPEN\n", "1:7: \"OPEN\" is no state"},
		{"set\n", "1:1: option is missing behind this"},
		{"set speed 1\n", "1:5: \"speed\" is no option"},
		{"expect a segment\n", "1:8: expect no segment"},
		{"only ipv5\n", "1:6: only ipv4, or only ipv6"},
		{"close it\n", "1:7: \"it\" is too much"},
		{"wait 1s 2s # really\n", "1:9: \"2s\" is too much"},
		{"established syn\n", "1:13: the flags are not for you to choose here"},
	};
	struct script *s = calloc(1, sizeof *s);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_false(script_parse(s, rows[i].text));
		assert_string_equal(s->error, rows[i].error);
	}
	free(s);
}

static void a_script_is_not_endless(void **state)
{
	struct script *s = calloc(1, sizeof *s);
	char *text = calloc(SCRIPT_LINES + 2, 8);

	(void)state;
	for (int i = 0; i < SCRIPT_LINES; i++)
		strcat(text, "close\n");
	assert_true(script_parse(s, text));
	assert_int_equal(s->n_steps, SCRIPT_LINES);
	strcat(text, "close\n");
	assert_false(script_parse(s, text));
	assert_string_equal(s->error, "201:1: more than 200 steps");
	free(text);
	free(s);
}

static void lines_become_steps(void **state)
{
	struct script *s = calloc(1, sizeof *s);

	(void)state;
	assert_true(script_parse(s, "only ipv6\n> syn ack 1 seq 0 mss 1440 wscale 7 # both\nrecv 10 peek gives 3\n< fin ack sack 5-9 10-12"));
	assert_true(s->ipv6 && !s->ipv4);
	assert_int_equal(s->n_steps, 3);
	assert_int_equal(s->steps[0].line, 2);
	assert_int_equal(s->steps[0].seg.flags, SYN | ACK);
	assert_true(s->steps[0].ack_given && s->steps[0].seq_given);
	assert_int_equal(s->steps[0].seg.mss, 1440);
	assert_int_equal(s->steps[0].seg.wscale, 8);
	assert_int_equal(s->steps[1].gives, 3);
	assert_int_equal(s->steps[1].flags, MSG_PEEK);
	assert_false(s->steps[2].ack_given || s->steps[2].seq_given);
	assert_int_equal(s->steps[2].seg.sack[1].end, 12);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named_with_their_place), cmocka_unit_test(a_script_is_not_endless), cmocka_unit_test(lines_become_steps),
	};
	return cmocka_run_group_tests_name("script-parse", tests, NULL, NULL);
}
