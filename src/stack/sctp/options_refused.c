/* The options of SCTP that are not there, each with the errno of a Linux where it is turned off or the peer does not know it. */
#include <errno.h>
#include "stack/sctp/assoc.h"

#define NO(n, e, why) {.level = IPPROTO_SCTP, .name = n, .text = #n, .access = OPT_GET | OPT_SET, .type = OPT_BLOB, .refused = e, .note = why}

const struct sockopt sctp_refused_options[] = {
	NO(SCTP_AUTO_ASCONF, EINVAL, "the peer is told what sctp_bindx() does"),
	NO(SCTP_SOCKOPT_CONNECTX3, ENOPROTOOPT, "libsctp takes SCTP_SOCKOPT_CONNECTX then"),
	NO(SCTP_SENDMSG_CONNECT, ENOPROTOOPT, "as Linux, which names by it a call to its security modules"),
	NO(SCTP_INTERLEAVING_SUPPORTED, EPERM, "no RFC 8260"),
	NO(SCTP_REMOTE_UDP_ENCAPS_PORT, ENOPROTOOPT, "no RFC 6951"),
	NO(SCTP_PLPMTUD_PROBE_INTERVAL, ENOPROTOOPT, "no RFC 8899"),
	{.text = NULL},
};
