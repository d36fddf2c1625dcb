/*
 * The names of Unix sockets. Paths belong to the file system, which all hosts share, as Linux's network namespaces do. Abstract names are each
 * host's own; but the sockets are the kernel's, which has one table for all. So there a name of ours stands behind a tag that only its host has,
 * and every name that goes to the kernel or comes from it is changed here:
 *
 *     the program's   \0 name \0\0…                      3 to 110 octets with the family
 *     the kernel's    \0 tag(8) '0'+zeros name           what ends in NULs (sizeof addr is a usual length) is counted, to make room
 *                     \0 tag(8) '!' number(8)            still too long: the engine knows the name by number
 *
 * A name that the kernel gives and that has no such tag belongs to the outside, and is shown as it is.
 */
#include <stdio.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define PATH_AT ((socklen_t)offsetof(struct sockaddr_un, sun_path))
#define TAG_LEN ((socklen_t)sizeof shim.unix_tag)
#define PREFIX_LEN (1 + TAG_LEN + 1)       /* of sun_path: NUL, tag, kind */
#define LONG_KIND '!'
#define LONG_DIGITS 8

static bool is_abstract(const struct sockaddr_un *un, socklen_t len)
{
	return len > PATH_AT && len <= sizeof *un && un->sun_family == AF_UNIX && un->sun_path[0] == 0;
}

static int tag_ready(void) { return shim.unix_tag[0] != 0 ? 0 : attach(); }

static int name_long(struct unix_name *n, socklen_t len)
{
	struct call c = {.op = RPC_UNIX_NAME, .in = {{n->un.sun_path, len - PATH_AT}}};
	char digits[LONG_DIGITS + 1];
	int64_t r = control(&c);
	if (r < 0) return (int)r;
	snprintf(digits, sizeof digits, "%08x", (unsigned)r);
	n->un.sun_path[PREFIX_LEN - 1] = LONG_KIND;
	memcpy(n->un.sun_path + PREFIX_LEN, digits, LONG_DIGITS);
	n->len = PATH_AT + PREFIX_LEN + LONG_DIGITS;
	return 0;
}

int unix_name_out(const struct sockaddr *addr, socklen_t len, struct unix_name *n)
{
	char name[sizeof n->un.sun_path];
	if (len > sizeof n->un || len <= PATH_AT || user_copy(&n->un, addr, len) != 0 || !is_abstract(&n->un, len)) return 0;
	int r = tag_ready();
	if (r != 0) return r;
	socklen_t whole = len - PATH_AT - 1, used = whole;
	while (used > 0 && n->un.sun_path[used] == 0) used--;
	if (used > sizeof n->un.sun_path - PREFIX_LEN) r = name_long(n, len);
	else {
		memcpy(name, n->un.sun_path + 1, used);
		memcpy(n->un.sun_path + PREFIX_LEN, name, used);
		n->un.sun_path[PREFIX_LEN - 1] = (char)('0' + (whole - used));
		n->len = PATH_AT + PREFIX_LEN + used;
	}
	memcpy(n->un.sun_path + 1, shim.unix_tag, TAG_LEN);
	return r == 0 ? 1 : r;
}

size_t unix_path_in(char *path, size_t len)
{
	char name[sizeof(struct sockaddr_un)];
	if (len < PREFIX_LEN || tag_ready() != 0 || memcmp(path + 1, shim.unix_tag, TAG_LEN) != 0) return len;
	if (path[PREFIX_LEN - 1] == LONG_KIND) {
		struct call c = {.op = RPC_UNIX_NAMED, .out = name, .out_cap = sizeof(struct sockaddr_un) - PATH_AT};
		for (size_t i = PREFIX_LEN; i < len; i++) c.arg[0] = c.arg[0] * 16 + (path[i] <= '9' ? path[i] - '0' : path[i] - 'a' + 10);
		if (control(&c) < 0) return len;
		memcpy(path, name, MIN(c.out_len, c.out_cap));
		return MIN(c.out_len, c.out_cap);
	}
	size_t zeros = (uint8_t)path[PREFIX_LEN - 1] - (size_t)'0', used = len - PREFIX_LEN;
	if (1 + used + zeros > sizeof(struct sockaddr_un) - PATH_AT) return len;
	memmove(path + 1, path + PREFIX_LEN, used);
	memset(path + 1 + used, 0, zeros);
	return 1 + used + zeros;
}

void unix_name_in(struct sockaddr_storage *name, socklen_t *len)
{
	struct sockaddr_un *un = (struct sockaddr_un *)name;
	if (is_abstract(un, *len)) *len = PATH_AT + (socklen_t)unix_path_in(un->sun_path, *len - PATH_AT);
}

bool unix_name_is_outside(const char *path, size_t len)
{
	return len > 0 && (len < PREFIX_LEN || tag_ready() != 0 || memcmp(path + 1, shim.unix_tag, TAG_LEN) != 0);
}

/*
 * The kernel's choice of a name, five hexadecimal digits, made here so that it gets the tag, too. 0 also for a socket that has a name.
 */
long unix_autobind(int fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct unix_name n;
	uint32_t number = 0;
	socklen_t len = sizeof n.un;
	long r = gate(SYS_getsockname, fd, &n.un, &len);
	if (r != 0) return r;
	if (n.un.sun_family != AF_UNIX) return gate(SYS_bind, fd, &un, PATH_AT);
	if (len > PATH_AT) return 0;
	sys(SYS_getrandom, &number, sizeof number, 0);
	for (uint32_t i = 0; i <= 0xfffff; i++) {
		char digits[6];
		snprintf(digits, sizeof digits, "%05x", (number + i) & 0xfffff);
		memcpy(un.sun_path + 1, digits, 5);
		r = unix_name_out((struct sockaddr *)&un, PATH_AT + 6, &n);
		if (r > 0) r = gate(SYS_bind, fd, &n.un, n.len);
		if (r != -EADDRINUSE) return r;
	}
	return -ENOSPC;
}
