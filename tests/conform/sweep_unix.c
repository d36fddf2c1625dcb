/* What calls with wrong arguments answer on Unix sockets: sweep.h. */
#include "sweep.h"

int main(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	static const char *const texts[] = { "stream", "seqpacket", "dgram" },
		*const states[] = { "", " listening", " pair", " data", " ended", " shut", " gone" };

	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < N(types); i++)
		for (int state = FRESH; state <= GONE; state++) {
			char text[32];
			struct kind k = { text, AF_UNIX, types[i], (enum state)state };
			if ((state == LISTENING || state == ENDED) && types[i] == SOCK_DGRAM)
				continue;
			snprintf(text, sizeof(text), "%s%s", texts[i], states[state]);
			sweep(&k);
		}
	return 0;
}
