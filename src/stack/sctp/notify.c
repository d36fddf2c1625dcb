/*
 * Notifications: what happens to associations, told in the receive queue to programs that have asked for it (SCTP_EVENT, SCTP_EVENTS).
 *
 * Read first: RFC 6458 §6.1.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define NOTES_MOST 4096u               /* of a socket: a program that asks and never reads */
#define NOTES_MOST_OCTETS (8u << 20)

static bool wanted(const struct assoc *a, unsigned type) { return a->set.events >> (type - SCTP_SN_TYPE_BASE) & 1; }

static bool queue_is_full(const struct sctp_sock *so)
{
	uint32_t n = 0, octets = 0;

	list_each(const struct in_msg, m, &so->rcvq, node) {
		n += m->notification;
		octets += m->notification ? m->len : 0;
	}
	return n >= NOTES_MOST || octets >= NOTES_MOST_OCTETS;
}

/* If the program has asked for its type. */
static void notify(struct assoc *a, const void *note, size_t len)
{
	struct { uint16_t type, flags; uint32_t len; } head;
	struct in_piece *q;
	struct in_msg *m;

	memcpy(&head, note, sizeof head);
	if (!wanted(a, head.type) || queue_is_full(a->sock)) return;
	q = malloc(sizeof *q + len);
	m = q ? in_msg_new(a) : NULL;
	if (!m) {
		free(q);
		return;
	}
	*q = (struct in_piece){.len = (uint32_t)len};
	memcpy(q->data, note, len);
	list_init(&q->node);
	list_append(&m->pieces, &q->node);
	m->len = (uint32_t)len;
	m->notification = true;
	rcvq_put(a->sock, m);
}

void notify_change(struct assoc *a, enum sctp_sac_state state, uint16_t error)
{
	struct sctp_assoc_change c = {.sac_type = SCTP_ASSOC_CHANGE, .sac_length = sizeof c, .sac_state = (uint16_t)state, .sac_error = error,
				      .sac_outbound_streams = a->out_streams, .sac_inbound_streams = a->in_streams, .sac_assoc_id = a->id};

	notify(a, &c, sizeof c);
}

void notify_path(struct path *p, enum sctp_spc_state state, enum sctp_sn_error error)
{
	struct assoc *a = p->assoc;
	struct sctp_paddr_change c = {.spc_type = SCTP_PEER_ADDR_CHANGE, .spc_length = sizeof c, .spc_state = state, .spc_error = error,
				      .spc_assoc_id = a->id};
	struct sockaddr_storage ss;
	socklen_t len;

	sctp_addr_show(a->sock, &p->addr, a->rport, &ss, &len);
	memcpy(&c.spc_aaddr, &ss, sizeof ss);
	notify(a, &c, sizeof c);
}

/* Once for each message: with the piece that is at hand, as Linux. */
void notify_failed(struct assoc *a, const struct out_piece *q, bool sent, uint32_t error)
{
	struct out_msg *msg = q->msg;
	struct sctp_send_failed *f = NULL;
	struct sctp_send_failed_event *e = NULL;
	uint16_t flags = sent ? SCTP_DATA_SENT : SCTP_DATA_UNSENT;

	if (msg->failed) return;
	msg->failed = true;
	if (wanted(a, SCTP_SEND_FAILED)) f = malloc(sizeof *f + q->len);
	if (f) {
		*f = (struct sctp_send_failed){.ssf_type = SCTP_SEND_FAILED, .ssf_flags = flags, .ssf_length = (uint32_t)(sizeof *f + q->len),
					       .ssf_error = error, .ssf_info = {.sinfo_stream = msg->stream, .sinfo_ssn = msg->ssn, .sinfo_flags = msg->flags,
							    .sinfo_ppid = msg->ppid, .sinfo_context = msg->context, .sinfo_assoc_id = a->id},
					       .ssf_assoc_id = a->id};
		memcpy(f->ssf_data, q->data, q->len);
		notify(a, f, sizeof *f + q->len);
	}
	free(f);
	if (wanted(a, SCTP_SEND_FAILED_EVENT)) e = malloc(sizeof *e + q->len);
	if (e) {
		*e = (struct sctp_send_failed_event){.ssf_type = SCTP_SEND_FAILED_EVENT, .ssf_flags = flags, .ssf_length = (uint32_t)(sizeof *e + q->len),
						     .ssf_error = error,
						     .ssfe_info = {.snd_sid = msg->stream, .snd_flags = msg->flags, .snd_ppid = msg->ppid,
								   .snd_context = msg->context, .snd_assoc_id = a->id},
						     .ssf_assoc_id = a->id};
		memcpy(e->ssf_data, q->data, q->len);
		notify(a, e, sizeof *e + q->len);
	}
	free(e);
}

#define CAUSE_SHOWN 512u

void notify_remote_error(struct assoc *a, const struct sctp_param *cause)
{
	union { struct sctp_remote_error e; uint8_t octets[sizeof(struct sctp_remote_error) + CAUSE_SHOWN]; } u;
	size_t n = MIN(cause->len, CAUSE_SHOWN);

	u.e = (struct sctp_remote_error){.sre_type = SCTP_REMOTE_ERROR, .sre_length = (uint32_t)(sizeof u.e + n), .sre_assoc_id = a->id};
	write16((uint8_t *)&u.e.sre_error, cause->type);
	memcpy(u.octets + sizeof u.e, cause->value, n);
	notify(a, u.octets, sizeof u.e + n);
}

void notify_shutdown(struct assoc *a)
{
	struct sctp_shutdown_event e = {.sse_type = SCTP_SHUTDOWN_EVENT, .sse_length = sizeof e, .sse_assoc_id = a->id};

	notify(a, &e, sizeof e);
}

void notify_partial_aborted(struct assoc *a, const struct in_msg *m)
{
	struct sctp_pdapi_event e = {.pdapi_type = SCTP_PARTIAL_DELIVERY_EVENT, .pdapi_length = sizeof e, .pdapi_indication = SCTP_PARTIAL_DELIVERY_ABORTED,
				     .pdapi_assoc_id = a->id, .pdapi_stream = m->stream, .pdapi_seq = m->ssn};

	notify(a, &e, sizeof e);
}

void notify_dry(struct assoc *a)
{
	struct sctp_sender_dry_event e = {.sender_dry_type = SCTP_SENDER_DRY_EVENT, .sender_dry_length = sizeof e, .sender_dry_assoc_id = a->id};

	notify(a, &e, sizeof e);
}

void notify_adaptation(struct assoc *a)
{
	struct sctp_adaptation_event e = {.sai_type = SCTP_ADAPTATION_INDICATION, .sai_length = sizeof e, .sai_adaptation_ind = a->peer_adaptation,
					  .sai_assoc_id = a->id};

	if (a->has_peer_adaptation) notify(a, &e, sizeof e);
}

void notify_key(struct assoc *a, uint16_t key, uint32_t what)
{
	struct sctp_authkey_event e = {.auth_type = SCTP_AUTHENTICATION_EVENT, .auth_length = sizeof e, .auth_keynumber = key, .auth_indication = what,
				       .auth_assoc_id = a->id};

	notify(a, &e, sizeof e);
}

/* ---- RFC 6525 §6.1 ---- */

void notify_stream_reset(struct assoc *a, unsigned flags, struct streams which)
{
	size_t len = sizeof(struct sctp_stream_reset_event) + which.n * sizeof *which.at;
	struct sctp_stream_reset_event *e = wanted(a, SCTP_STREAM_RESET_EVENT) ? malloc(len) : NULL;

	if (!e) return;
	*e = (struct sctp_stream_reset_event){.strreset_type = SCTP_STREAM_RESET_EVENT, .strreset_flags = (uint16_t)flags,
					      .strreset_length = (uint32_t)len, .strreset_assoc_id = a->id};
	if (which.n) memcpy(e->strreset_stream_list, which.at, which.n * sizeof *which.at);
	notify(a, e, len);
	free(e);
}

/* As Linux: the local TSN is the one that this end waits for, the remote one what it sends next. */
void notify_assoc_reset(struct assoc *a, unsigned flags, seq32 peers_next, seq32 my_next)
{
	struct sctp_assoc_reset_event e = {.assocreset_type = SCTP_ASSOC_RESET_EVENT, .assocreset_flags = (uint16_t)flags, .assocreset_length = sizeof e,
					   .assocreset_assoc_id = a->id, .assocreset_local_tsn = peers_next, .assocreset_remote_tsn = my_next};

	notify(a, &e, sizeof e);
}

void notify_stream_change(struct assoc *a, unsigned flags, uint16_t in, uint16_t out)
{
	struct sctp_stream_change_event e = {.strchange_type = SCTP_STREAM_CHANGE_EVENT, .strchange_flags = (uint16_t)flags, .strchange_length = sizeof e,
					     .strchange_assoc_id = a->id, .strchange_instrms = in, .strchange_outstrms = out};

	notify(a, &e, sizeof e);
}
