/* What calls with wrong arguments answer on packet sockets: sweep.h. */
#include "sweep.h"

int main(void)
{
	static const struct kind all[] = { { "packet", AF_PACKET, SOCK_RAW, FRESH }, { "packet dgram", AF_PACKET, SOCK_DGRAM, FRESH } };

	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < N(all); i++)
		sweep(&all[i]);
	return 0;
}
