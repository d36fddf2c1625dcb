/*
 * docs/sockopts.md, printed from the tables of options: `sockopts` prints it, `sockopts FILE` compares, and looks whether every option that Linux's
 * headers name for these levels has a row. To print it anew: build/tests/unit-socket/sockopts >docs/sockopts.md
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netlink.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include "stack/socket/family.h"
#include "stack/socket/option.h"

/* What a kernel 6.x answers to, by level: the numbers that <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h> and <linux/udp.h> name. */
static const struct { int level; const char *names; int numbers[96]; } known[] = {
	{SOL_SOCKET, "SOL_SOCKET", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 25, 26, 27, 28, 29, 30, 32, 33, 34,
				    35, 36, 37, 38, 39,
		40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 56, 57, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73,
		74, 75, 76, 77, 80, 82, 83}},
	{IPPROTO_IP, "IPPROTO_IP", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 32, 33, 34, 35, 36,
				    37, 38, 39, 40, 41,
		42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52}},
	{IPPROTO_IPV6, "IPPROTO_IPV6", {1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 35,
					36, 42, 43, 44, 45, 46,
		47, 48, 49, 50, 51, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 66, 67, 70, 72, 73, 74, 75, 76, 77, 78}},
	{SOL_PACKET, "SOL_PACKET", {1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24}},
	{IPPROTO_TCP, "IPPROTO_TCP", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
				      31, 32, 33, 34, 35,
		36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}},
	{IPPROTO_UDP, "IPPROTO_UDP", {1, 10, 11, 100, 101, 102, 103, 104}},
	{IPPROTO_SCTP, "IPPROTO_SCTP", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
					30, 31, 32, 33, 34,
		35, 36, 37, 100, 101, 102, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129,
		130, 131, 132, 133}},
};

static const struct { int level; const char *title; } sections[] = {
	{SOL_SOCKET, "SOL_SOCKET"}, {IPPROTO_IP, "IPPROTO_IP"}, {IPPROTO_IPV6, "IPPROTO_IPV6"}, {IPPROTO_TCP, "IPPROTO_TCP"},
	{SOL_TLS, "SOL_TLS"}, {IPPROTO_UDP, "IPPROTO_UDP"},
	{IPPROTO_SCTP, "IPPROTO_SCTP"}, {IPPROTO_RAW, "SOL_RAW"}, {IPPROTO_ICMPV6, "SOL_ICMPV6"}, {SOL_PACKET, "SOL_PACKET"}, {SOL_NETLINK, "SOL_NETLINK"},
};

static const struct sock_ops *const protocols[] = {&tcp_ops, &tcp_upper_ops, &sctp_ops, &udp_ops, &ping_ops, &raw4_ops, &raw6_ops, &packet_ops};

#define ROWS_MAX 512
static const struct sockopt *rows[ROWS_MAX];
static size_t n_rows;

/* Of several rows for one option the first counts, as it does for sockets. */
static void collect(const struct sockopt *table)
{
	for (const struct sockopt *o = table; o->text; o++) {
		bool there = false;
		for (size_t i = 0; i < n_rows; i++) there |= rows[i]->level == o->level && rows[i]->name == o->name;
		if (!there && n_rows < ROWS_MAX) rows[n_rows++] = o;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct sockopt *x = *(const struct sockopt *const *)a, *y = *(const struct sockopt *const *)b;

	return x->level != y->level ? x->level - y->level : x->name - y->name;
}

static const char *type_text(const struct sockopt *o)
{
	static const char *const texts[] = {[OPT_INT] = "int", [OPT_BOOL] = "flag", [OPT_BYTE_OR_INT] = "int or octet", [OPT_BYTE_OR_BOOL] = "flag",
					    [OPT_BLOB] = "struct"};

	return texts[o->type];
}

static void print_row(FILE *to, const struct sockopt *o)
{
	static const char *const access[] = {"", "get", "set", "get, set"};

	fprintf(to, "| `%s` | %d | %s | %s |", o->text, o->name, o->refused ? "" : type_text(o), access[o->access]);
	if (o->refused) fprintf(to, " refused: %s", strerrorname_np(o->refused));
	if (o->min || o->max) fprintf(to, " %d to %d", o->min, o->max);
	if (o->privileged) fprintf(to, " takes CAP_NET_RAW or CAP_NET_ADMIN");
	if (o->note) fprintf(to, "%s%s", o->refused || o->min || o->max || o->privileged ? "; " : " ", o->note);
	fprintf(to, " |\n");
}

static void print_all(FILE *to)
{
	fprintf(to, "# Socket options\n\n"
		    "Printed from the tables in `src/stack`; a test compares. An option that has no row is refused as Linux refuses what it does not know\n"
		    "(ENOPROTOOPT); those that Linux has and sockland has not are listed with the errno of a kernel without the feature.\n");
	for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
		fprintf(to, "\n## %s\n\n| option | number | value | | |\n|---|---|---|---|---|\n", sections[s].title);
		for (size_t i = 0; i < n_rows; i++)
			if (rows[i]->level == sections[s].level) print_row(to, rows[i]);
	}
}

static int missing(void)
{
	int n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(known); k++)
		for (const int *number = known[k].numbers; *number; number++) {
			bool there = false;
			for (size_t i = 0; i < n_rows; i++) there |= rows[i]->level == known[k].level && rows[i]->name == *number;
			if (there) continue;
			printf("no row for %s, %d\n", known[k].names, *number);
			n++;
		}
	return n;
}

static int compare(const char *path)
{
	char *text = NULL, *have;
	size_t len = 0, have_len;
	FILE *to = open_memstream(&text, &len), *f = fopen(path, "r");
	int differs;

	if (!to || !f) return perror(path), 1;
	print_all(to);
	fclose(to);
	have = malloc(len + 2);
	have_len = have ? fread(have, 1, len + 2, f) : 0;
	fclose(f);
	differs = have_len != len || memcmp(have, text, len) != 0;
	if (differs) printf("%s does not say what the tables say: build/tests/unit-socket/sockopts >%s\n", path, path);
	free(have);
	free(text);
	return differs;
}

int main(int argc, char **argv)
{
	for (size_t p = 0; p < ARRAY_SIZE(protocols); p++)
		for (const struct sockopt *const *t = protocols[p]->options; t && *t; t++) collect(*t);
	collect(sock_options);
	collect(device_options);
	collect(refused_options);
	for (const struct sockopt *const *t = netlink_ops.options; t && *t; t++) collect(*t);
	qsort(rows, n_rows, sizeof *rows, by_number);
	if (argc > 1) return compare(argv[1]) + missing() ? 1 : 0;
	print_all(stdout);
	return 0;
}
