/* A net of our own: the engine's process and a door to one of its hosts. */
#pragma once
#include <sys/types.h>

#include "topo/topo.h"

struct lab {
	struct topo topo;
	pid_t engine;
	int door;
	int hold;                      /* the engine's owner: its hang-up ends the net */
};

struct lab_options {
	uint64_t seed;
	int listener;                  /* as engine_config.listener; taken over; -1: none */
	bool unprivileged;             /* programs are no root of their hosts */
	bool kernel_unix;              /* Unix sockets are the kernel's, passed through */
	bool keep;                     /* stays when all programs have gone */
	bool released;                 /* stays when we have gone, however that comes */
};

uint64_t lab_seed(void);           /* one from the kernel's randomness, short enough to type */
/* A file's topology, or a shape's when the text is none of a file; false after a message. */
bool lab_topology(struct topo *t, const char *file_or_shape);
/* Starts the engine of l->topo, with a door to the host, and waits until it serves. 0 or -errno after a message. Then lab_end, or exit. */
int lab_start(struct lab *l, size_t host, const struct lab_options *o);
/* The host called name, or the first one for NULL; -1 after a message. */
int lab_host(const struct lab *l, const char *name);
/* Prints what was refused, and the engine's log, on stderr. */
void lab_report(const struct lab *l);
/* Ends what still runs, by name, and then the net, whatever it keeps. */
void lab_down(const struct lab *l);
/* Lets go of the door and of the engine: the engine ends with its last program, unless it keeps. Waits a moment, so that in the usual case nothing is left. */
void lab_end(struct lab *l);
