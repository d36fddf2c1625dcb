/* The command line's side of control calls: like any program on the net, it says HELLO on a door and calls over a pair of its own. */
#pragma once
#include "rpc/rpc.h"

struct client { int fd; struct rpc_hello hello; };

/* 0 or -errno; -ECONNRESET when the engine is gone. The door stays open and the caller's. */
int client_open(struct client *c, int door);
void client_close(struct client *c);
/* One call. ret_out (may be NULL) gets up to size octets, always ended by NUL; ret_fd (may be NULL) a descriptor of ours or -1.
 * The call's own result, or -errno when there was none. */
int64_t client_call(struct client *c, enum rpc_op op, const void *in, size_t in_len, char *ret_out, size_t size, int *ret_fd);
/* The words as a VERB. ret_text is allocated, holds what the engine has to say, and is set in any case. */
int client_verb(struct client *c, size_t n, char *const *words, char **ret_text);
/* Why a verb went wrong: the first line of what the engine said, or err in words. text may be NULL, and is cut. */
const char *client_why(char *text, int err);
/* Waits until the engine is gone. */
void client_wait_end(struct client *c);
/* The door of another host; ENOENT. */
int client_door(struct client *c, const char *host);
