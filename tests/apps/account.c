/*
 * Preloaded into sshd and ssh by tests/apps/ssh when the user of the tests (nobody, as a rule) cannot log in: says that this user has a shell
 * and that the account is not locked. Everybody else is unknown.
 */
#include <pwd.h>
#include <shadow.h>
#include <string.h>
#include <unistd.h>

static struct passwd *user(void)
{
	static struct passwd p = { .pw_name = "nobody", .pw_passwd = "x", .pw_gecos = "", .pw_dir = "/", .pw_shell = "/bin/sh" };

	p.pw_uid = getuid();
	p.pw_gid = getgid();
	return &p;
}

struct passwd *getpwuid(uid_t uid) { return uid == getuid() ? user() : NULL; }
struct passwd *getpwnam(const char *name) { return strcmp(name, user()->pw_name) == 0 ? user() : NULL; }

struct spwd *getspnam(const char *name)
{
	static struct spwd s = { .sp_namp = "nobody", .sp_pwdp = "*", .sp_lstchg = -1, .sp_min = -1, .sp_max = -1, .sp_warn = -1, .sp_inact = -1,
				 .sp_expire = -1 };

	return strcmp(name, s.sp_namp) == 0 ? &s : NULL;
}
