/* The prompt of `sockland up`: a program's command on a host, or one of ours, a line. */
#pragma once
#include "cli/lab.h"

bool prompt_possible(void);           /* standard input is something that commands can be read from */
/* Until ^D, `exit`, a signal, or the end of the net. The last command's exit status, as a shell's. */
int prompt(struct lab *l);
