/* UTF-8: see utf8.h. Read first: RFC 3629. */
#include "base/utf8.h"

size_t utf8_character(const char *text)
{
	/* RFC 3629 §4: what the first octet may be, the second, and how many there are; the others are 80 to BF */
	static const struct { unsigned char first, last, from, to, len; } rows[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	const unsigned char *at = (const unsigned char *)text;
	if (*at < 0x80) return *at != 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = 2;
		if (*at < rows[i].first || *at > rows[i].last || at[1] < rows[i].from || at[1] > rows[i].to) continue;
		while (n < rows[i].len && (at[n] & 0xc0) == 0x80) n++;
		return n == rows[i].len ? n : 0;
	}
	return 0;
}
