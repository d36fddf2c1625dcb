/*
 * Addresses. Networks that trunks join are one broadcast domain and share one subnet; a domain without a subnet of the file's own gets the next
 * 10.N.0.0/16 and fd00:N::/64 (N written in each base's own way, from 1) that overlaps none of the others. Interfaces get host numbers 1, 2, 3 …
 * in the order in which the file links them, so that a reader of the file can tell the addresses.
 */
#include "topo/build.h"

#include <errno.h>
#include <stdlib.h>

#define OCTETS_10 0x0a000000u
#define PLAN_MAX 65535u               /* subnets to hand out */

/* Union-find: domain[i] leads towards the first network of its set, which leads to itself. */
static size_t domain_root(size_t *domain, size_t i)
{
	while (domain[i] != i) i = domain[i] = domain[domain[i]];
	return i;
}

void topo_domains(const struct topo *t, size_t *domain)
{
	for (size_t i = 0; i < t->n_networks; i++) domain[i] = i;
	for (size_t i = 0; i < t->n_trunks; i++) {
		size_t a = domain_root(domain, t->trunks[i].a), b = domain_root(domain, t->trunks[i].b);

		domain[MAX(a, b)] = MIN(a, b);
	}
	for (size_t i = 0; i < t->n_networks; i++) domain[i] = domain_root(domain, i);
}

static bool has_subnet(const struct topo_addr *s)
{
	static const struct topo_addr none;

	return memcmp(s, &none, sizeof none) != 0;
}

static struct topo_addr *subnet_of(struct topo_network *n, bool v6)
{
	return v6 ? &n->v6 : &n->v4;
}

static bool overlap(const struct topo_addr *a, const struct topo_addr *b)
{
	return addr_in_prefix(&a->addr, &b->addr, b->plen) || addr_in_prefix(&b->addr, &a->addr, a->plen);
}

/* One subnet a domain: what the file gave to any network of it goes to its first one. */
static int domain_gather(struct topo *t, const size_t *domain, bool v6, const struct topo_err *e)
{
	for (size_t i = 0; i < t->n_networks; i++) {
		struct topo_addr *own = subnet_of(&t->networks[i], v6), *first = subnet_of(&t->networks[domain[i]], v6);

		if (!has_subnet(own) || own == first) continue;
		if (has_subnet(first) && memcmp(own, first, sizeof *own) != 0)
			return topo_fail(e, "%s and %s are joined and cannot have two subnets", t->networks[domain[i]].name, t->networks[i].name);
		*first = *own;
	}
	for (size_t i = 0; i < t->n_networks; i++)
		for (size_t k = 0; k < i; k++) {
			struct topo_addr *a = subnet_of(&t->networks[i], v6), *b = subnet_of(&t->networks[k], v6);

			if (domain[i] != domain[k] && has_subnet(a) && has_subnet(b) && overlap(a, b))
				return topo_fail(e, "the subnets of %s and %s overlap", t->networks[k].name, t->networks[i].name);
		}
	return 0;
}

static struct topo_addr subnet_numbered(unsigned n, bool v6, bool wide)
{
	uint8_t octets[16] = {0xfd, 0};

	if (!v6) return (struct topo_addr){addr_v4(OCTETS_10 | n << (wide ? 16 : 8)), wide ? 16 : 24};
	write16(octets + 2, (uint16_t)n);
	return (struct topo_addr){addr_v6_octets(octets), 64};
}

static bool subnet_taken(struct topo *t, const struct topo_addr *s, bool v6)
{
	for (size_t i = 0; i < t->n_networks; i++) {
		struct topo_addr *other = subnet_of(&t->networks[i], v6);

		if (has_subnet(other) && overlap(other, s)) return true;
	}
	return false;
}

static int domain_number(struct topo *t, const size_t *domain, bool v6, const struct topo_err *e)
{
	bool wide = t->n_networks <= 200;    /* of the 255 subnets of that size, the file itself may hold some */
	unsigned n = 0;

	for (size_t i = 0; i < t->n_networks; i++) {
		struct topo_addr *own = subnet_of(&t->networks[i], v6), s;

		if (domain[i] != i) {
			*own = *subnet_of(&t->networks[domain[i]], v6);
			continue;
		}
		if (has_subnet(own)) continue;
		do {
			if (++n > (wide && !v6 ? 255 : PLAN_MAX)) return topo_fail(e, "no subnet is left for %s: give it one", t->networks[i].name);
			s = subnet_numbered(n, v6, wide);
		} while (subnet_taken(t, &s, v6));
		*own = s;
	}
	return 0;
}

/* The address numbered n in a subnet; false when the subnet does not hold it. The last IPv4 one is the broadcast address. */
static bool address_numbered(const struct topo_addr *subnet, bool v6, uint32_t n, struct addr *ret)
{
	struct addr last = addr_last(&subnet->addr, subnet->plen);
	struct addr a = subnet->addr;

	write32(a.b + 12, read32(a.b + 12) + n);
	if (!addr_in_prefix(&a, &subnet->addr, subnet->plen) || (!v6 && addr_cmp(&a, &last) >= 0)) return false;
	*ret = a;
	return true;
}

static int address_all(struct topo *t, const size_t *domain, bool v6, const struct topo_err *e)
{
	uint32_t *used = calloc(t->n_networks ? t->n_networks : 1, sizeof *used);
	int r = 0;

	if (!used) return -ENOMEM;
	for (size_t i = 0; i < t->n_ifs && r == 0; i++) {
		struct topo_if *f = &t->ifs[i];
		const struct topo_addr *subnet = subnet_of(&t->networks[f->network], v6);
		struct topo_addr *own = v6 ? &f->v6 : &f->v4;

		own->plen = subnet->plen;
		if (!address_numbered(subnet, v6, ++used[domain[f->network]], &own->addr))
			r = topo_fail(e, "the subnet of %s has no address left for %s", t->networks[f->network].name, t->hosts[f->host].name);
	}
	free(used);
	return r;
}

int topo_plan(struct topo *t, char *err, size_t err_size)
{
	struct topo_err e = {err, err_size};
	size_t *domain = calloc(t->n_networks ? t->n_networks : 1, sizeof *domain);
	int r = domain ? 0 : -ENOMEM;

	if (r == 0) topo_domains(t, domain);
	for (int v6 = 0; v6 <= 1 && r == 0; v6++) {
		r = domain_gather(t, domain, v6, &e);
		if (r == 0) r = domain_number(t, domain, v6, &e);
		if (r == 0) r = address_all(t, domain, v6, &e);
	}
	free(domain);
	return r == 0 ? topo_plan_routes(t) : r;
}
