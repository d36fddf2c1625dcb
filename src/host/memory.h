/* The engine's shared memory: made, sized and sealed by the engine, never by anybody else. */
#pragma once
#include "base/types.h"

int memory_create(const char *name, uint64_t size, int *ret_fd, void **ret_map);   /* negative errno */
void memory_trim(void);                                        /* our own that is free goes back to the kernel */
void memory_punch(int fd, uint64_t offset, uint64_t len);      /* gives the pages back; they read as zero from now on */
