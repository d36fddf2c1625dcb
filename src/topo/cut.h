/* What the words of a cut mean on a net: the sides, or the hosts that are to be parted in one of Jepsen's ways. See sockland(1). */
#pragma once
#include "topo/topo.h"

enum partition { PARTITION_NONE, PARTITION_MAJORITY, PARTITION_HALVES, PARTITION_NODE, PARTITION_BRIDGE, PARTITION_RING };

struct cut_words {
	bool heal, one_way;
	enum partition partition;
	uint8_t *sides;                /* of a cut: by host; 0: on none */
	size_t *hosts, n_hosts;        /* of a partition */
};

/* Without "for DURATION"; lasts says whether that stood there. 0, -ENOMEM, or -EINVAL after a line in err; then cut_free. */
int cut_read(struct cut_words *ret, const struct topo *t, size_t n, char *const *words, bool lasts, char *err, size_t err_size);
void cut_free(struct cut_words *c);
