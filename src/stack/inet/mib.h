/*
 * What the MIBs of SNMP count, and /proc/net/snmp shows: datagrams and messages in and out, by family. What was dropped, and why, stack_drop counts.
 * Octets that the host carries past the stack are in none of them.
 */
#pragma once
#include "stack/core/stack.h"

/* Linux's own figures of TCP, in its order and words: /proc/net/netstat. Those that count what can't happen here are 0 for ever. */
#define MIB_TCP_EXT(X) \
	X(SyncookiesSent) X(SyncookiesRecv) X(SyncookiesFailed) X(EmbryonicRsts) X(PruneCalled) X(RcvPruned) X(OfoPruned) X(OutOfWindowIcmps) \
	X(LockDroppedIcmps) X(ArpFilter) X(TW) X(TWRecycled) X(TWKilled) X(PAWSActive) X(PAWSEstab) X(BeyondWindow) X(TSEcrRejected) X(PAWSOldAck) \
	X(PAWSTimewait) X(DelayedACKs) X(DelayedACKLocked) X(DelayedACKLost) X(ListenOverflows) X(ListenDrops) X(TCPRenoRecovery) X(TCPSackRecovery) \
	X(TCPSACKReneging) X(TCPSACKReorder) X(TCPRenoReorder) X(TCPTSReorder) X(TCPFullUndo) X(TCPPartialUndo) X(TCPDSACKUndo) X(TCPLossUndo) \
	X(TCPLostRetransmit) X(TCPRenoFailures) X(TCPSackFailures) X(TCPLossFailures) X(TCPFastRetrans) X(TCPSlowStartRetrans) X(TCPTimeouts) \
	X(TCPLossProbes) X(TCPLossProbeRecovery) X(TCPRenoRecoveryFail) X(TCPSackRecoveryFail) X(TCPBacklogCoalesce) X(TCPDSACKOldSent) \
	X(TCPDSACKOfoSent) X(TCPDSACKRecv) X(TCPDSACKOfoRecv) X(TCPAbortOnData) X(TCPAbortOnClose) X(TCPAbortOnMemory) X(TCPAbortOnTimeout) \
	X(TCPAbortOnLinger) X(TCPMemoryPressures) X(TCPMemoryPressuresChrono) X(TCPSACKDiscard) X(TCPDSACKIgnoredOld) X(TCPDSACKIgnoredNoUndo) \
	X(TCPSpuriousRTOs) X(TCPMD5NotFound) X(TCPMD5Unexpected) X(TCPMD5Failure) X(TCPBacklogDrop) X(PFMemallocDrop) X(TCPMinTTLDrop) \
	X(TCPDeferAcceptDrop) X(IPReversePathFilter) X(TCPTimeWaitOverflow) X(TCPReqQFullDoCookies) X(TCPReqQFullDrop) X(TCPRetransFail) \
	X(TCPRcvCoalesce) X(TCPOFOQueue) X(TCPOFODrop) X(TCPOFOMerge) X(TCPChallengeACK) X(TCPSYNChallenge) X(TCPFastOpenActive) \
	X(TCPFastOpenActiveFail) X(TCPFastOpenPassive) X(TCPFastOpenPassiveFail) X(TCPFastOpenListenOverflow) X(TCPFastOpenCookieReqd) \
	X(TCPFastOpenBlackhole) X(BusyPollRxPackets) X(TCPFromZeroWindowAdv) X(TCPToZeroWindowAdv) X(TCPWantZeroWindowAdv) \
	X(TCPSynRetrans) X(TCPOrigDataSent) X(TCPHystartDelayDetect) X(TCPHystartDelayCwnd) X(TCPACKSkippedSynRecv) X(TCPACKSkippedPAWS) \
	X(TCPACKSkippedSeq) X(TCPACKSkippedTimeWait) X(TCPACKSkippedChallenge) X(TCPWinProbe) X(TCPKeepAlive) X(TCPMTUPFail) X(TCPMTUPSuccess) \
	X(TCPDelivered) X(TCPDeliveredCE) X(TCPAckCompressed) X(TCPZeroWindowDrop) X(TCPRcvQDrop) X(TCPFastOpenPassiveAltKey) X(TcpTimeoutRehash) \
	X(TCPDSACKRecvSegs) X(TCPDSACKIgnoredDubious) X(TCPPLBRehash) X(TCPAORequired) X(TCPAOBad) X(TCPAOKeyNotFound) X(TCPAOGood) \
	X(TCPAODroppedIcmps)

#define X(name) TCPEXT_##name,
enum mib_tcp_ext { MIB_TCP_EXT(X) TCPEXT_COUNT };
#undef X

enum mib_family { MIB_V4, MIB_V6, MIB_FAMILIES };

struct mib_traffic { uint64_t packets, octets; };
struct mib_ip {
	uint64_t received, delivered, unknown, forwarded, sent, no_routes, asked_reassembly, reassembled, cut, pieces;
	uint64_t in_no_routes, truncated, hops_used, too_big, in_octets, in_ecn[4];   /* by the two bits of RFC 3168 */
	struct mib_traffic out, in_groups, out_groups, in_broadcasts, out_broadcasts;
};
struct mib_icmp { uint64_t received, sent; uint32_t received_of[256], sent_of[256]; };   /* by type */
struct mib_udp { uint64_t received, sent; };

struct mib {
	struct mib_ip ip[MIB_FAMILIES];
	struct mib_icmp icmp[MIB_FAMILIES];
	struct mib_udp udp[MIB_FAMILIES], udplite[MIB_FAMILIES];
	struct { uint64_t active_opens, passive_opens, attempt_fails, established_resets, received, sent, resets_sent; } tcp;
	uint64_t tcp_ext[TCPEXT_COUNT];
	/* [0] what is received, [1] what is sent */
	struct { uint64_t now[2], set[2], rekeyed[2], rekey_errors[2], decrypt_errors, padded, key_updates; } tls;
	uint64_t drops[MIB_FAMILIES][DROP_COUNT];
};

static inline void mib_tcp(struct stack *s, enum mib_tcp_ext what) { s->mib->tcp_ext[what]++; }
static inline enum mib_family mib_family(bool v4) { return v4 ? MIB_V4 : MIB_V6; }
/* A datagram whose header was read, and one that is to leave by an interface: p->data is its header. */
void mib_ip_in(struct stack *s, struct packet *p);
void mib_ip_out(struct stack *s, struct packet *p);
/* A transport message: data is its header, len octets of it are there. */
void mib_received(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len);
void mib_sent(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len);
void mib_dropped(struct stack *s, const struct packet *p, enum drop_reason why);
