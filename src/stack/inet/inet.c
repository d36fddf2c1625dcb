/* Birth and end of a stack's internet layer. */
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/flowlabel.h"
#include "stack/inet/inet_private.h"

int inet_new(struct stack *s)
{
	struct inet *in = calloc(1, sizeof *in);
	int r;

	if (!in) return -ENOMEM;
	s->inet = in;
	in->stack = s;
	list_init(&in->raws);
	list_init(&in->flow_labels);
	list_init(&in->anycasts);
	neigh_table_init(&in->neigh);
	frag_table_init(&in->frags);
	dst_cache_init(&in->pmtu);
	dst_cache_init(&in->redirects);
	list_init(&in->looped);
	in->loop_timer.fire = ip_loop_fire;
	r = port_space_new(&in->tcp_ports);
	if (r == 0) r = port_space_new(&in->sctp_ports);
	if (r == 0) r = port_space_new(&in->udp_ports);
	if (r == 0) r = port_space_new(&in->udplite_ports);
	if (r == 0) r = port_space_new(&in->ping_ids);
	return r;
}

void inet_free(struct stack *s)
{
	struct inet *in = s->inet;

	timer_clear(s, &in->loop_timer);
	while (!list_empty(&in->looped))
		packet_free(list_entry(list_pop(&in->looped), struct packet, node));
	flowlabels_free(s);
	neigh_table_free(s);
	frag_table_free(s);
	dst_cache_free(&in->pmtu);
	dst_cache_free(&in->redirects);
	port_space_free(in->tcp_ports);
	port_space_free(in->sctp_ports);
	port_space_free(in->udp_ports);
	port_space_free(in->udplite_ports);
	port_space_free(in->ping_ids);
	free(in);
	s->inet = NULL;
}
