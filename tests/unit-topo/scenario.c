/* Scenarios: what a file says arrives in the struct, and each mistake is told with its place before anything has started. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>

#include "topo/build.h"
#include "topo/scenario.h"

static char err[400];

static int load(struct scenario *s, const char *text)
{
	err[0] = 0;
	return scenario_load_text(s, "f", text, strlen(text), err, sizeof err);
}

static void refuses(const char *text, const char *message)
{
	struct scenario s;

	assert_int_equal(load(&s, text), -EINVAL);
	assert_string_equal(err, message);
}

static void test_processes(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(load(&s, "topo: single,2\nname: two\nseed: 9\ntimeout: 1m\n"
				  "processes:\n"
				  "  - {host: h1, command: [/bin/echo, a b, c]}\n"
				  "  - {host: h2, command: \"cat x | sort\", at: 200ms, env: {A: 1, B: x=y}, daemon: true}\n"
				  "  - {host: h2, command: cat, name: other}\n"),
			 0);
	assert_string_equal(s.topo.name, "two");
	assert_true(s.has_seed);
	assert_int_equal(s.seed, 9);
	assert_int_equal(s.timeout, 60 * NS_PER_S);
	assert_int_equal(s.n_processes, 3);
	assert_string_equal(s.processes[0].name, "echo");
	assert_string_equal(s.processes[0].argv[1], "a b");
	assert_null(s.processes[0].argv[3]);
	assert_string_equal(s.processes[1].name, "cat");
	assert_string_equal(s.processes[1].argv[2], "cat x | sort");
	assert_string_equal(s.processes[1].env[1], "B=x=y");
	assert_int_equal(s.processes[1].at, 200 * NS_PER_MS);
	assert_true(s.processes[1].daemon);
	assert_int_equal(s.processes[2].host, 1);
	scenario_free(&s);
}

static void test_events_by_time(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(load(&s, "hosts: [a, b]\nprocesses: [{host: a, command: cat}]\nscenario:\n"
				  "  - at 5s: cut a / b for 10s\n  - at 1s: set a loss 1%\n  - at 5s: kill -HUP cat\n  - at 2s: cut --majority\n"),
			 0);
	assert_int_equal(s.n_events, 4);
	assert_string_equal(s.events[0].text, "set a loss 1%");
	assert_string_equal(s.events[1].words[1], "--majority");
	assert_int_equal(s.events[2].n_words, 6);
	assert_int_equal(s.events[2].line, 4);
	assert_string_equal(s.events[3].words[0], "kill");     /* after the other one of that moment, as in the file */
	assert_int_equal(s.events[3].kind, EVENT_KILL);
	scenario_free(&s);
	assert_int_equal(load(&s, "hosts: [a, b]\nprocesses: [{host: a, command: cat}]\nscenario:\n"
				  "  - at 1s: stop cat\n  - at 2s: continue cat\n  - at 3s: heal\n  - at 4s: start cat\n"),
			 0);
	assert_int_equal(s.events[0].kind, EVENT_STOP);
	assert_int_equal(s.events[1].kind, EVENT_CONTINUE);
	assert_int_equal(s.events[2].kind, EVENT_HEAL);
	assert_int_equal(s.events[3].kind, EVENT_START);
	scenario_free(&s);
}

static void test_expectations(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(load(&s, "topo: single,3\nprocesses: [{host: h1, command: cat}]\nexpect:\n"
				  "  - {process: cat, exit: 3, matches: \"^a.c$\", under: 2s}\n  - {process: cat, signal: SIGTERM}\n"
				  "  - {reachable: [h1, h2, h3], at: 4s}\n  - unreachable: [h1, h2]\n"
				  "  - retransmits: at most 5\n  - {retransmits: at least 1, host: h2}\n  - retransmits: 0\n"),
			 0);
	assert_int_equal(s.n_expects, 10);
	assert_int_equal(s.expects[0].number, 3);
	assert_int_equal(s.expects[2].limit, 2 * NS_PER_S);
	assert_int_equal(s.expects[3].number, SIGTERM);
	assert_int_equal(s.expects[5].to, 2);
	assert_int_equal(s.expects[5].at, 4 * NS_PER_S);
	assert_int_equal(s.expects[6].at, TIME_NEVER);
	assert_int_equal(s.expects[7].most, 5);
	assert_int_equal(s.expects[8].number, 1);
	assert_int_equal(s.expects[8].from, 1);
	assert_int_equal(s.expects[9].most, 0);
	scenario_free(&s);
}

#define TWO "topo: single,2\n"
#define CAT TWO "processes: [{host: h1, command: cat}]\n"

static void test_mistakes(void **state)
{
	static const struct { const char *text, *message; } rows[] = {
		{TWO, "f:1:1: a scenario has processes, or expects something"},
		{"topo: ring,3\nexpect: []\n", "f:1:7: ring,3: shapes are single,N linear,N and tree,D,F"},
		{TWO "hosts: [a]\nexpect: []\n", "f:1:7: topo is a network by itself: leave it or hosts, networks, links out"},
		{TWO "processes: {}\n", "f:2:12: processes is a list"},
		{TWO "processes:\n  - {host: h1}\n", "f:3:5: a process has a host and a command"},
		{TWO "processes:\n  - {host: h3, command: cat}\n", "f:3:12: no host named h3"},
		{TWO "processes:\n  - {host: h1, command: cat, at: soon}\n", "f:3:34: a time is expected here, such as 200ms, 5s, 1m"},
		{TWO "processes:\n  - {host: h1, command: []}\n", "f:3:25: a command is a text for the shell, or a list of words"},
		{CAT "  - {host: h1, command: cat}\n", NULL},
		{TWO "processes:\n  - {host: h1, command: cat}\n  - {host: h2, command: cat}\n",
		 "f:4:5: there is a process named cat already: give it a name of its own"},
		{CAT "scenario:\n  - after 5s: cut h1 / h2\n", "f:4:5: \"at 5s: cut a / b\" is expected here"},
		{CAT "scenario:\n  - at noon: cut h1 / h2\n", "f:4:5: a time is expected here, such as 200ms, 5s, 1m"},
		{CAT "scenario:\n  - at 1m: cut h1 / h2\n", "f:4:5: all is over after 60 s: see timeout"},
		{CAT "timeout: 2s\nexpect:\n  - {reachable: [h1, h2], at: 3s}\n", "f:5:31: all is over after 2 s: see timeout"},
		{TWO "timeout: 2s\nprocesses:\n  - {host: h1, command: cat, at: 3s}\n", "f:4:34: all is over after 2 s: see timeout"},
		{CAT "scenario:\n  - at 5s: heal h1\n", "f:4:12: heal stands alone: it ends every cut and flap"},
		{CAT "scenario:\n  - at 5s: stop\n", "f:4:12: stop PROCESS"},
		{CAT "scenario:\n  - at 5s: start dog\n", "f:4:12: no process named dog"},
		{CAT "scenario:\n  - at 5s: cut h1 / h3\n", "f:4:12: no host named h3"},
		{CAT "scenario:\n  - at 5s: cut h1 / h1\n", "f:4:12: h1 stands there twice"},
		{CAT "scenario:\n  - at 5s: cut /\n", "f:4:12: a side without a host, or too many sides"},
		{CAT "scenario:\n  - at 5s: cut h1 h2\n", "f:4:12: nobody is left on the other side"},
		{CAT "scenario:\n  - at 5s: cut --bogus h1\n", "f:4:12: no such partition: --bogus"},
		{CAT "scenario:\n  - at 5s: cut --heal for 1s\n", "f:4:12: no such partition: --heal"},
		{CAT "scenario:\n  - at 5s: cut --ring\n", "f:4:12: --ring is for 4 to 64 hosts, not 2"},
		{CAT "scenario:\n  - at 5s: cut h1 for ever\n", "f:4:12: no such duration: ever (as 200ms, 5s, 1m)"},
		{CAT "scenario:\n  - at 5s: set h1 dleay 3ms\n", "f:4:12: not understood: dleay"},
		{CAT "scenario:\n  - at 5s: set h9 delay 3ms\n", "f:4:12: no link or host named h9"},
		{CAT "scenario:\n  - at 5s: set h1:eth1 delay 3ms\n", "f:4:12: no link or host named h1:eth1"},
		{CAT "scenario:\n  - at 5s: flap h1 up 2s\n", "f:4:12: not understood: the end (up 2s down 500ms)"},
		{CAT "scenario:\n  - at 5s: flap h1 up 2s down 500 for 3s\n", "f:4:12: not understood: 500 (up 2s down 500ms)"},
		{CAT "scenario:\n  - at 5s: flap h9 up 2s down 1s\n", "f:4:12: no link or host named h9"},
		{CAT "scenario:\n  - at 5s: flap h1 up 2s down 1s for ever\n", "f:4:12: no such duration: ever (as 200ms, 5s, 1m)"},
		{CAT "scenario:\n  - at 5s: fault h1:cat send errno EFOO\n", "f:4:12: not understood: EFOO"},
		{CAT "scenario:\n  - at 5s: fault h9 send reset\n", "f:4:12: no host named h9"},
		{CAT "scenario:\n  - at 5s: fault h1 send\n", "f:4:12: not understood: the end"},
		{CAT "scenario:\n  - at 5s: dance\n", "f:4:12: what happens is set, cut, flap, fault, heal, kill, stop, continue or start, not dance"},
		{CAT "scenario:\n  - at 5s: kill dog\n", "f:4:12: no process named dog"},
		{CAT "scenario:\n  - at 5s: kill -FOO cat\n", "f:4:12: no signal named FOO"},
		{CAT "expect:\n  - {exit: 0}\n", "f:4:12: of which process? process: NAME is missing"},
		{CAT "expect:\n  - {process: dog, exit: 0}\n", "f:4:15: no process named dog"},
		{CAT "expect:\n  - {process: cat, exit: 256}\n", "f:4:26: a number from 0 to 255 is expected here"},
		{CAT "expect:\n  - {process: cat}\n", "f:4:5: nothing is expected here"},
		{CAT "expect:\n  - {process: cat, exit: 0, at: 3s}\n", "f:4:33: at is for reachable and unreachable"},
		{CAT "expect:\n  - {reachable: [h1]}\n", "f:4:17: two hosts or more are expected here: [a, b]"},
		{CAT "expect:\n  - {reachable: [h1, h9]}\n", "f:4:22: no host named h9"},
		{CAT "expect:\n  - {retransmits: few}\n", "f:4:19: \"at most 5\", \"at least 1\" or a number is expected here"},
		{CAT "expect:\n  - {retransmits: at most 99999999999999999999}\n",
		 "f:4:19: \"at most 5\", \"at least 1\" or a number is expected here"},
		{CAT "expect:\n  - {reachable: [h1, h2], host: h1}\n", "f:4:33: host is for retransmits"},
		{CAT "expect:\n  - {retransmits: 0, process: cat}\n", "f:4:31: what is expected of this process?"},
		{CAT "seed: 18446744073709551615\n", "f:3:7: a number from 0 to 9223372036854775807 is expected here"},
		{CAT "expect:\n  - {process: cat, mtaches: x}\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scenario s;

		if (rows[i].message) refuses(rows[i].text, rows[i].message);
		else assert_int_equal(load(&s, rows[i].text), -EINVAL);
	}
}

static void test_set_knows_every_name(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(load(&s, "topo: linear,2\nprocesses: [{host: h1, command: cat}]\nscenario:\n"
				  "  - at 1s: set h1:eth0 delay 3ms\n  - at 1s: set h2--s2 codel\n  - at 1s: set s1 up\n  - at 1s: set s1--s2 down\n"), 0);
	assert_int_equal(s.n_events, 4);
	scenario_free(&s);
}

static void test_no_expression(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(load(&s, CAT "expect:\n  - {process: cat, matches: \"(\"}\n"), -EINVAL);
	assert_int_equal(strncmp(err, "f:4:29: no regular expression: ", 31), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes), cmocka_unit_test(test_events_by_time), cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_set_knows_every_name), cmocka_unit_test(test_no_expression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
