/* The seccomp filter of every program on a host: see filter.c. */
#pragma once

/* no_new_privs and the filter, for this process and all it becomes. 0 or -errno (a sandbox around us may refuse). */
int filter_install(void);
