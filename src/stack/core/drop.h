/* Why a packet was dropped. One list: counters, traces, tests and tools all read it. Append rows freely. */
#pragma once

#define DROP_REASONS(X) \
	X(NONE, "not dropped") \
	X(NO_MEMORY, "out of memory") \
	X(NETIF_DOWN, "interface down") \
	X(ETH_SHORT, "frame shorter than an Ethernet header") \
	X(ETH_OTHERHOST, "frame for another host") \
	X(ETH_SOURCE, "frame whose source is a group address") \
	X(ETH_TYPE, "no handler for the Ethernet type") \
	X(ARP_BAD, "malformed ARP") \
	X(IP_BAD, "malformed IP header") \
	X(IP_CSUM, "IP header checksum wrong") \
	X(IP_TTL, "TTL or hop limit exceeded") \
	X(IP_DISABLED, "IPv6 is off on this interface") \
	X(IP_MARTIAN, "source or destination that can't be") \
	X(IP_REVERSE_PATH, "source that is not behind this interface") \
	X(IP_NO_ROUTE, "no route") \
	X(IP_NO_GROUP, "multicast group that nobody here joined") \
	X(MROUTE_UNRESOLVED, "no daemon said in time where the group goes") \
	X(MROUTE_FULL, "too many copies of groups' datagrams at once") \
	X(PIM_BAD, "malformed PIM Register, or none") \
	X(PIM_NOBODY, "PIM Register, and no interface for those") \
	X(IP_NOT_FORWARDING, "not for us, and this host does not forward") \
	X(IP_TOO_BIG, "larger than the MTU with DF set") \
	X(IP_PROTO, "no handler for the IP protocol") \
	X(IP_OPTIONS, "IP options or extension header refused") \
	X(FRAG_BAD, "malformed fragment") \
	X(FRAG_OVERLAP, "overlapping fragment") \
	X(FRAG_LIMIT, "reassembly memory exhausted") \
	X(FRAG_TIMEOUT, "reassembly timed out") \
	X(ICMP_TYPE, "ICMP message that nobody here answers or awaits") \
	X(ICMP_BAD, "malformed ICMP") \
	X(ICMP_CSUM, "ICMP checksum wrong") \
	X(IGMP_BAD, "malformed IGMP or MLD, or from beyond the link") \
	X(ND_BAD, "neighbour discovery message fails RFC 4861 §7.1") \
	X(NEIGH_FAILED, "neighbour did not answer") \
	X(NEIGH_QUEUE, "neighbour queue full") \
	X(UDP_BAD, "malformed UDP") \
	X(UDP_CSUM, "UDP checksum wrong") \
	X(UDP_NO_SOCKET, "no UDP socket") \
	X(UDP_ENCAP, "ESP or a keep-alive of it in UDP, and no association") \
	X(UDP_COVERAGE, "UDP-Lite checksum covers less than the socket asks for") \
	X(RAW_CSUM, "checksum that a raw socket asked for is wrong") \
	X(SOCK_RCVBUF, "receive buffer full") \
	X(SOCK_FILTER, "socket filter") \
	X(TCP_BAD, "malformed TCP") \
	X(TCP_CSUM, "TCP checksum wrong") \
	X(TCP_NO_SOCKET, "no TCP socket") \
	X(TCP_WINDOW, "segment outside the window") \
	X(TCP_PAWS, "timestamp older than the last (PAWS)") \
	X(TCP_ACK, "acknowledgment unacceptable") \
	X(TCP_FLAGS, "flags unacceptable in this state") \
	X(TCP_BACKLOG, "listen queue full") \
	X(TCP_OLD, "nothing new in the segment") \
	X(TCP_MD5, "signature missing, wrong or not asked for") \
	X(TCP_RCVBUF, "no room in the receive buffer") \
	X(TCP_RATE, "answer rate limited") \
	X(SCTP_BAD, "malformed SCTP") \
	X(SCTP_CSUM, "SCTP checksum wrong") \
	X(SCTP_TAG, "verification tag wrong") \
	X(WG_BAD, "malformed WireGuard message") \
	X(WG_MAC, "WireGuard message that is not for our key") \
	X(WG_LOAD, "WireGuard handshake without a cookie under load, or too many") \
	X(WG_HANDSHAKE, "WireGuard handshake that is no peer's, or not new") \
	X(WG_NO_SESSION, "WireGuard session that there is not, or does not open it") \
	X(WG_REPLAY, "WireGuard counter seen before") \
	X(WG_INNER, "no IP datagram in a WireGuard message") \
	X(WG_SOURCE, "source address that is not the WireGuard peer's") \
	X(WG_NO_PEER, "no WireGuard peer for the destination") \
	X(WG_NO_WAY, "no way to the WireGuard peer") \
	X(WG_QUEUE, "WireGuard queue full") \
	X(LINK_LOSS, "link: random loss") \
	X(LINK_QUEUE, "link: queue limit") \
	X(LINK_AQM, "link: queue management") \
	X(LINK_DOWN, "link: down") \
	X(LINK_CUT, "link: cut") \
	X(LINK_MTU, "link: frame too large")

#define X(name, text) DROP_##name,
enum drop_reason { DROP_REASONS(X) DROP_COUNT };
#undef X
const char *drop_name(enum drop_reason r);   /* "IP_TTL" */
const char *drop_text(enum drop_reason r);
