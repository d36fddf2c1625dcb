/* What the parts of sockbench share: see sockbench.c. */
#pragma once
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What stands behind a port or, of AF_UNIX, a path and a suffix. */
enum service { SERVE_STREAM, SERVE_CLOSE, SERVE_ECHO, SERVE_ECHO_EPOLL, SERVE_SINK, SERVICES };

/* The first octet on a connection of SERVE_STREAM, before the size of a message in four: which way it is to be served. */
enum { WAY_ECHO = 'e', WAY_ECHO_EPOLL = 'p', WAY_SWALLOW = 's' };
struct opening { uint32_t way, size; };

#define SIZE_MAX_BYTES (1u << 20)

struct place { int type; struct sockaddr_storage addr; socklen_t len; };

/* TEXT: as sockbench.c says. Ends the program when it is none. */
struct place place_parse(const char *text);
bool place_has_peers(const struct place *p);           /* its clients and servers are connected to each other */
struct place place_of(const struct place *base, enum service s);
int place_bind(const struct place *p);
int place_connect(const struct place *p);

uint64_t now(void);                                    /* nanoseconds on the monotonic clock */
void read_all(int fd, void *to, size_t len);           /* ends the program when the connection ends first */
void write_all(int fd, const void *from, size_t len);

/* serve.c */
int serve(int n, char **places);
int keep(const char *place, int n);

/* measure.c */
int measure(const char *place, const char *what, size_t size, double seconds, int n_pids, char **pids);
int hold(const char *place, int n);
