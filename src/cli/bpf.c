/* Capture filters: see bpf.h. */
#include "cli/bpf.h"

#include <dlfcn.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "host/pcapng.h"

#define SNAPLEN 262144

struct bpf {
	struct bpf_program program;
	typeof(pcap_offline_filter) *filter;
};

static void *library_open(void)
{
	void *library = dlopen("libpcap.so.0.8", RTLD_NOW);      /* Debian's name for it */

	return library ? library : dlopen("libpcap.so.1", RTLD_NOW);
}

struct bpf *bpf_compile(const char *expression, int linktype)
{
	void *library = library_open();
	typeof(pcap_open_dead) *open_dead = library ? (typeof(pcap_open_dead) *)dlsym(library, "pcap_open_dead") : NULL;
	typeof(pcap_compile) *compile = library ? (typeof(pcap_compile) *)dlsym(library, "pcap_compile") : NULL;
	typeof(pcap_geterr) *geterr = library ? (typeof(pcap_geterr) *)dlsym(library, "pcap_geterr") : NULL;
	struct bpf *b = calloc(1, sizeof *b);
	pcap_t *p;

	if (b && library) b->filter = (typeof(pcap_offline_filter) *)dlsym(library, "pcap_offline_filter");
	if (!b || !b->filter || !open_dead || !compile || !geterr) {
		cli_warn("a filter needs libpcap, which is not here (Debian: libpcap0.8)");
		free(b);
		return NULL;
	}
	p = open_dead(linktype == PCAPNG_RAW_IP ? DLT_RAW : DLT_EN10MB, SNAPLEN);
	if (p && compile(p, &b->program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) return b;
	cli_warn("filter: %s", p ? geterr(p) : "out of memory");
	free(b);
	return NULL;
}

bool bpf_matches(const struct bpf *b, const uint8_t *frame, uint32_t len)
{
	const struct pcap_pkthdr h = {.caplen = len, .len = len};

	return b->filter(&b->program, &h, frame) != 0;
}
