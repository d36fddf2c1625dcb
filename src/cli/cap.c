/*
 * sockland cap: writes what an interface or a link carries as pcapng, with the reason of every drop. The engine sends whole blocks over a stream
 * socket and never waits for us; we filter, count and write them:
 *
 *     engine ──blocks──► read ──► packets that the filter refuses are cut out ──► file or standard output
 *
 * A signal shuts our direction: then the engine sends what is left and ends the stream, as it does when the net ends. A second one ends us at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bpf.h"
#include "cli/cli.h"
#include "cli/rendezvous.h"
#include "host/pcapng.h"

#define BUFFER_SIZE ((size_t)1 << 20)
#define FILTER_MAX 4096

struct cap {
	const char *net, *name, *file;
	char filter[FILTER_MAX];
	uint64_t count;                /* 0: no limit */
	struct bpf *bpf;               /* NULL: everything */
	int from, to, signals;
	uint8_t buf[BUFFER_SIZE];
	size_t len;
	uint64_t written, missed;
};

static bool options_read(struct cap *c, int argc, char **argv)
{
	static const struct option options[] = {{"net", required_argument, NULL, 'n'}, {0}};
	int o;

	while ((o = getopt_long(argc, argv, "w:c:", options, NULL)) >= 0) {
		if (o == 'n') c->net = optarg;
		else if (o == 'w') c->file = optarg;
		else if (o != 'c' || !cli_number("-c", optarg, &c->count)) return false;
	}
	if (optind == argc) return false;
	c->name = argv[optind++];
	for (; optind < argc; optind++) {
		size_t len = strlen(c->filter);

		if (strlen(argv[optind]) + 2 > FILTER_MAX - len) return cli_warn("the filter is too long"), false;
		snprintf(c->filter + len, FILTER_MAX - len, "%s%s", len ? " " : "", argv[optind]);
	}
	return true;
}

/* The stream of what is to be captured, or -1 after a message. */
static int stream_open(const struct cap *c, int *ret_linktype)
{
	char text[256] = "";
	struct client engine;
	int64_t r;
	int fd;

	if (!*c->name || strlen(c->name) >= rpc_rows[RPC_CAPTURE].in_max) return cli_warn("no interface (HOST:IF) or link named %s", c->name), -1;
	if (rendezvous_find(&engine, c->net) < 0) return -1;
	r = client_call(&engine, RPC_CAPTURE, c->name, strlen(c->name) + 1, text, sizeof text, &fd);
	client_close(&engine);
	text[strcspn(text, "\n")] = 0;
	if (r >= 0 && fd >= 0) return *ret_linktype = (int)r, fd;
	cli_warn("%s", *text ? text : strerror(r < 0 ? (int)-r : EPROTO));
	return -1;
}

static bool output_open(struct cap *c)
{
	bool standard = !c->file || strcmp(c->file, "-") == 0;

	if (standard && isatty(STDOUT_FILENO)) return cli_warn("a capture is not for terminals: -w FILE, or a pipe to tshark -r -"), false;
	c->to = standard ? STDOUT_FILENO : open(c->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (c->to < 0) cli_warn("%s: %s", c->file, strerror(errno));
	return c->to >= 0;
}

static int write_all(int fd, const uint8_t *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static bool is_full(const struct cap *c) { return c->count > 0 && c->written >= c->count; }

/* Writes the whole blocks of the buffer that are wanted, and keeps what has only begun. 0 or -errno. */
static int blocks_write(struct cap *c)
{
	size_t at = 0, kept = 0;
	struct pcapng_block b;
	ssize_t n = 0;
	int r;

	while (!is_full(c) && (n = pcapng_read(c->buf + at, c->len - at, &b)) > 0) {
		c->missed += b.missed;
		if (b.type != PCAPNG_PACKET || !c->bpf || bpf_matches(c->bpf, b.data, b.data_len)) {
			c->written += b.type == PCAPNG_PACKET;
			memmove(c->buf + kept, c->buf + at, (size_t)n);
			kept += (size_t)n;
		}
		at += (size_t)n;
	}
	r = write_all(c->to, c->buf, kept);
	memmove(c->buf, c->buf + at, c->len - at);
	c->len -= at;
	return n < 0 ? (int)n : r;
}

/* Until the stream, the count or the room for it ends. 0 or -errno. */
static int blocks_move(struct cap *c)
{
	struct pollfd p[2] = {{.fd = c->from, .events = POLLIN}, {.fd = c->signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	bool ending = false;
	ssize_t n;
	int r = 0;

	while (r == 0 && !is_full(c)) {
		if (poll(p, 2, -1) < 0 && errno != EINTR) return -errno;
		if (p[1].revents & POLLIN && read(c->signals, &info, sizeof info) == sizeof info) {
			if (ending) return 0;
			ending = true;
			shutdown(c->from, SHUT_WR);
		}
		if (!p[0].revents) continue;
		n = read(c->from, c->buf + c->len, BUFFER_SIZE - c->len);
		if (n == 0) return 0;
		if (n < 0) return errno == ECONNRESET ? 0 : -errno;
		c->len += (size_t)n;
		r = blocks_write(c);
	}
	return r;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int verb_cap(const struct verb *v, int argc, char **argv)
{
	struct cap *c = calloc(1, sizeof *c);
	int linktype, r;

	if (!c || !options_read(c, argc, argv)) return cli_usage(v);
	c->signals = signals_open();
	c->from = stream_open(c, &linktype);
	if (c->from < 0) return EXIT_OWN_FAILURE;
	if (*c->filter && !(c->bpf = bpf_compile(c->filter, linktype))) return EXIT_OWN_FAILURE;
	if (!output_open(c)) return EXIT_OWN_FAILURE;
	cli_warn("capturing %s", c->name);
	r = blocks_move(c);
	if (c->missed) cli_warn("%" PRIu64 " frames, %" PRIu64 " missed", c->written, c->missed);
	else cli_warn("%" PRIu64 " frames", c->written);
	if (r == 0 || r == -EPIPE) return 0;     /* whoever read our output has seen enough */
	return cli_fail("the capture ended: %s: %s", c->file ? c->file : "standard output", strerror(-r));
}
