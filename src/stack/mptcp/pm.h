/* The path manager's face to netlink (`ip mptcp`): endpoints and limits of a host. pm.c */
#pragma once
#include "stack/mptcp/msk.h"

int pm_endpoint_add(struct stack *s, const struct mptcp_endpoint *e, uint8_t *ret_id);     /* id 0: a new one. -EEXIST, -EBUSY, -ERANGE; ret_id may be NULL */
struct mptcp_endpoint *pm_endpoint_find(struct stack *s, uint8_t id);                       /* NULL: there is none */
void pm_endpoint_del(struct stack *s, struct mptcp_endpoint *e);
void pm_endpoint_flags(struct stack *s, struct mptcp_endpoint *e, uint32_t flags);         /* backup and fullmesh */
