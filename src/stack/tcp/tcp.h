/* TCP's face to the rest of the stack. The inside is in conn.h. */
#pragma once
#include "stack/inet/inet.h"

int tcp_new(struct stack *s);        /* called by stack_new */
void tcp_free(struct stack *s);
/* tcp_ops (socket/family.h) and tcp_proto (inet/inet.h) are defined here. */
