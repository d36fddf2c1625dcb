/*
 * Programs of eBPF, which are the kernel's: what an ordinary user is told who wants to load one, or to give a socket something for one that is none.
 */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include "say.h"

static int load(enum bpf_prog_type type)
{
	struct bpf_insn all[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1 }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = type, .insn_cnt = 2, .insns = (uintptr_t)all, .license = (uintptr_t) "GPL" };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void say_attach(const char *name, int fd, int option, int program)
{
	say_rc(name, setsockopt(fd, SOL_SOCKET, option, &program, sizeof(program)));
}

static void attaching(int family, int type, int option)
{
	int fd = MUST(socket(family, type, 0)), file = MUST(open("/dev/null", O_RDONLY)), on = 1;
	union name n = name_lo(family, 0);

	say_about("%s %s %d", family_text(family), type == SOCK_STREAM ? "tcp" : "udp", option);
	say_attach("none", fd, option, -1);
	say_attach("not open", fd, option, 1000);
	say_attach("a file", fd, option, file);
	say_attach("itself", fd, option, fd);
	say_rc("short", setsockopt(fd, SOL_SOCKET, option, &file, 3));
	say_rc("long", setsockopt(fd, SOL_SOCKET, option, (int[]){ file, 0 }, 8));
	say_rc("nowhere", setsockopt(fd, SOL_SOCKET, option, NULL, sizeof(int)));
	set_int(fd, SOL_SOCKET, SO_REUSEPORT, on);
	say_attach("a file of a group", fd, option, file);
	MUST(bind(fd, &n.sa, name_len(family)));
	say_attach("a file, bound", fd, option, file);
	say_attach("none, bound", fd, option, -1);
	set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, on);
	say_attach("a file, locked", fd, option, file);
	say_attach("none, locked", fd, option, -1);
	close(fd);
	close(file);
}

int main(void)
{
	static const int options[] = { SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF };
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	say_start();
	say_about("bpf");
	say_fd("a socket filter", load(BPF_PROG_TYPE_SOCKET_FILTER));
	say_fd("for a cgroup", load(BPF_PROG_TYPE_CGROUP_SKB));
	say_fd("for an interface", load(BPF_PROG_TYPE_XDP));
	say_fd("a map", (int)syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)));
	say_rc("no command", syscall(SYS_bpf, 9999, &map, sizeof(map)));
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		attaching(AF_INET, SOCK_DGRAM, options[i]);
		attaching(AF_INET6, SOCK_DGRAM, options[i]);
		attaching(AF_INET, SOCK_STREAM, options[i]);
		attaching(AF_INET6, SOCK_STREAM, options[i]);
	}
	return 0;
}
