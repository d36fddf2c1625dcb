/* Linux AIO on sockets, for the other files of the shim. */
#pragma once

void aio_forked(void);                     /* in the child */
int *aio_slot(int fd);                     /* where the number of an eventfd of ours is kept, or NULL */
