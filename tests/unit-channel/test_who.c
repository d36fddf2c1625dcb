/* Which ids a process can have given itself (src/engine/who.c), by setresuid(2), setresgid(2) and capabilities(7). */
#include <linux/capability.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "engine/private.h"

#define CAN(cap) (1ull << (cap))

static struct process_ids ids(uid_t real, uid_t effective, uid_t saved, uint64_t caps)
{
	return (struct process_ids){.uid = {real, effective, saved}, .gid = {100, 100, 100}, .caps = caps};
}

static bool may(struct process_ids was, struct process_ids is) { return ids_may_become(&was, &is); }

static void with_groups(struct process_ids *p, gid_t real, gid_t effective, gid_t saved)
{
	p->gid[0] = real;
	p->gid[1] = effective;
	p->gid[2] = saved;
}

/* Nobody in particular changes among the ids that he has. */
static void test_own_ids(void **state)
{
	const struct process_ids one = ids(1000, 1000, 1000, 0), two = ids(1000, 1000, 1001, 0);

	(void)state;
	assert_true(may(one, one));
	assert_true(may(two, ids(1000, 1001, 1001, 0)));
	assert_true(may(two, ids(1001, 1001, 1001, 0)));
	assert_false(may(one, ids(1000, 1001, 1000, 0)));
	assert_false(may(one, ids(1001, 1000, 1000, 0)));
	assert_false(may(two, ids(1002, 1000, 1000, 0)));
	assert_false(may(two, ids(0, 0, 0, 0)));
}

/* The saved one is shown to nobody, and has to be none of those before. */
static void test_saved_is_not_asked(void **state)
{
	(void)state;
	assert_true(may(ids(1000, 1000, 1001, 0), ids(1000, 1000, 7, 0)));
}

/* Who has root among his ids can take up all capabilities again; CAP_SETUID is for users, CAP_SETGID for groups. */
static void test_root_and_capabilities(void **state)
{
	struct process_ids was = ids(1000, 1000, 1000, 0), is = was;

	(void)state;
	assert_true(may(ids(0, 0, 0, 0), ids(7, 8, 9, 0)));
	assert_true(may(ids(1000, 1000, 0, 0), ids(7, 7, 7, 0)));
	assert_true(may(ids(1000, 1000, 1000, CAN(CAP_SETUID)), ids(7, 7, 7, 0)));
	assert_false(may(ids(1000, 1000, 1000, CAN(CAP_SETGID)), ids(7, 7, 7, 0)));
	with_groups(&is, 100, 5, 100);
	assert_false(may(was, is));
	with_groups(&was, 100, 100, 5);
	assert_true(may(was, is));
	with_groups(&was, 100, 100, 100);
	was.caps = CAN(CAP_SETUID);
	assert_false(may(was, is));
	was.caps = CAN(CAP_SETGID);
	assert_true(may(was, is));
	was = ids(1000, 0, 1000, 0);
	is.uid[0] = is.uid[1] = 0;
	assert_true(may(was, is));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_ids), cmocka_unit_test(test_saved_is_not_asked), cmocka_unit_test(test_root_and_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
