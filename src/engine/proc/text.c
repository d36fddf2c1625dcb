/* What the lists below /proc/net have in common. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include "engine/proc/proc.h"

#define LINE_MAX_LEN 256

static const struct proc_file *const tables[] = {
	proc_netif_files, proc_route_files, proc_socket_files, proc_other_files, proc_snmp_files, proc_netstat_files, proc_protocols_files, proc_group_files,
	proc_mroute_files,
};

const struct proc_file *proc_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct proc_file *f = tables[i]; f->name; f++)
			if (strcmp(name, f->name) == 0) return f;
	return NULL;
}

void proc_each(struct text *t, void (*each)(struct text *, mode_t kind, const char *name))
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct proc_file *f = tables[i]; f->name; f++) each(t, S_IFREG, f->name);
}

void proc_columns(struct text *t, const char *group, const struct column *c, size_t n)
{
	text_add(t, "%s:", group);
	for (size_t i = 0; i < n; i++) text_add(t, " %s", c[i].name);
	text_add(t, "\n%s:", group);
	for (size_t i = 0; i < n; i++) text_add(t, " %llu", c[i].n);
	text_add(t, "\n");
}

void proc_line(struct page *p, int width, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;
	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	text_add(p->t, "%-*s\n", width, line);
}

unsigned long proc_pointer(const struct sock *sk)
{
	return sk ? (unsigned long)(uint32_t)stack_hash(sk->stack, &sk->cookie, sizeof sk->cookie) : 0;
}

void proc_addr6(char buf[33], const struct addr *a)
{
	for (size_t i = 0; i < sizeof a->b; i++) sprintf(buf + 2 * i, "%02x", a->b[i]);
}

uint32_t proc_word(const struct addr *a, size_t i)
{
	uint32_t w;
	memcpy(&w, a->b + i, sizeof w);
	return w;
}
