/*
 * What one stream carries in a minute of virtual time over 100 Mbit/s and 40 ms, at several rates of loss: mean, least and most of some seeds.
 * kernel_throughput.c puts the kernel's TCP on the same link in real time.
 *
 *     throughput [SECONDS [SEEDS [CONTROLLER]]]
 */
#include "sim.h"
#include <netinet/tcp.h>

static double run(const char *loss, uint64_t seed, int seconds, const char *controller)
{
	struct sim *sim = sim_new(SIM_PAIR, seed);
	struct sim_pair p;
	char words[100];
	snprintf(words, sizeof words, "delay 20ms rate 100mbit limit 1000 loss %s%%", loss);
	sim_impair(sim, words);
	sim_connect(sim, AF_INET, 0, &p);
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
	int seconds = argc > 1 ? atoi(argv[1]) : 60, seeds = argc > 2 ? atoi(argv[2]) : 5;
	const char *controller = argc > 3 ? argv[3] : "cubic";
	printf("%s, 100 Mbit/s, 40 ms, %d s, %d seeds\n loss      mean     least      most   Mbit/s\n", controller, seconds, seeds);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		double sum = 0, least = 1e9, most = 0;
		for (int seed = 1; seed <= seeds; seed++) {
			double mbit = run(losses[i], (uint64_t)seed, seconds, controller);
			sum += mbit;
			least = MIN(least, mbit);
			most = MAX(most, mbit);
		}
		printf("%4s%%  %8.2f  %8.2f  %8.2f\n", losses[i], sum / seeds, least, most);
		fflush(stdout);
	}
	return 0;
}
