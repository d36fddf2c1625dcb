/* Port spaces: who owns which port, one space for each of TCP, UDP and ICMP echo identifiers. The calls are in inet.h. */
#pragma once
#include "stack/inet/inet.h"

int port_space_new(struct port_space **ret);      /* 0 or -ENOMEM */
void port_space_free(struct port_space *ps);      /* NULL is fine; the sockets are gone by then */
