/*
 * Socket options as rows. One engine (option.c) does length, range, direction and truncation; a row says what is particular.
 * The tables of the protocol (sock_ops.options) are searched first, then sock_options: a protocol may have its own row for a SOL_SOCKET option.
 * An option that nobody has a row for is -ENOPROTOOPT; a row that Linux would refuse without a feature says which errno.
 */
#pragma once
#include "stack/socket/sock.h"

enum opt_type { OPT_INT, OPT_BOOL, OPT_BYTE_OR_INT, OPT_BYTE_OR_BOOL, OPT_BLOB };
#define OPT_GET 1
#define OPT_SET 2

struct sockopt {
	int level, name;
	int domain;                                /* only sockets of this domain know it; 0: all. */
	const char *text;                          /* "SO_REUSEADDR": for docs/sockopts.md and traces */
	uint8_t type, access;                      /* enum opt_type, OPT_GET | OPT_SET */
	int refused;                               /* what Linux answers that lacks the feature: so do we, to either direction that there is */
	const char *note;                          /* for docs/sockopts.md: what is particular, or why it is refused */
	bool privileged;                           /* to set it takes CAP_NET_RAW or CAP_NET_ADMIN: -EPERM */
	/* Octets that a set needs before Linux looks at them: else -EINVAL. OPT_BYTE_OR_…: 0 (an empty value is 0) or 1. */
	uint16_t least;
	bool exact;                                /* an int and no more, or `least` octets of a blob: -EINVAL */
	bool short_is_zero;                        /* less than an int is 0 */
	bool none_is_zero;                         /* a blob of IPPROTO_IPV6: no pointer is an int of 0, not -EFAULT */
	bool whole;                                /* a get needs room for an int: else -EINVAL */
	int of_stream;                             /* what a set answers on a stream socket, whatever the value; 0: the same as on others */
	int min, max;                              /* of ints, as given; min == max == 0: any */
	uint32_t offset; uint8_t size;             /* field in the protocol's struct (1, 2, 4, 8 octets), when get and set are NULL */
	/* Instead of the field; ints: *(int *)val. For want of room it may say in *len how much it takes. */
	int (*get)(struct sock *, void *val, socklen_t *len);
	int (*set)(struct sock *, const void *val, socklen_t len);   /* instead of the field, after length and range; ints: *(int *)val */
	int (*unread)(const struct sock *, socklen_t len);           /* what comes before -EFAULT, or 0. NULL: nothing */
	int (*after)(struct sock *);               /* after the field was set. NULL allowed */
};
#define OPT_FIELD(s, f) .offset = offsetof(s, f), .size = sizeof(((s *)0)->f)
int opt_copy_out(void *val, socklen_t *len, const void *from, size_t size);  /* for get of blobs: copies what fits, as Linux; 0 */
/* The tables, whoever the socket is. */
int option_set(struct sock *sk, int level, int name, const void *val, socklen_t len);
int option_get(struct sock *sk, int level, int name, void *val, socklen_t *len);
/* What several rows do. */
int opt_get_zero(struct sock *sk, void *val, socklen_t *len);
int opt_set_eperm_if_on(struct sock *sk, const void *val, socklen_t len);     /* off is what it is anyway */
int opt_set_nothing(struct sock *sk, const void *val, socklen_t len);         /* Linux does no more */
int opt_set_unknown(struct sock *sk, const void *val, socklen_t len);         /* -ENOPROTOOPT, after the value was read */
bool sock_is_privileged(const struct sock *sk);    /* its program has CAP_NET_RAW and CAP_NET_ADMIN */
extern const struct sockopt refused_options[];     /* of any level: looked at last (refused.c) */
extern const struct sockopt sock_options[], device_options[];   /* SOL_SOCKET; each table ends with .text == NULL */
