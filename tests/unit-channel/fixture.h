/* A network of two hosts on a switch, and a client on each: what most tests of the engine begin with. */
#pragma once
#include <stdlib.h>
#include "client.h"

struct fixture { struct lab lab; struct tclient h1, h2; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,2");
	t_hello(&f->h1, &f->lab, 0);
	t_hello(&f->h2, &f->lab, 1);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	t_end(&f->h1);
	t_end(&f->h2);
	assert_int_equal(lab_end(&f->lab), 0);
	free(f);
	return 0;
}
