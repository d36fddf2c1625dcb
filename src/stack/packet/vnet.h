/*
 * Virtio headers (PACKET_VNET_HDR): what a program leaves to us of a frame that it sends. A sum is put in; a frame that is larger than the link takes is cut
 * into TCP segments or UDP datagrams.
 */
#pragma once
#include <linux/virtio_net.h>
#include "stack/core/packet.h"

int vnet_check(struct virtio_net_hdr *h, size_t len);      /* as much as Linux checks before it looks at the frame: -EINVAL */
static inline bool vnet_cuts(const struct virtio_net_hdr *h) { return h->gso_type != VIRTIO_NET_HDR_GSO_NONE; }
/* Takes p, a frame whose datagram begins at link_len, and appends the packets that it becomes to ret. -EINVAL, -ENOBUFS: none. */
int vnet_packets(const struct virtio_net_hdr *h, struct packet *p, size_t link_len, struct list *ret);
