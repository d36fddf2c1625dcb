/*
 * How the verbs find a running net, and how a net lets itself be found.
 *
 *     inside a net     the shim in our own process knows the door of the host that we run on
 *     from a shell     $XDG_RUNTIME_DIR/sockland/NAME.sock, else /tmp/sockland-UID/NAME.sock: a connection is a door
 */
#pragma once
#include "cli/client.h"

void rendezvous_start(void);                  /* before all else: our pairs are the kernel's, on every network */
/* A client of the net called name; NULL: the one we run in, else the only one there is. Complains and returns -1 when there is none. */
int rendezvous_find(struct client *c, const char *name);
int rendezvous_names(char ***ret);            /* of the nets that are up: how many; each name and the array are the caller's. -errno */
bool rendezvous_inside(void);                 /* this process runs on a host of a net */
void rendezvous_leave(void);                  /* … and is about to exec on another one: the door of the first stays behind */
/* Listens under name. The descriptor, or -errno after a complaint. */
int rendezvous_listen(const char *name);
void rendezvous_forget(const char *name);    /* takes the name away; nothing happens when it is gone */
