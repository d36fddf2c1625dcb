/* sockland show top: what the net does, once a second, until q. */
#pragma once

int top(const char *net);          /* an exit status */
