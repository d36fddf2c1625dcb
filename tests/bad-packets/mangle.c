/* The changes of mangle.h, and the counting of work. */
#include "mangle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/checksum.h"
#include "base/random.h"
#include "wire/wire.h"

#define LIFE 200                              /* packets that a world takes, if none of them changes it */

/* ---- fields ---- */

const struct field fields_eth[] = {{"eth dst", 4, 2, 0xffff}, {"eth group", 0, 1, 0xff}, {"eth src", 6, 1, 0xff}, {"eth type", 12, 2, 0xffff}, {0}};
const struct field fields_ip4[] = {
	{"version", 0, 1, 0xf0}, {"header length", 0, 1, 0x0f}, {"tos", 1, 1, 0xff}, {"total length", 2, 2, 0xffff}, {"id", 4, 2, 0xffff},
	{"flags", 6, 1, 0xe0},
	{"offset", 6, 2, 0x1fff}, {"ttl", 8, 1, 0xff}, {"protocol", 9, 1, 0xff}, {"ip checksum", 10, 2, 0xffff}, {"src net", 12, 1, 0xff},
	{"src host", 15, 1, 0xff},
	{"dst net", 16, 1, 0xff}, {"dst host", 19, 1, 0xff}, {0},
};
const struct field fields_ip6[] = {
	{"version", 0, 1, 0xf0}, {"class", 0, 2, 0x0ff0}, {"flow", 1, 4, 0xfffff00}, {"payload length", 4, 2, 0xffff}, {"next header", 6, 1, 0xff},
	{"hops", 7, 1, 0xff}, {"src net", 8, 1, 0xff}, {"src host", 23, 1, 0xff}, {"dst net", 24, 1, 0xff}, {"dst host", 39, 1, 0xff}, {0},
};
const struct field fields_tcp[] = {
	{"sport", 0, 2, 0xffff}, {"dport", 2, 2, 0xffff}, {"seq", 4, 4, 0xffffffff}, {"seq high", 4, 1, 0xff}, {"ack", 8, 4, 0xffffffff},
	{"ack low", 11, 1, 0xff},
	{"data offset", 12, 1, 0xf0}, {"reserved", 12, 1, 0x0f}, {"tcp flags", 13, 1, 0xff}, {"window", 14, 2, 0xffff}, {"tcp checksum", 16, 2, 0xffff},
	{"urgent", 18, 2, 0xffff}, {0},
};
const struct field fields_tcp_options[] = {
	{"kind 0", 20, 1, 0xff}, {"length 0", 21, 1, 0xff}, {"kind 2", 22, 1, 0xff}, {"ts length", 23, 1, 0xff}, {"ts value", 24, 4, 0xffffffff},
	{"ts echo", 28, 4, 0xffffffff}, {"sack kind", 34, 1, 0xff}, {"sack length", 35, 1, 0xff}, {"sack start", 36, 4, 0xffffffff},
	{"sack end", 40, 4, 0xffffffff}, {0},
};
const struct field fields_udp[] = {{"sport", 0, 2, 0xffff}, {"dport", 2, 2, 0xffff}, {"udp length", 4, 2, 0xffff}, {"udp checksum", 6, 2, 0xffff}, {0}};
const struct field fields_icmp[] = {
	{"type", 0, 1, 0xff}, {"code", 1, 1, 0xff}, {"icmp checksum", 2, 2, 0xffff}, {"rest high", 4, 2, 0xffff}, {"rest low", 6, 2, 0xffff},
	{"quoted version", 8, 1, 0xff}, {"quoted length", 10, 2, 0xffff}, {"quoted offset", 14, 2, 0xffff}, {"quoted protocol", 17, 1, 0xff},
	{"quoted 6 protocol", 14, 1, 0xff}, {"quoted src", 23, 1, 0xff}, {"quoted dst", 27, 1, 0xff}, {"quoted ports", 28, 4, 0xffffffff}, {0},
};
const struct field fields_nd[] = {
	{"type", 0, 1, 0xff}, {"code", 1, 1, 0xff}, {"icmp checksum", 2, 2, 0xffff}, {"nd flags", 4, 1, 0xff}, {"target net", 8, 1, 0xff},
	{"target host", 23, 1, 0xff},
	{"option", 24, 1, 0xff}, {"option length", 25, 1, 0xff}, {"option mac", 26, 1, 0xff}, {0},
};
const struct field fields_ra[] = {
	{"type", 0, 1, 0xff}, {"code", 1, 1, 0xff}, {"icmp checksum", 2, 2, 0xffff}, {"hop limit", 4, 1, 0xff}, {"ra flags", 5, 1, 0xff},
	{"lifetime", 6, 2, 0xffff},
	{"reachable", 8, 4, 0xffffffff}, {"option", 16, 1, 0xff}, {"option length", 17, 1, 0xff}, {"option body", 18, 1, 0xff}, {"second option", 24, 1, 0xff},
	{"second length", 25, 1, 0xff}, {"second body", 26, 1, 0xff}, {"second flags", 27, 1, 0xff}, {"second time", 28, 4, 0xffffffff},
	{"second later", 32, 4, 0xffffffff}, {0},
};
const struct field fields_igmp[] = {
	{"type", 0, 1, 0xff}, {"code", 1, 1, 0xff}, {"igmp checksum", 2, 2, 0xffff}, {"group net", 4, 1, 0xff}, {"group host", 7, 1, 0xff},
	{"robustness", 8, 1, 0xff},
	{"interval", 9, 1, 0xff}, {"sources", 10, 2, 0xffff}, {"source", 12, 4, 0xffffffff}, {0},
};
const struct field fields_mld[] = {
	{"type", 0, 1, 0xff}, {"code", 1, 1, 0xff}, {"icmp checksum", 2, 2, 0xffff}, {"response time", 4, 2, 0xffff}, {"group net", 8, 1, 0xff},
	{"group host", 23, 1, 0xff},
	{"robustness", 24, 1, 0xff}, {"interval", 25, 1, 0xff}, {"sources", 26, 2, 0xffff}, {0},
};
const struct field fields_arp[] = {
	{"hardware", 0, 2, 0xffff}, {"protocol", 2, 2, 0xffff}, {"hardware length", 4, 1, 0xff}, {"protocol length", 5, 1, 0xff}, {"operation", 6, 2, 0xffff},
	{"sender mac", 8, 1, 0xff}, {"sender net", 14, 1, 0xff}, {"sender host", 17, 1, 0xff}, {"target mac", 18, 1, 0xff}, {"target net", 24, 1, 0xff},
	{"target host", 27, 1, 0xff}, {0},
};
const struct field fields_fragment[] = {
	{"next", 0, 1, 0xff}, {"reserved", 1, 1, 0xff}, {"offset", 2, 2, 0xfff8}, {"bits", 3, 1, 0x07}, {"identification", 4, 4, 0xffffffff}, {0},
};
const struct field fields_extension[] = {
	{"next", 0, 1, 0xff}, {"length", 1, 1, 0xff}, {"option", 2, 1, 0xff}, {"option length", 3, 1, 0xff}, {"segments left", 3, 1, 0xff},
	{"option body", 4, 1, 0xff},
	{"second next", 8, 1, 0xff}, {"second length", 9, 1, 0xff}, {"second option", 10, 1, 0xff}, {"second option length", 11, 1, 0xff}, {0},
};

static uint32_t load(const uint8_t *p, unsigned octets)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < octets; i++)
		v = v << 8 | p[i];
	return v;
}

static void store(uint8_t *p, unsigned octets, uint32_t v)
{
	for (unsigned i = octets; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static unsigned low_bit(uint32_t mask) { return (unsigned)__builtin_ctz(mask); }
static uint32_t largest(const struct field *f) { return f->mask >> low_bit(f->mask); }

static uint32_t get(const struct field *f, const uint8_t *packet) { return (load(packet + f->at, f->octets) & f->mask) >> low_bit(f->mask); }

static void set(const struct field *f, uint8_t *packet, uint32_t value)
{
	uint32_t all = load(packet + f->at, f->octets);

	store(packet + f->at, f->octets, (all & ~f->mask) | (value << low_bit(f->mask) & f->mask));
}

/* ---- values ---- */

enum { SPECIAL = 14 };

static unsigned values_of(const struct field *f) { return largest(f) < 256 ? (unsigned)largest(f) + 1 : SPECIAL; }

static uint32_t special(const struct field *f, uint32_t now, unsigned i)
{
	uint32_t max = largest(f), top = max / 2 + 1;
	uint32_t values[SPECIAL] = {0, 1, max, max - 1, top, top - 1, now + 1, now - 1, now ^ max, now + 8, now - 8, now + 1000, now + 70000, now - 70000};

	return values[i] & max;
}

/* The i-th value of a field that has `now`: small fields take all, others those that matter. */
static uint32_t value(const struct field *f, uint32_t now, unsigned i) { return largest(f) < 256 ? i : special(f, now, i); }

bool changed(const struct bad_packet *p, const char *name)
{
	for (int i = 0; i < p->n_changes; i++)
		if (strcmp(p->change[i].field->name, name) == 0) return true;
	return false;
}

/* ---- checksums ---- */

void mend_ip4(struct bad_packet *p, size_t at)
{
	if (changed(p, "ip checksum")) return;
	write16(p->data + at + 10, 0);
	write16(p->data + at + 10, csum_fold(csum_add(0, p->data + at, IP4_HDR_MIN)));
}

/* Over the octets that the header now says there are, if that can be. */
void mend_transport(struct bad_packet *p, size_t ip_at, size_t at, uint8_t proto, const char *field)
{
	uint8_t *ip = p->data + ip_at, *body = p->data + at;
	bool v4 = at - ip_at < IP6_HDR_LEN;
	size_t there = p->len - at, said = v4 ? read16(ip + 2) - (at - ip_at) : read16(ip + 4) - (at - ip_at - IP6_HDR_LEN), len = said < there ? said : there;
	size_t where = proto == IP_PROTO_TCP ? 16 : proto == IP_PROTO_UDP ? 6 : 2;
	struct addr src = v4 ? addr_v4_octets(ip + 12) : (struct addr){{0}}, dst = v4 ? addr_v4_octets(ip + 16) : (struct addr){{0}};
	uint32_t sum = 0;

	if (changed(p, field) || len < where + 2) return;
	if (!v4) memcpy(src.b, ip + 8, 16), memcpy(dst.b, ip + 24, 16);
	if (proto != IP_PROTO_ICMP && proto != IP_PROTO_IGMP) sum = csum_pseudo(&src, &dst, proto, (uint32_t)len);
	write16(body + where, 0);
	write16(body + where, csum_fold(csum_add(sum, body, len)));
}

/* ---- work ---- */

struct work work;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	work.allocations++;
	work.octets += n;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	work.allocations++;
	work.octets += n * size;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	work.allocations++;
	work.octets += n;
	return __real_realloc(p, n);
}

const char *work_end(void)
{
	if (work.allocations > ALLOCATIONS_MAX) return "too many allocations";
	return work.octets > OCTETS_MAX ? "too much memory asked for" : NULL;
}

/* ---- one target ---- */

struct at_work {
	const struct target *t;
	void *world;
	struct field field[FIELDS_MAX];
	unsigned n_fields, age;
	struct random random;
};

static void gather_fields(struct at_work *a)
{
	for (int i = 0; i < 3 && a->t->fields[i]; i++)
		for (const struct field *f = a->t->fields[i]; f->name && a->n_fields < FIELDS_MAX; f++) {
			a->field[a->n_fields] = *f;
			a->field[a->n_fields++].at = (uint16_t)(f->at + a->t->start[i]);
		}
}

static void complain(const struct target *t, const struct bad_packet *p, const char *what)
{
	printf("%s:", t->name);
	for (int i = 0; i < p->n_changes; i++)
		printf(" %s = %u%s", p->change[i].field->name, p->change[i].value, i + 1 < p->n_changes ? "," : "");
	printf(": %s\n ", what);
	for (size_t i = 0; i < p->len; i++)
		printf(" %02x", p->data[i]);
	printf("\n");
}

static bool renew(struct at_work *a, const struct bad_packet *p)
{
	const char *wrong = a->world ? a->t->check(a->world) : NULL;

	if (wrong) complain(a->t, p, wrong);
	if (a->world) a->t->close(a->world);
	a->world = a->t->open(a->t);
	a->age = 0;
	return !wrong;
}

/* Which changes: their fields and the number of their values; the value follows from what the packet has. */
static bool try_packet(struct at_work *a, const unsigned *fields, const unsigned *indices, int n)
{
	struct bad_packet p = {.n_changes = n};
	bool spent = false, ok = true;
	const char *wrong;

	if (a->age++ >= LIFE) ok = renew(a, &p);
	p.len = a->t->packet(a->world, p.data);
	for (int i = 0; i < n; i++) {
		const struct field *f = &a->field[fields[i]];
		if (f->at + f->octets > p.len) return ok;
		p.change[i] = (struct change){f, value(f, get(f, p.data), indices[i])};
	}
	for (int i = 0; i < n; i++)
		set(p.change[i].field, p.data, p.change[i].value);
	a->t->mend(a->world, &p);
	wrong = a->t->receive(a->world, &p, &spent);
	if (wrong) complain(a->t, &p, wrong);
	if (wrong || spent) {
		a->t->close(a->world);
		a->world = a->t->open(a->t);
		a->age = 0;
	}
	return ok && !wrong;
}

static bool singles(struct at_work *a, struct runs *runs)
{
	bool ok = true;

	for (unsigned f = 0; f < a->n_fields; f++)
		for (unsigned i = 0; i < values_of(&a->field[f]); i++, runs->singles++)
			ok &= try_packet(a, &f, &i, 1);
	return ok;
}

static bool pairs(struct at_work *a, struct runs *runs)
{
	bool ok = true;

	for (unsigned f = 0; f < a->n_fields; f++)
		for (unsigned g = f + 1; g < a->n_fields; g++)
			for (unsigned i = 0; i < MIN(values_of(&a->field[f]), SPECIAL); i++)
				for (unsigned j = 0; j < MIN(values_of(&a->field[g]), SPECIAL); j++, runs->pairs++)
					ok &= try_packet(a, (unsigned[]){f, g}, (unsigned[]){i, j}, 2);
	return ok;
}

static bool drawn_ones(struct at_work *a, unsigned long n, struct runs *runs)
{
	bool ok = true;

	for (unsigned long k = 0; k < n; k++, runs->drawn++) {
		unsigned fields[CHANGES_MAX], indices[CHANGES_MAX];
		int changes = 2 + (int)(random_next(&a->random) % 2);
		for (int i = 0; i < changes; i++) {
			fields[i] = (unsigned)(random_next(&a->random) % a->n_fields);
			indices[i] = (unsigned)(random_next(&a->random) % values_of(&a->field[fields[i]]));
		}
		ok &= try_packet(a, fields, indices, changes);
	}
	return ok;
}

bool mangle(const struct target *t, unsigned long drawn, bool all_pairs, uint64_t seed, struct runs *runs)
{
	struct at_work a = {.t = t, .random = random_seeded(seed, t->name)};
	bool ok;

	gather_fields(&a);
	renew(&a, NULL);
	ok = singles(&a, runs);
	if (all_pairs) ok &= pairs(&a, runs);
	ok &= drawn_ones(&a, drawn, runs);
	ok &= renew(&a, &(struct bad_packet){0});
	t->close(a.world);
	return ok;
}
