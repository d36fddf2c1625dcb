/* However a program is started from a program, it is on the network too, with the sockets it inherited. */
#include "check.h"
#include <spawn.h>

extern char **environ;
static const char *self_path;

/* As a started program: on the network, and the inherited descriptor talks. */
static int as_child(int fd)
{
	struct sockaddr_in a;
	close(bound(SOCK_DGRAM, &a));
	CHECK(!getenv("SOCKLAND_DOOR"));
	if (fd < 0) return 0;
	char c;
	CHECK(read(fd, &c, 1) == 1 && c == 'x' && write(fd, "y", 1) == 1);
	return 0;
}

static char **arguments(int fd)
{
	static char number[16], *argv[] = {"starts", "child", number, NULL};
	snprintf(number, sizeof number, "%d", fd);
	return argv;
}

/* The other end of what the child inherited. */
static void serve(int fd, pid_t child)
{
	char c;
	CHECK(write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'y');
	child_ends_well(child);
}

static void by_exec(int how)
{
	int pair[2];
	char *none[] = {NULL};
	tcp_pair(pair);
	pid_t pid = fork();
	if (pid == 0) {
		char **argv = arguments(pair[1]);
		if (how == 0) execve(self_path, argv, none);
		if (how == 1) execv(self_path, argv);
		if (how == 2) execl(self_path, argv[0], argv[1], argv[2], NULL);
		if (how == 3) fexecve(open(self_path, O_RDONLY), argv, none);
		if (how == 4) execvpe(self_path, argv, environ);
		_exit(9);
	}
	close(pair[1]);
	serve(pair[0], pid);
	close(pair[0]);
}

static void by_vfork(void)
{
	int pair[2];
	tcp_pair(pair);
	char **argv = arguments(7);
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(pair[1], 7);
		close(pair[0]);
		execv(self_path, argv);
		_exit(9);
	}
	close(pair[1]);
	serve(pair[0], pid);
	close(pair[0]);
}

static void by_spawn(void)
{
	int pair[2];
	pid_t pid;
	posix_spawn_file_actions_t acts;
	tcp_pair(pair);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, pair[1], 9);
	posix_spawn_file_actions_addclose(&acts, pair[0]);
	posix_spawn_file_actions_addclosefrom_np(&acts, 10);
	CHECK(posix_spawn(&pid, self_path, &acts, NULL, arguments(9), environ) == 0);
	posix_spawn_file_actions_destroy(&acts);
	serve(pair[0], pid);
	close(pair[0]);
	close(pair[1]);
}

/* What a spawned child does to its descriptors before exec is done in our memory, and must leave our tables alone. */
static void spawn_leaves_ours(void)
{
	int pair[2];
	pid_t pid;
	posix_spawn_file_actions_t acts;
	tcp_pair(pair);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, 2, pair[0]);
	posix_spawn_file_actions_adddup2(&acts, pair[1], 9);
	posix_spawn_file_actions_addclosefrom_np(&acts, 10);
	CHECK(posix_spawnp(&pid, self_path, &acts, NULL, arguments(-1), environ) == 0);
	posix_spawn_file_actions_destroy(&acts);
	child_ends_well(pid);
	talk(pair[0], pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void by_shell(void)
{
	char command[600], line[16] = "";
	snprintf(command, sizeof command, "env -i '%s' child -1", self_path);
	CHECK(system(command) == 0);
	snprintf(command, sizeof command, "'%s' child -1 && echo fine", self_path);
	FILE *f = popen(command, "r");
	CHECK(f && fgets(line, sizeof line, f) && strcmp(line, "fine\n") == 0 && pclose(f) == 0);
}

int main(int argc, char **argv)
{
	if (argc == 3) return as_child(atoi(argv[2]));
	self_path = realpath("/proc/self/exe", NULL);
	for (int how = 0; how < 5; how++) by_exec(how);
	by_vfork();
	by_spawn();
	spawn_leaves_ours();
	by_shell();
	return 0;
}
