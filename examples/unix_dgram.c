/* Datagrams within one machine: whole, in order, and none is lost, for a sender waits when the receiver's queue is full. */
#include <errno.h>
#include <sys/un.h>

#include "must.h"

static int named(const char *directory, const char *name, struct sockaddr_un *ret)
{
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s", directory, name);
	must(bind(fd, (struct sockaddr *)ret, sizeof *ret));
	return fd;
}

int main(void)
{
	char directory[] = "/tmp/example-XXXXXX", text[100];
	struct sockaddr_un servers, clients, from;
	socklen_t len = sizeof from;
	int server, client, n, queued = 0;

	if (!mkdtemp(directory)) must(-1);
	server = named(directory, "server", &servers);
	client = named(directory, "client", &clients);               /* without a name of its own it could get no answer */
	must(sendto(client, "one", 3, 0, (struct sockaddr *)&servers, sizeof servers));
	must(sendto(client, "and two", 7, 0, (struct sockaddr *)&servers, sizeof servers));
	for (int i = 0; i < 2; i++) {
		n = must(recvfrom(server, text, sizeof text, 0, (struct sockaddr *)&from, &len));
		printf("server: \"%.*s\" from %s\n", n, text, strrchr(from.sun_path, '/') + 1);
	}
	must(sendto(server, "thanks", 6, 0, (struct sockaddr *)&from, len));
	n = must(recv(client, text, sizeof text, 0));
	printf("client: \"%.*s\"\n", n, text);

	while (sendto(client, "more", 4, MSG_DONTWAIT, (struct sockaddr *)&servers, sizeof servers) == 4) queued++;
	printf("until nobody can take more: %s\n~ after %d datagrams\n", strerror(errno), queued);
	for (n = 0; recv(server, text, sizeof text, MSG_DONTWAIT) == 4; n++) continue;
	printf("%s of them came\n", n == queued ? "each" : "not each");
	must(unlink(servers.sun_path));
	must(unlink(clients.sun_path));
	must(rmdir(directory));
	return 0;
}
