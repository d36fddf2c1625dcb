/*
 * Resource limits. What the shim maps counts towards the address space (RLIMIT_AS), and the arena alone is far more than programs allow themselves
 * (vsftpd: 200 MiB), though hardly any of it is memory. So a limit that a program sets is raised by ours, and what it reads is lowered again.
 */
#include "channel/arena.h"
#include "shim/shim.h"

#define ADDRESSES_OURS (ARENA_SIZE + ((rlim_t)64 << 20))   /* the arena; tables, and what each thread has */

static rlim_t raised(rlim_t program) { return program < RLIM_INFINITY - ADDRESSES_OURS ? program + ADDRESSES_OURS : RLIM_INFINITY; }
static rlim_t lowered(rlim_t kernel) { return kernel == RLIM_INFINITY ? kernel : kernel - MIN(kernel, ADDRESSES_OURS); }

static long limit_addresses(pid_t pid, const struct rlimit *limit, struct rlimit *old)
{
	struct rlimit wanted, was;
	if (limit && user_get(wanted, limit) != 0) return -EFAULT;
	if (limit && wanted.rlim_cur > wanted.rlim_max) return -EINVAL;
	if (limit) wanted = (struct rlimit){raised(wanted.rlim_cur), raised(wanted.rlim_max)};
	long r = sys(SYS_prlimit64, pid, RLIMIT_AS, limit ? &wanted : NULL, &was);
	if (r != 0 || !old) return r;
	was = (struct rlimit){lowered(was.rlim_cur), lowered(was.rlim_max)};
	return user_put(old, was);
}

static _Atomic rlim_t descriptors_max;     /* 0: to be asked */

bool limit_takes(rlim_t count)
{
	struct rlimit limit;
	rlim_t most = atomic_load(&descriptors_max);
	if (most == 0) {
		if (shim.sandboxed || sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) != 0) return true;
		most = limit.rlim_cur;
		atomic_store(&descriptors_max, most);
	}
	return count <= most;
}

long do_prlimit64(pid_t pid, unsigned resource, const struct rlimit *limit, struct rlimit *old)
{
	rlim_t wanted = RLIM_INFINITY;
	if (resource == RLIMIT_AS && shim.active) return limit_addresses(pid, limit, old);
	if (resource == RLIMIT_NOFILE) atomic_store(&descriptors_max, 0);
	if (resource == RLIMIT_NOFILE && limit && user_get(wanted, &limit->rlim_cur) == 0 && wanted < 64) sandbox_prepare();
	if (resource == RLIMIT_NOFILE && limit && shim.active) spares_drop();
	return sys(SYS_prlimit64, pid, resource, limit, old);
}

long do_setrlimit(unsigned resource, const struct rlimit *limit) { return do_prlimit64(0, resource, limit, NULL); }
long do_getrlimit(unsigned resource, struct rlimit *ret) { return do_prlimit64(0, resource, NULL, ret); }
