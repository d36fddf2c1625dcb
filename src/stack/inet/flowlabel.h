/* Flow labels of IPv6 that programs lease (IPV6_FLOWLABEL_MGR). */
#pragma once
#include "stack/inet/inet.h"

int flowlabel_set(struct sock *sk, const void *val, socklen_t len);
int flowlabel_get(struct sock *sk, void *val, socklen_t *len);
void flowlabel_owner(struct sock *sk, uint32_t pid);           /* which process made it */
uint32_t flowlabel_given(const struct stack *s);               /* the one that the last flowlabel_set chose; 0: the program had. For the host, which tells it */
bool flowlabel_may_use(const struct inet_sock *is, uint32_t label);   /* while somebody has a label for himself, only leased ones may be sent with */
uint32_t flowlabel_of_name(const struct inet_sock *is, const struct sockaddr *a);   /* sin6_flowinfo of an IPv6 name, if IPV6_FLOWINFO_SEND is on; else 0 */
void flowlabel_release_all(struct inet_sock *is);
void flowlabels_free(struct stack *s);
