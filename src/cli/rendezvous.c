/* Finding nets: see rendezvous.h. A socket file that nobody answers is of a net that was killed; it is removed on sight. */
#include "cli/rendezvous.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "topo/build.h"

#define ENDING ".sock"

/* The shim exports it (shim/door.c); without a shim there is none. The descriptor is ours to close. */
static int door_inside(void)
{
	int (*door)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "sockland_door");

	return door ? door() : -1;
}

bool rendezvous_inside(void)
{
	int door = door_inside();

	if (door >= 0) close(door);
	return door >= 0;
}

void rendezvous_start(void)
{
	void (*plain_unix)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "sockland_plain_unix");

	if (plain_unix) plain_unix();
}

void rendezvous_leave(void)
{
	void (*leave)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "sockland_leave");

	if (leave) leave();
}

/* The directory, made if need be. It must be ours and closed to others: whoever may connect commands the net. */
static int directory(char *to, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	int n = runtime && *runtime == '/' ? snprintf(to, size, "%s/sockland", runtime) : snprintf(to, size, "/tmp/sockland-%u", geteuid());

	if ((size_t)n >= size) return -ENAMETOOLONG;
	if (mkdir(to, 0700) < 0 && errno != EEXIST) return -errno;
	if (lstat(to, &st) < 0) return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int address(struct sockaddr_un *sa, const char *name)
{
	char dir[sizeof sa->sun_path];
	int r = directory(dir, sizeof dir);
	int n;

	if (r < 0) return r;
	if (!topo_name_ok(name)) return -ENOENT;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sa->sun_path, sizeof sa->sun_path, "%s/%s" ENDING, dir, name);
	return (size_t)n >= sizeof sa->sun_path ? -ENAMETOOLONG : 0;
}

/* The door behind a socket file; -ENOENT when there is no net of that name. */
static int door_named(const char *name)
{
	struct sockaddr_un sa;
	int r = address(&sa, name), fd;

	if (r < 0) return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) return fd;
	r = -errno;
	close(fd);
	if (r == -ECONNREFUSED) {
		unlink(sa.sun_path);
		r = -ENOENT;
	}
	return r;
}

/* The name in front of the ending, if a door answers there. */
static char *name_alive(const char *file)
{
	size_t len = strlen(file);
	char *name;
	int door;

	if (len <= strlen(ENDING) || strcmp(file + len - strlen(ENDING), ENDING) != 0) return NULL;
	name = strndup(file, len - strlen(ENDING));
	door = name ? door_named(name) : -ENOMEM;
	if (door >= 0) return close(door), name;
	free(name);
	return NULL;
}

int rendezvous_names(char ***ret)
{
	char dir[sizeof((struct sockaddr_un *)0)->sun_path], **names = NULL;
	int r = directory(dir, sizeof dir), n = 0;
	DIR *d = r < 0 ? NULL : opendir(dir);

	if (!d) return r < 0 ? r : -errno;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char *name = name_alive(e->d_name), **more = name ? realloc(names, sizeof *names * ((size_t)n + 1)) : NULL;

		if (!more) {
			free(name);
			continue;
		}
		names = more;
		names[n++] = name;
	}
	closedir(d);
	*ret = names;
	return n;
}

/* The door of the only net there is, -ENOENT, or -ENOTUNIQ after naming them. */
static int door_only(void)
{
	char **names = NULL, all[256] = "";
	int n = rendezvous_names(&names), door = n < 0 ? n : n == 0 ? -ENOENT : n == 1 ? door_named(names[0]) : -ENOTUNIQ;

	for (int i = 0; i < n; i++) {
		snprintf(all + strlen(all), sizeof all - strlen(all), " %s", names[i]);
		free(names[i]);
	}
	free(names);
	if (door == -ENOTUNIQ) cli_warn("several nets are running:%s", all);
	return door;
}

int rendezvous_find(struct client *c, const char *name)
{
	int inside = name ? -1 : door_inside();
	int door = inside >= 0 ? inside : name ? door_named(name) : door_only(), r;

	if (door == -ENOENT && name) return cli_warn("no net named %s is running", name), -1;
	if (door == -ENOENT) return cli_warn("no net is running: sockland up FILE -d starts one"), -1;
	if (door == -ENOTUNIQ) return -1;
	if (door < 0) return cli_warn("cannot reach the net: %s", strerror(-door)), -1;
	r = client_open(c, door);
	close(door);
	if (r < 0) return cli_warn("the net does not answer: %s", strerror(-r)), -1;
	return 0;
}

/* The name appears when somebody listens behind it: who finds it earlier would take it for a dead net's. Of several who want it one gets it. */
static int listen_as(const struct sockaddr_un *named)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const char *slash = strrchr(named->sun_path, '/');
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

	if (fd < 0) return -errno;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%.*s/%d", (int)(slash - named->sun_path), named->sun_path, (int)getpid());
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 64) < 0 || link(sa.sun_path, named->sun_path) < 0) r = -errno;
	unlink(sa.sun_path);
	if (r == 0) return fd;
	close(fd);
	return r == -EEXIST ? -EADDRINUSE : r;
}

int rendezvous_listen(const char *name)
{
	struct sockaddr_un sa;
	char dir[sizeof sa.sun_path];
	int r = address(&sa, name), fd;

	if (r == 0) {
		fd = door_named(name);
		if (fd >= 0) {
			close(fd);
			cli_warn("a net named %s is running: sockland down %s, or --name", name, name);
			return -EADDRINUSE;
		}
		fd = listen_as(&sa);
		if (fd >= 0) return fd;
		r = fd;
	}
	if (directory(dir, sizeof dir) == -EPERM) cli_warn("cannot listen for other shells: %s must be a directory of yours, closed to others", dir);
	else cli_warn("cannot listen for other shells as %s: %s", name, strerror(-r));
	cli_warn("where that is refused, sockland up FILE -- COMMAND works without");
	return r;
}

void rendezvous_forget(const char *name)
{
	int fd = door_named(name);

	if (fd >= 0) close(fd);
}
