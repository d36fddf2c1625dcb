/* Turning this process, or a child, into a program on a host. */
#pragma once
#include <sys/types.h>

#include "base/types.h"

/*
 * Becomes the program argv[0] on the host whose door this is: filter, shim, environment, exec. Returns the exit status that a shell would
 * give, 126 or 127, after one line on stderr, when that fails.
 */
int launch_exec(int door, char *const *argv);
/* The same in a child. While it runs, signals sent to us are passed on and those of the terminal, which it gets itself, do not end us.
 * Its exit status, or 128 + the signal that killed it. ret_signal (may be NULL): the last one that was passed on, 0 for none. */
int launch_wait(int door, char *const *argv, int *ret_signal);
bool launch_shim_found(void);       /* libsockland.so is where it should be */
