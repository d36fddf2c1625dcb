/* The ciphers, and what is made of them, against the vectors of their documents. */
#include "bench.h"
#include "host/crypto.h"

#define OCTETS_MAX 256

static size_t hex(uint8_t *ret, const char *text)
{
	size_t n = 0;
	unsigned v;

	for (; *text; text++) {
		if (*text == ' ') continue;
		assert_int_equal(sscanf(text++, "%2x", &v), 1);
		assert_true(n < OCTETS_MAX);
		ret[n++] = (uint8_t)v;
	}
	return n;
}

static void assert_octets(const uint8_t *got, const char *want)
{
	uint8_t octets[OCTETS_MAX];
	size_t n = hex(octets, want);

	assert_memory_equal(got, octets, n);
}

static const struct crypto *crypto(void)
{
	const struct crypto *c = host_crypto();

	assert_non_null(c);
	return c;
}

/* draft-irtf-cfrg-xchacha-03 §2.2.1 */
static void test_hchacha20(void **state)
{
	uint8_t key[OCTETS_MAX], nonce[OCTETS_MAX], got[32];

	(void)state;
	hex(key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	hex(nonce, "000000090000004a0000000031415927");
	wg_hchacha20(got, key, nonce);
	assert_octets(got, "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");
}

/* RFC 7693 appendix B; and the first row of the BLAKE2 authors' file of keyed ones. */
static void test_blake2s(void **state)
{
	uint8_t key[OCTETS_MAX], got[32], short_one[32];
	struct octets abc = {(const uint8_t *)"abc", 3};

	(void)state;
	assert_true(crypto()->blake2s(got, 32, (struct octets){NULL, 0}, abc));
	assert_octets(got, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
	hex(key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	assert_true(crypto()->blake2s(got, 32, (struct octets){key, 32}, (struct octets){key, 0}));
	assert_octets(got, "48a8997da407876b3d79c0d92325ad3b89cbb754d86ab71aee047ad345fd2c49");
	/* A shorter one is another one, and not the beginning of the longer. */
	assert_true(crypto()->blake2s(short_one, 16, (struct octets){key, 32}, (struct octets){key, 0}));
	assert_memory_not_equal(short_one, got, 16);
}

/* RFC 7748 §6.1 */
static void test_x25519(void **state)
{
	uint8_t alice[OCTETS_MAX], bob[OCTETS_MAX], got[32], base[32] = {9}, zero[32] = {0};

	(void)state;
	hex(bob, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	hex(alice, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_true(crypto()->x25519(got, bob, base));
	assert_octets(got, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_true(crypto()->x25519(got, bob, alice));
	assert_octets(got, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	assert_false(crypto()->x25519(got, bob, zero));
}

/* RFC 8439 §2.8.2 */
static void test_aead(void **state)
{
	static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
	uint8_t key[OCTETS_MAX], nonce[OCTETS_MAX], ad[OCTETS_MAX], got[OCTETS_MAX], tag[AEAD_TAG];
	struct aead_text t = {.nonce = nonce, .aad = ad, .aad_len = hex(ad, "50515253c0c1c2c3c4c5c6c7"), .data = got, .len = sizeof text - 1, .tag = tag};

	(void)state;
	hex(key, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
	hex(nonce, "070000004041424344454647");
	memcpy(got, text, t.len);
	assert_true(wg_seal_once(crypto(), key, &t));
	assert_octets(got, "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6");
	assert_octets(tag, "1ae10b594f09e26a7e902ecbd0600691");
	assert_true(wg_open_once(crypto(), key, &t));
	assert_memory_equal(got, text, t.len);
	/* Nothing but a tag; and a tag that is another one. */
	t.len = 0;
	assert_true(wg_seal_once(crypto(), key, &t));
	assert_true(wg_open_once(crypto(), key, &t));
	tag[3] ^= 1;
	assert_false(wg_open_once(crypto(), key, &t));
}

static struct octets text_of(const char *text) { return (struct octets){(const uint8_t *)text, strlen(text)}; }

/* RFC 4231 §4.2, §4.3 and §4.7, the key longer than a block; FIPS 180-4's "abc". */
static void test_sha256(void **state)
{
	uint8_t key[131], got[SHA256_LEN];

	(void)state;
	assert_true(crypto()->sha256(got, text_of("abc")));
	assert_octets(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	memset(key, 0x0b, 20);
	assert_true(crypto()->hmac_sha256(got, (struct octets){key, 20}, text_of("Hi There")));
	assert_octets(got, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_true(crypto()->hmac_sha256(got, text_of("Jefe"), text_of("what do ya want for nothing?")));
	assert_octets(got, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	assert_true(crypto()->hmac_sha256(got, (struct octets){key, sizeof key}, text_of("Test Using Larger Than Block-Size Key - Hash Key First")));
	assert_octets(got, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 2202 §3, the second and the sixth. */
static void test_hmac_sha1(void **state)
{
	uint8_t key[80], got[SHA1_LEN];

	(void)state;
	assert_true(crypto()->hmac_sha1(got, text_of("Jefe"), text_of("what do ya want for nothing?")));
	assert_memory_equal(got, "\xef\xfc\xdf\x6a\xe5\xeb\x2f\xa2\xd2\x74\x16\xd5\xf1\x84\xdf\x9c\x25\x9a\x7c\x79", SHA1_LEN);
	memset(key, 0xaa, sizeof key);
	assert_true(crypto()->hmac_sha1(got, (struct octets){key, sizeof key}, text_of("Test Using Larger Than Block-Size Key - Hash Key First")));
	assert_memory_equal(got, "\xaa\x4a\xe5\xe1\x52\x72\xd0\x0e\x95\x70\x56\x37\xce\x8a\x3b\x55\xed\x40\x21\x12", SHA1_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hchacha20), cmocka_unit_test(test_blake2s), cmocka_unit_test(test_x25519),
					   cmocka_unit_test(test_aead), cmocka_unit_test(test_sha256),
					   cmocka_unit_test(test_hmac_sha1)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
