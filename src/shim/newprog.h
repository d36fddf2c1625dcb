/* What a new program on a host gets in addition to what its parent gave it: for the shim's exec and for the launcher. */
#pragma once
#include "shim/elf.h"

#define SHIM_PATH_MAX 256          /* of libsockland.so, as the shim keeps it */
#define NEWPROG_ENV 5              /* entries that newprog_env may add, its NULL included */
#define NEWPROG_LD_SO "/lib64/ld-linux-x86-64.so.2"   /* where the ABI has it */
#define NEWPROG_LOADER 7           /* words that stand before the program's own arguments when the loader is started */

/* How the loader is told of a program that no path leads to: by a descriptor, which it closes. */
#define NEWPROG_OPEN "/proc/self/fd/"
#define NEWPROG_OPEN_MAX 32

struct newhost { int door; bool kernel_unix; };
struct newprog { char door[40], shim[SHIM_PATH_MAX + 32]; };

size_t newprog_count(char *const *list);
int newprog_descriptor(const char *path);           /* N, if it is "/proc/self/fd/N" or "/dev/fd/N"; -1: another path */
/* Octets that newprog_env's `preload` needs. */
size_t newprog_preload_size(const struct elf *e, const char *shim, char *const *envp);
/* envp with our variables in place of what it says of them. `to` has room for newprog_count(envp) + NEWPROG_ENV; it refers to *v, preload and envp. */
void newprog_env(char **to, struct newprog *v, char *preload, const struct elf *e, const struct newhost *h, const char *shim, char *const *envp);
/* The n words of first in place of argv's first one. `to` has room for newprog_count(argv) + n. */
void newprog_argv(const char **to, const char *const *first, size_t n, char *const *argv);
/* argv for the loader (newprog_starter), which then starts path: room for newprog_count(argv) + NEWPROG_LOADER + 1. */
const char *newprog_starter(const struct elf *e);   /* NULL: it is started itself */
void newprog_loader(const char **to, const struct elf *e, const char *shim, const char *path, char *const *argv);
/* "NAME is statically linked: …", without an end of line. The length, at most size - 1. */
size_t newprog_trouble(char *to, size_t size, const char *name, const struct elf *e);
