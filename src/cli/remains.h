/* What still runs on a net that is to end. */
#pragma once
#include <stdio.h>

#include "cli/client.h"

/* Names each program, a line after the prefix, and ends it: SIGTERM, and SIGKILL for those that are there two seconds later. */
void remains_end(struct client *c, FILE *to, const char *prefix);
