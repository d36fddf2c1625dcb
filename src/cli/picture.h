/* The topology of a net, from the records of `show net`: for people, for Graphviz, for Mermaid. */
#pragma once
#include "cli/records.h"

void picture_text(const struct records *r, FILE *to);
void picture_dot(const struct records *r, FILE *to);
void picture_mermaid(const struct records *r, FILE *to);
