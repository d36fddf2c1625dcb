/*
 * Who a client is: the ids that its process has, as the kernel tells them. A process may change them: it asks for a look before it does what shows
 * them (shim/control.c), so nobody has to take its word. Who says beside a message that it is another must be allowed to, as on Linux.
 *
 * Read first: unix(7), credentials(7), proc_pid_status(5).
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include "engine/private.h"
#include "host/process.h"
#include "stack/unix/unix.h"

enum { REAL, EFFECTIVE };

static bool is_one_of(uint32_t id, const uint32_t of[3]) { return id == of[0] || id == of[1] || id == of[2]; }

static bool has_cap(const struct process_ids *ids, int cap) { return ids->caps >> cap & 1; }

/*
 * Could the process have given itself these since we last looked? Only exec gives others, and a new image says HELLO anew: so it is another process, or
 * the maker of this client, which has left it to a child. Who has root among its ids can take up its capabilities again.
 */
bool ids_may_become(const struct process_ids *was, const struct process_ids *is)
{
	bool root = is_one_of(0, was->uid), any_uid = root || has_cap(was, CAP_SETUID), any_gid = root || has_cap(was, CAP_SETGID);
	for (int i = REAL; i <= EFFECTIVE; i++) {
		if (!any_uid && !is_one_of(is->uid[i], was->uid)) return false;
		if (!any_gid && !is_one_of(is->gid[i], was->gid)) return false;
	}
	return true;
}

/* At first they have to be those of the pair's credentials. Where the kernel does not tell, or tells of another, all ids are those that were known before. */
void client_look(struct client *c)
{
	struct process_ids ids, *known = &c->ids;
	bool told = process_ids(c->pid, &ids) == 0;
	if (told && (c->ids_known ? ids_may_become(known, &ids) : ids.uid[EFFECTIVE] == c->uid)) {
		c->ids_known = true;
		*known = ids;
		c->uid = ids.uid[EFFECTIVE];
		c->gid = ids.gid[EFFECTIVE];
		c->real_uid = ids.uid[REAL];
		c->real_gid = ids.gid[REAL];
	} else if (!c->ids_known) {
		c->real_uid = c->uid;
		c->real_gid = c->gid;
	}
}

int64_t serve_who(struct call *k)
{
	client_look(k->c);
	return 0;
}

bool client_has_any(const struct client *c, uint64_t caps)
{
	struct process_ids ids;
	return process_ids(c->pid, &ids) == 0 && ids.caps & caps;
}

static bool exists(pid_t pid) { return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH); }

static int may_say(void *client, const struct ucred *u)
{
	const struct client *c = client;
	struct process_ids ids;
	if (process_ids(c->pid, &ids) < 0) return -EPERM;
	if (u->pid != c->pid && !has_cap(&ids, CAP_SYS_ADMIN)) return -EPERM;
	if (!is_one_of(u->uid, ids.uid) && !has_cap(&ids, CAP_SETUID)) return -EPERM;
	if (!is_one_of(u->gid, ids.gid) && !has_cap(&ids, CAP_SETGID)) return -EPERM;
	return u->pid == c->pid || exists(u->pid) ? 0 : -ESRCH;
}

void client_acts(struct client *c, struct sock *sk)
{
	const struct unix_caller who = {.effective = {c->pid, c->uid, c->gid}, .real = {c->pid, c->real_uid, c->real_gid}, .may_say = may_say, .host = c};
	unix_act_as(sk, &who);
}
