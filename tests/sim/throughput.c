/*
 * What one stream carries in a minute of virtual time over 100 Mbit/s and 40 ms, at several rates of loss: mean, least and most of some seeds.
 * kernel_throughput.c puts the kernel's TCP on the same link in real time.
 *
 *     throughput [SECONDS [SEEDS [CONTROLLER]]]
 *     throughput --episode LOSS SEED     the segments around one loss, as episode.h has them
 */
#include "sim.h"
#include <netinet/tcp.h>
#include <string.h>
#include "episode.h"

#define DELAY (20 * NS_PER_MS)

static void note(struct sim *sim, bool is_a, const struct tcp_hdr *h, size_t payload, bool lost)
{
	if (is_a)
		episode_data(sim->user, sim->now, h->seq, (uint32_t)payload, lost);
	else if (!lost)
		episode_ack(sim->user, sim->now + DELAY, h->ack);
}

static double run(const char *loss, uint64_t seed, int seconds, const char *controller, struct episode *e)
{
	struct sim *sim = sim_new(SIM_PAIR, seed);
	struct sim_pair p;
	char words[100];
	snprintf(words, sizeof words, "delay 20ms rate 100mbit limit 1000 loss %s%%", loss);
	sim_impair(sim, words);
	sim_connect(sim, AF_INET, 0, &p);
	sim->user = e;
	sim->on_segment = e ? note : NULL;
	int r = sim_call(sim, sim->a, sock_setsockopt(p.a.sk, IPPROTO_TCP, TCP_CONGESTION, controller, (socklen_t)strlen(controller)));
	assert_int_equal(r, 0);
	sim_stream_send(&p.a, UINT64_MAX / 2, false);
	p.b.careless = true;
	sim_run(sim, seconds * NS_PER_S);
	double mbit = (double)p.b.received * 8 / 1e6 / seconds;
	sim_pair_close(&p);
	sim_free(sim);
	return mbit;
}

int main(int argc, char **argv)
{
	static const char *const losses[] = {"0", "0.1", "1", "3"};
	if (argc == 4 && strcmp(argv[1], "--episode") == 0) {
		struct episode *e = calloc(1, sizeof *e);
		run(argv[2], strtoull(argv[3], NULL, 10), EPISODE_SECONDS, "cubic", e);
		episode_print(e);
		free(e);
		return 0;
	}
	int seconds = argc > 1 ? atoi(argv[1]) : 60, seeds = argc > 2 ? atoi(argv[2]) : 5;
	const char *controller = argc > 3 ? argv[3] : "cubic";
	printf("%s, 100 Mbit/s, 40 ms, %d s, %d seeds\n loss      mean     least      most   Mbit/s\n", controller, seconds, seeds);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		/* Without loss there is nothing to draw: one seed is as all. */
		int n = strcmp(losses[i], "0") == 0 ? 1 : seeds;
		double sum = 0, least = 1e9, most = 0;
		for (int seed = 1; seed <= n; seed++) {
			double mbit = run(losses[i], (uint64_t)seed, seconds, controller, NULL);
			sum += mbit;
			least = MIN(least, mbit);
			most = MAX(most, mbit);
		}
		printf("%4s%%  %8.2f  %8.2f  %8.2f\n", losses[i], sum / n, least, most);
		fflush(stdout);
	}
	return 0;
}
