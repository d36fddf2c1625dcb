/*
 * Programs that sandbox themselves (sshd, browsers). Once a filter of the program's own is in place few calls are left, and a forbidden one
 * may be death. So what needs more is done just before: the control pair is made and every open descriptor is looked at. The same before a
 * program takes the right to open descriptors from itself, as sshd does just before its filter.
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "shim/shim.h"

void sandbox_prepare(void)
{
	if (!shim.active || spawned() || shim.sandboxed) return;
	scratch_give(scratch_take());
	spares_drop();
	attach();
	table_identify_all();
	epolls_prepare();
}

long do_prctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (op != PR_SET_SECCOMP) return sys(SYS_prctl, op, a, b, c, d);
	sandbox_prepare();
	long r = sys(SYS_prctl, op, a, b, c, d);
	if (r == 0 && shim.active) shim.sandboxed = true;
	return r;
}

long do_seccomp(unsigned op, unsigned flags, void *arg)
{
	bool sets = op == SECCOMP_SET_MODE_STRICT || op == SECCOMP_SET_MODE_FILTER;
	if (sets) sandbox_prepare();
	long r = sys(SYS_seccomp, op, flags, arg);
	if (r >= 0 && sets && shim.active) shim.sandboxed = true;
	return r;
}
