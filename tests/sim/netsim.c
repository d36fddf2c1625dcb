/*
 * The grid: a stream of 1 MiB across a link of 10 Mbit/s and 20 ms each way, for each family, buffer size and loss rate.
 * What the stack makes of it is a table, kept in netsim.golden: a change of behaviour is a diff for people to look at.
 * Every octet is checked, and every cell is run twice and must come out the same.
 *
 *     test-netsim GOLDEN            compares
 *     test-netsim GOLDEN --write    writes the table anew
 */
#include "sim.h"

#define OCTETS (1 << 20)
#define LIMIT_NS (4 * 3600 * NS_PER_S)
#define TABLE_MAX 16384

static const int buffers[] = {4096, 16384, 65536, 262144, 0};
static const char *const losses[] = {"0", "0.1", "1", "5", "20"};

struct cell { time_ns took; uint64_t data, lost, resent, acks; };

static bool arrived(void *arg) { return ((struct sim_stream *)arg)->eof; }

static struct cell run_cell(int domain, int bufsize, const char *loss)
{
	struct sim *sim = sim_new(SIM_PAIR, 42);
	struct sim_pair p;
	char words[80];
	snprintf(words, sizeof words, "delay 20ms rate 10mbit limit 100 loss %s%%", loss);
	sim_impair(sim, words);
	time_ns start = sim->now;
	sim_connect(sim, domain, bufsize, &p);
	sim_stream_send(&p.a, OCTETS, true);
	assert_true(sim_run_until(sim, arrived, &p.b, LIMIT_NS));
	assert_int_equal(p.b.received, OCTETS);
	assert_int_equal(p.b.err, 0);
	struct cell c = {p.b.eof_at - start, sim->count_a.data, sim->count_a.lost, sim->count_a.resent, sim->count_b.segments};
	sim_pair_close(&p);
	sim_free(sim);
	return c;
}

static size_t write_row(char *to, size_t room, int domain, int bufsize, const char *loss)
{
	struct cell c = run_cell(domain, bufsize, loss), again = run_cell(domain, bufsize, loss);
	char buf[16] = "auto";
	if (bufsize) snprintf(buf, sizeof buf, "%d", bufsize);
	assert_true(c.took == again.took && c.data == again.data && c.lost == again.lost && c.resent == again.resent && c.acks == again.acks);
	return (size_t)snprintf(to, room, "%-6s %7s %5s%% %10.3f %9llu %6llu %7llu %6llu %8.0f\n", domain == AF_INET ? "ipv4" : "ipv6", buf, loss,
				(double)c.took / 1e9, (unsigned long long)c.data, (unsigned long long)c.lost, (unsigned long long)c.resent,
				(unsigned long long)c.acks, OCTETS * 8e6 / (double)c.took);
}

static void write_table(char *to, size_t room)
{
	size_t at = (size_t)snprintf(to, room, "family  buffer   loss    seconds  segments   lost  resent   acks   kbit/s\n");
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t b = 0; b < ARRAY_SIZE(buffers); b++)
			for (size_t l = 0; l < ARRAY_SIZE(losses); l++)
				at += write_row(to + at, room - at, v6 ? AF_INET6 : AF_INET, buffers[b], losses[l]);
	assert_true(at < room);
}

static void show_diff(const char *want, const char *got)
{
	while (*want || *got) {
		int w = (int)strcspn(want, "\n"), g = (int)strcspn(got, "\n");
		if (w != g || memcmp(want, got, (size_t)w) != 0) printf("-%.*s\n+%.*s\n", w, want, g, got);
		want += w + (want[w] == '\n');
		got += g + (got[g] == '\n');
	}
}

static int compare(const char *path, const char *got)
{
	static char want[TABLE_MAX];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(want, 1, sizeof want - 1, f) : 0;
	if (f) fclose(f);
	want[n] = 0;
	if (strcmp(want, got) == 0) return 0;
	printf("the grid differs from %s (--write keeps the new one):\n", path);
	show_diff(want, got);
	return 1;
}

int main(int argc, char **argv)
{
	static char table[TABLE_MAX];
	if (argc < 2) return 2;
	write_table(table, sizeof table);
	if (argc == 2) return compare(argv[1], table);
	FILE *f = fopen(argv[1], "w");
	if (!f || fputs(table, f) < 0 || fclose(f) != 0) return 1;
	return 0;
}
