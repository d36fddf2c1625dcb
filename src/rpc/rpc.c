/* The rows of the control calls, and the check that every received request passes first. */
#include "rpc/rpc.h"
#include <errno.h>

#define X(name, in_min, in_max) [RPC_##name] = {#name, in_min, in_max},
const struct rpc_row rpc_rows[RPC_OP_COUNT] = {RPC_ROWS(X)};
#undef X

int rpc_check(const struct rpc_request *q, size_t n)
{
	if (n < sizeof *q || q->op >= RPC_OP_COUNT) return -EPROTO;
	const struct rpc_row *row = &rpc_rows[q->op];
	if (q->in_len != n - sizeof *q || q->in_len < row->in_min || q->in_len > row->in_max) return -EPROTO;
	return 0;
}
