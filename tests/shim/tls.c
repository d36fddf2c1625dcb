/*
 * Kernel TLS as programs see it (TCP_ULP "tls"): two processes that both use it, and one whose peer is OpenSSL's own, or that lets OpenSSL use it. This kernel
 * may have none to compare with: what is expected is what Linux's tls.rst and <linux/tls.h> say.
 */
#include "check.h"
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#define DATA 23
#define ALERT 21
#define HANDSHAKE 22
#define LARGE 300000

/* ---- keys ---- */

struct kind { uint16_t version, cipher; const char *suite; socklen_t len; };     /* suite: OpenSSL's name */

static const struct kind kinds[] = {
	{TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128, "PSK-AES128-GCM-SHA256", sizeof(struct tls12_crypto_info_aes_gcm_128)},
	{TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256, "PSK-AES256-GCM-SHA384", sizeof(struct tls12_crypto_info_aes_gcm_256)},
	{TLS_1_2_VERSION, TLS_CIPHER_AES_CCM_128, "PSK-AES128-CCM", sizeof(struct tls12_crypto_info_aes_ccm_128)},
	{TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305, "PSK-CHACHA20-POLY1305", sizeof(struct tls12_crypto_info_chacha20_poly1305)},
	{TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128, "TLS_AES_128_GCM_SHA256", sizeof(struct tls12_crypto_info_aes_gcm_128)},
	{TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305, "TLS_CHACHA20_POLY1305_SHA256", sizeof(struct tls12_crypto_info_chacha20_poly1305)},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* All that is behind the head is iv, key, salt and number; the number is small. */
static socklen_t keys(const struct kind *k, uint8_t salt, uint8_t ret[64])
{
	struct tls_crypto_info head = {k->version, k->cipher};
	for (socklen_t i = 0; i < k->len; i++) ret[i] = (uint8_t)(i * 37 + salt);
	memcpy(ret, &head, sizeof head);
	memset(ret + k->len - 8, 0, 8);
	return k->len;
}

static int set(int fd, int way, const struct kind *k, uint8_t salt)
{
	uint8_t info[64];
	return setsockopt(fd, SOL_TLS, way, info, keys(k, salt, info));
}

static void tls_pair(int pair[2], const struct kind *k)
{
	tcp_pair(pair);
	for (int i = 0; i < 2; i++) {
		CHECK(setsockopt(pair[i], SOL_TCP, TCP_ULP, "tls", 4) == 0);
		CHECK(set(pair[i], TLS_TX, k, (uint8_t)i) == 0 && set(pair[i], TLS_RX, k, (uint8_t)!i) == 0);
	}
}

static void close_both(int pair[2]) { CHECK(close(pair[0]) == 0 && close(pair[1]) == 0); }

/* ---- messages ---- */

static ssize_t send_type(int fd, uint8_t type, const void *data, size_t len, int flags)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c = {.h = {CMSG_LEN(1), SOL_TLS, TLS_SET_RECORD_TYPE}};
	struct iovec iov = {(void *)data, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.octets, .msg_controllen = sizeof c.octets};
	*CMSG_DATA(&c.h) = type;
	return sendmsg(fd, &m, flags);
}

static ssize_t recv_type(int fd, void *buf, size_t len, int flags, int *ret_type)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(1)]; } c;
	struct iovec iov = {buf, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.octets, .msg_controllen = sizeof c.octets};
	ssize_t n = recvmsg(fd, &m, flags);
	*ret_type = n < 0 || !m.msg_controllen ? -1 : *CMSG_DATA(&c.h);
	CHECK(*ret_type == -1 || (c.h.cmsg_level == SOL_TLS && c.h.cmsg_type == TLS_GET_RECORD_TYPE && c.h.cmsg_len == CMSG_LEN(1)));
	return n;
}

static bool fails(long r, int err) { return r == -1 && errno == err; }

static int readiness(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void fill(uint8_t *at, size_t len, unsigned salt)
{
	for (size_t i = 0; i < len; i++) at[i] = (uint8_t)(i * 7 + (i >> 9) + salt);
}

/* ---- what is refused ---- */

static void refusals(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2], one = 1;
	char name[16] = "x";
	uint8_t info[64];
	socklen_t len = sizeof name;
	CHECK(fails(setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 3), ENOTCONN) && listen(fd, 1) == 0 && fails(setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 3), ENOTCONN));
	CHECK(close(fd) == 0);
	tcp_pair(pair);
	CHECK(fails(setsockopt(pair[0], SOL_TCP, TCP_ULP, "nonsense", 8), ENOENT) && fails(setsockopt(pair[0], SOL_TCP, TCP_ULP, "", 0), EINVAL));
	CHECK(fails(set(pair[0], TLS_TX, &kinds[0], 0), ENOPROTOOPT));
	CHECK(getsockopt(pair[0], SOL_TCP, TCP_ULP, name, &len) == 0 && len == 0);
	CHECK(setsockopt(pair[0], SOL_TCP, TCP_ULP, "tls and more", 3) == 0 && fails(setsockopt(pair[0], SOL_TCP, TCP_ULP, "tls", 3), EEXIST));
	len = sizeof name;
	CHECK(getsockopt(pair[0], SOL_TCP, TCP_ULP, name, &len) == 0 && len == 16 && strcmp(name, "tls") == 0);
	len = sizeof info;
	CHECK(fails(getsockopt(pair[0], SOL_TLS, TLS_TX, info, &len), EBUSY) && fails(setsockopt(pair[0], SOL_TLS, 99, &one, sizeof one), ENOPROTOOPT));
	keys(&kinds[0], 0, info);
	CHECK(fails(setsockopt(pair[0], SOL_TLS, TLS_TX, info, 3), EINVAL) && fails(setsockopt(pair[0], SOL_TLS, TLS_TX, info, kinds[0].len - 1), EINVAL));
	info[0] = 2;
	CHECK(fails(setsockopt(pair[0], SOL_TLS, TLS_TX, info, kinds[0].len), EINVAL));
	CHECK(set(pair[0], TLS_TX, &kinds[0], 0) == 0 && fails(set(pair[0], TLS_TX, &kinds[0], 0), EBUSY) && fails(set(pair[0], TLS_RX, &kinds[4], 0), EINVAL));
	CHECK(fails(send(pair[0], "x", 1, MSG_OOB), EOPNOTSUPP) && fails(send(pair[0], "x", 1, MSG_MORE | MSG_EOR), EINVAL));
	CHECK(fails(connect(pair[0], &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)), EOPNOTSUPP));
	close_both(pair);
}

/* ---- both ends ---- */

static void one_kind(const struct kind *k)
{
	int pair[2], type, n = 0;
	uint8_t buf[64], info[64], now[64];
	socklen_t len = keys(k, 0, info);
	tls_pair(pair, k);
	CHECK(send(pair[0], "hello", 5, 0) == 5 && recv_type(pair[1], buf, sizeof buf, 0, &type) == 5 && type == DATA && memcmp(buf, "hello", 5) == 0);
	CHECK(getsockopt(pair[0], SOL_TLS, TLS_TX, now, &len) == 0 && now[k->len - 1] == 1 && memcmp(now + 12, info + 12, k->len - 20) == 0);
	/* Joined as they are read, up to one of another type, which is read alone and by who wants its type. */
	CHECK(send(pair[1], "ab", 2, 0) == 2 && send(pair[1], "cd", 2, 0) == 2);
	CHECK(send_type(pair[1], ALERT, "\1\0", 2, 0) == 2 && send(pair[1], "ef", 2, 0) == 2);
	CHECK(recv(pair[0], buf, sizeof buf, MSG_PEEK) == 4 && recv(pair[0], buf, 1, 0) == 1);
	CHECK(recv(pair[0], buf, sizeof buf, 0) == 3 && memcmp(buf, "bcd", 3) == 0);
	CHECK(fails(read(pair[0], buf, sizeof buf), EIO) && recv_type(pair[0], buf, 1, 0, &type) == 1 && type == ALERT && *buf == 1);
	CHECK(recv_type(pair[0], buf, sizeof buf, MSG_WAITALL, &type) == 1 && type == ALERT && *buf == 0);
	CHECK(recv_type(pair[0], buf, 2, MSG_WAITALL, &type) == 2 && type == DATA && memcmp(buf, "ef", 2) == 0);
	CHECK(fails(recv(pair[0], buf, sizeof buf, MSG_DONTWAIT), EAGAIN) && readiness(pair[0]) == POLLOUT);
	/* One record of three sends. */
	CHECK(send(pair[0], "12", 2, MSG_MORE) == 2 && readiness(pair[1]) == POLLOUT && send(pair[0], "34", 2, MSG_MORE) == 2 && send(pair[0], "5", 1, 0) == 1);
	CHECK(readiness(pair[1]) == (POLLIN | POLLOUT) && recv(pair[1], buf, sizeof buf, 0) == 5 && memcmp(buf, "12345", 5) == 0);
	CHECK(ioctl(pair[1], FIONREAD, &n) == 0 && n == 0);
	CHECK(shutdown(pair[0], SHUT_WR) == 0 && recv(pair[1], buf, sizeof buf, 0) == 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK(fails(send(pair[0], "x", 1, 0), EPIPE) && send(pair[1], "still", 5, 0) == 5 && recv(pair[0], buf, sizeof buf, 0) == 5);
	close_both(pair);
}

/* No octet goes past the stack to it any more, also when all ways are looked at anew, as after a raw socket's end; nor from it. */
static void stays_with_the_stack(void)
{
	static const char record[] = "\x17\x03\x03\x00\x18 octets of no cipher..";
	int pair[2], raw;
	char buf[64];
	tcp_pair(pair);
	CHECK(setsockopt(pair[1], SOL_TCP, TCP_ULP, "tls", 3) == 0 && set(pair[1], TLS_RX, &kinds[0], 0) == 0);
	for (size_t i = 0; i < 29; i++) {
		CHECK(fails(recv(pair[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN));
		CHECK((raw = socket(AF_INET, SOCK_RAW, IPPROTO_TCP)) >= 0 && close(raw) == 0);
		CHECK(send(pair[0], record + i, 1, 0) == 1);
		CHECK(send(pair[1], "back", 4, 0) == 4 && recv(pair[0], buf, sizeof buf, 0) == 4);
	}
	CHECK(fails(recv(pair[1], buf, sizeof buf, 0), EBADMSG));
	close_both(pair);
}

/* What was sent before keys were set is plain, and what is there already when they are counts. */
static void late_keys(void)
{
	const struct kind *k = &kinds[4];
	int pair[2];
	char buf[64];
	tcp_pair(pair);
	CHECK(send(pair[0], "plain", 5, 0) == 5 && recv(pair[1], buf, 2, 0) == 2);
	CHECK(setsockopt(pair[0], SOL_TCP, TCP_ULP, "tls", 3) == 0 && send(pair[0], "too", 3, 0) == 3);
	CHECK(set(pair[0], TLS_TX, k, 1) == 0 && send(pair[0], "sealed", 6, 0) == 6 && send(pair[0], "twice", 5, 0) == 5);
	CHECK(recv(pair[1], buf, 6, MSG_WAITALL) == 6 && memcmp(buf, "aintoo", 6) == 0 && recv(pair[1], buf, sizeof buf, MSG_PEEK) > 20);
	CHECK(setsockopt(pair[1], SOL_TCP, TCP_ULP, "tls", 3) == 0 && recv(pair[1], buf, 5, MSG_PEEK) == 5 && buf[0] == DATA);
	CHECK(set(pair[1], TLS_RX, k, 1) == 0 && recv(pair[1], buf, sizeof buf, 0) == 11 && memcmp(buf, "sealedtwice", 11) == 0);
	close_both(pair);
}

static void broken(void)
{
	const struct kind *k = &kinds[0];
	int pair[2], err = 0;
	socklen_t len = sizeof err;
	uint8_t buf[64];
	tcp_pair(pair);
	CHECK(setsockopt(pair[1], SOL_TCP, TCP_ULP, "tls", 3) == 0 && set(pair[1], TLS_RX, k, 0) == 0);
	CHECK(send(pair[0], "\x17\x03\x03\x00\x20 thirty-two octets of no cipher..", 37, 0) == 37);
	CHECK(fails(recv(pair[1], buf, sizeof buf, 0), EBADMSG) && fails(recv(pair[1], buf, sizeof buf, 0), EBADMSG) && readiness(pair[1]) & POLLERR);
	CHECK(getsockopt(pair[1], SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == EBADMSG);
	close_both(pair);
	static const struct { const char *octets; int err; } headers[] = {
		{"GET / HTTP/1.0", EINVAL}, {"\x17\x03\x03\x40\x19 and more", EMSGSIZE}, {"\x17\x03\x03\x00\x17 and more", EBADMSG},
	};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		tcp_pair(pair);
		CHECK(setsockopt(pair[1], SOL_TCP, TCP_ULP, "tls", 3) == 0 && set(pair[1], TLS_RX, k, 0) == 0);
		CHECK(send(pair[0], headers[i].octets, 14, 0) == 14 && fails(recv(pair[1], buf, sizeof buf, 0), headers[i].err));
		CHECK(fails(recv(pair[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN));
		close_both(pair);
	}
}

/* RFC 8446 §4.6.3, from Linux 6.14 on: behind a KeyUpdate nothing is opened before there are other keys. */
static void rekey(void)
{
	const struct kind *k = &kinds[4];
	int pair[2], type;
	uint8_t buf[64];
	tls_pair(pair, k);
	CHECK(send_type(pair[0], HANDSHAKE, "\x18\0\0\1\0", 5, 0) == 5 && set(pair[0], TLS_TX, k, 40) == 0 && send(pair[0], "new", 3, 0) == 3);
	CHECK(recv_type(pair[1], buf, sizeof buf, 0, &type) == 5 && type == HANDSHAKE && buf[0] == 24);
	CHECK(fails(recv(pair[1], buf, sizeof buf, 0), EKEYEXPIRED) && readiness(pair[1]) == POLLOUT);
	CHECK(set(pair[1], TLS_RX, k, 40) == 0 && readiness(pair[1]) == (POLLIN | POLLOUT) && recv(pair[1], buf, sizeof buf, 0) == 3);
	close_both(pair);
}

/* Does what the command prints have this in it? */
static bool prints(const char *command, const char *text)
{
	static char all[20000];
	FILE *f = popen(command, "r");
	CHECK(f);
	all[fread(all, 1, sizeof all - 1, f)] = 0;
	CHECK(pclose(f) == 0);
	return strstr(all, text);
}

static void shown(void)
{
	int pair[2];
	tls_pair(pair, &kinds[4]);
	CHECK(prints("ss -tiH", "tcp-ulp-tls version: 1.3 cipher: aes-gcm-128 rxconf: sw txconf: sw"));
	CHECK(prints("cat /proc/net/tls_stat", "TlsCurrRxSw                     \t2\n"));
	close_both(pair);
	CHECK(prints("cat /proc/net/tls_stat", "TlsCurrRxSw                     \t0\n"));
}

/* ---- two processes, much to send ---- */

static void expect_all(int fd, size_t len, unsigned salt)
{
	static uint8_t want[LARGE], got[LARGE];
	size_t done = 0;
	fill(want, len, salt);
	for (ssize_t n; done < len; done += (size_t)n) CHECK((n = recv(fd, got + done, len - done, done % 3 ? MSG_WAITALL : 0)) > 0);
	CHECK(memcmp(want, got, len) == 0);
}

static void send_by_hand(int fd, size_t len)
{
	static uint8_t all[LARGE];
	fill(all, len, 1);
	for (size_t done = 0, step = 1; done < len; step = step * 3 + 1) {
		ssize_t n = send(fd, all + done, step < len - done ? step : len - done, 0);
		CHECK(n > 0);
		done += (size_t)n;
	}
}

static void send_by_file(int fd)
{
	static uint8_t all[LARGE];
	FILE *f = tmpfile();
	off_t at = 0;
	fill(all, LARGE, 2);
	CHECK(f && fwrite(all, 1, LARGE, f) == LARGE && fflush(f) == 0);
	while (at < LARGE) CHECK(sendfile(fd, fileno(f), &at, (size_t)(LARGE - at)) > 0);
	fclose(f);
}

static void send_by_pipe(int fd)
{
	static uint8_t all[LARGE];
	int way[2];
	fill(all, LARGE, 3);
	CHECK(pipe(way) == 0);
	for (size_t done = 0; done < LARGE;) {
		ssize_t n = write(way[1], all + done, LARGE - done < 50000 ? LARGE - done : 50000);
		CHECK(n > 0);
		done += (size_t)n;
		for (ssize_t r; n > 0; n -= r) CHECK((r = splice(way[0], NULL, fd, NULL, (size_t)n, 0)) > 0);
	}
	close(way[0]);
	close(way[1]);
}

static void expect_by_pipe(int fd, unsigned salt)
{
	static uint8_t want[LARGE], got[LARGE];
	int way[2];
	fill(want, LARGE, salt);
	CHECK(pipe(way) == 0);
	for (size_t done = 0; done < LARGE;) {
		ssize_t n = splice(fd, NULL, way[1], NULL, LARGE - done, 0);
		CHECK(n > 0);
		for (ssize_t r; n > 0; n -= r, done += (size_t)r) CHECK((r = read(way[0], got + done, (size_t)n)) > 0);
	}
	CHECK(memcmp(want, got, LARGE) == 0);
	close(way[0]);
	close(way[1]);
}

static void child_end(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void two_processes(const struct kind *k)
{
	int pair[2];
	tls_pair(pair, k);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		uint8_t c;
		CHECK(close(pair[1]) == 0);
		expect_all(pair[0], LARGE, 1);
		expect_all(pair[0], LARGE, 2);
		expect_by_pipe(pair[0], 3);
		CHECK(recv(pair[0], &c, 1, 0) == 0);
		_exit(0);
	}
	CHECK(close(pair[0]) == 0);
	send_by_hand(pair[1], LARGE);
	send_by_file(pair[1]);
	send_by_pipe(pair[1]);
	CHECK(close(pair[1]) == 0);
	child_end(child);
}

/* Less than a record fits the receive buffer. */
static void small_buffer(void)
{
	int pair[2], small = 2304;
	tls_pair(pair, &kinds[0]);
	CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		expect_all(pair[1], 18000, 1);
		_exit(0);
	}
	send_by_hand(pair[0], 18000);
	child_end(child);
	close_both(pair);
}

/* ---- OpenSSL ---- */

static unsigned psk_of_client(SSL *s, const char *hint, char *name, unsigned name_max, unsigned char *key, unsigned max)
{
	(void)s, (void)hint, (void)max;
	snprintf(name, name_max, "us");
	memset(key, 7, 16);
	return 16;
}

static unsigned psk_of_server(SSL *s, const char *name, unsigned char *key, unsigned max)
{
	(void)s, (void)name, (void)max;
	memset(key, 7, 16);
	return 16;
}

static SSL *handshake(int fd, const struct kind *k, bool serves, bool ktls)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	int version = k->version == TLS_1_3_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION;
	CHECK(context && SSL_CTX_set_min_proto_version(context, version) && SSL_CTX_set_max_proto_version(context, version));
	SSL_CTX_set_psk_client_callback(context, psk_of_client);
	SSL_CTX_set_psk_server_callback(context, psk_of_server);
	SSL_CTX_set_num_tickets(context, 0);
	CHECK(version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(context, k->suite) : SSL_CTX_set_cipher_list(context, k->suite));
	if (ktls) SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
	SSL *s = SSL_new(context);
	CHECK(s && SSL_set_fd(s, fd) && (serves ? SSL_accept(s) : SSL_connect(s)) == 1);
	CHECK(!!BIO_get_ktls_send(SSL_get_wbio(s)) == ktls);
	SSL_CTX_free(context);
	return s;
}

static void ssl_send(SSL *s, unsigned salt)
{
	static uint8_t all[LARGE];
	fill(all, LARGE, salt);
	for (size_t done = 0, n; done < LARGE; done += n) CHECK(SSL_write_ex(s, all + done, LARGE - done < 70000 ? LARGE - done : 70000, &n) == 1);
}

static void ssl_expect(SSL *s, unsigned salt)
{
	static uint8_t want[LARGE], got[LARGE];
	fill(want, LARGE, salt);
	for (size_t done = 0, n; done < LARGE; done += n) CHECK(SSL_read_ex(s, got + done, LARGE - done, &n) == 1);
	CHECK(memcmp(want, got, LARGE) == 0);
}

static void openssl(const struct kind *k, bool client_ktls, bool server_ktls)
{
	struct sockaddr_in a;
	int l = bound(SOCK_STREAM, &a);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
		SSL *s = handshake(fd, k, false, client_ktls);
		ssl_send(s, 5);
		ssl_expect(s, 6);
		CHECK(SSL_shutdown(s) >= 0);
		_exit(0);
	}
	uint8_t c;
	size_t n;
	SSL *s = handshake(accept(l, NULL, NULL), k, true, server_ktls);
	ssl_expect(s, 5);
	ssl_send(s, 6);
	CHECK(SSL_read_ex(s, &c, 1, &n) == 0 && SSL_get_error(s, 0) == SSL_ERROR_ZERO_RETURN);      /* an alert, which is a record of its own type */
	child_end(child);
	close(SSL_get_fd(s));
	SSL_free(s);
	close(l);
}

int main(void)
{
	refusals();
	for (size_t i = 0; i < KINDS; i++) one_kind(&kinds[i]);
	stays_with_the_stack();
	late_keys();
	broken();
	rekey();
	shown();
	two_processes(&kinds[0]);
	two_processes(&kinds[5]);
	small_buffer();
	for (size_t i = 0; i < KINDS; i++) {
		openssl(&kinds[i], true, false);
		openssl(&kinds[i], false, true);
	}
	openssl(&kinds[0], true, true);
	openssl(&kinds[4], true, true);
	return 0;
}
