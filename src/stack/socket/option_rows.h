/* Words for the rows of a table of options: only files that have one include this. */
#pragma once
#include "stack/socket/option.h"

#define GET .access = OPT_GET
#define SET .access = OPT_SET
#define BOTH .access = OPT_GET | OPT_SET
