/* sockland run FILE.yaml */
#pragma once
#include "cli/lab.h"

bool scenario_is_file(const char *path);      /* by its ending: .yaml, .yml */
/* The seed is the file's, if it has one, unless how's was asked for. junit NULL: none. Exit status 0 when all was as expected, 1 when not, 128 + n after
 * a signal. */
int scenario_run(const char *path, const struct lab_options *how, bool seeded, const char *junit);
