/* Who reaches whom. */
#pragma once
#include "cli/client.h"
#include "topo/topo.h"

/* Every host asks every other one, and a line a host tells. 0, 1 when somebody was not reached, or 128 + SIGINT. */
int pingall(struct client *c, const struct topo *t);
