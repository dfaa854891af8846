/* SPDX-License-Identifier: MIT */
/* Signatures at the end of module files: made here as the kernel's sign-file makes them, damaged, and absent. */
#include "linux/module_signature.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define MARKER "~Module signature appended~\n"

static unsigned char *signature;
static int signature_size;

static X509 *certificate(EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);

    ASN1_INTEGER_set(X509_get_serialNumber(made), 7);
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Org", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"Build time key žluť", -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_set_pubkey(made, key);
    assert_true(X509_sign(made, key, EVP_sha256()) > 0);
    return made;
}

static int sign(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *signer = certificate(key);
    BIO *content = BIO_new_mem_buf("module", 6);
    const unsigned flags = CMS_NOCERTS | CMS_BINARY | CMS_DETACHED | CMS_NOATTR;
    CMS_ContentInfo *made = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL | CMS_STREAM);

    assert_non_null(CMS_add1_signer(made, signer, key, EVP_sha256(), flags | CMS_NOSMIMECAP));
    assert_int_equal(CMS_final(made, content, NULL, flags), 1);
    signature_size = i2d_CMS_ContentInfo(made, &signature);
    assert_true(signature_size > 0);
    CMS_ContentInfo_free(made);
    BIO_free(content);
    X509_free(signer);
    EVP_PKEY_free(key);
    return 0;
}

static int forget(void **state)
{
    OPENSSL_free(signature);
    return 0;
}

/* A file: content, signature, description, marker. */
static int module_file(uint8_t kind, uint32_t size, const char *marker)
{
    const uint8_t description[12] = { [2] = kind, [8] = (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size };
    int fd = memfd_create("module", MFD_CLOEXEC);

    assert_int_equal(write(fd, "module", 6), 6);
    assert_int_equal(write(fd, signature, (size_t)signature_size), signature_size);
    assert_int_equal(write(fd, description, sizeof description), sizeof description);
    assert_int_equal(write(fd, marker, strlen(marker)), strlen(marker));
    return fd;
}

static int read_of(int fd, char signer[MODULE_SIGNER_SIZE])
{
    int result = module_signature_read(fd, signer);

    close(fd);
    return result;
}

static void test_signer(void **state)
{
    char signer[MODULE_SIGNER_SIZE];

    assert_int_equal(read_of(module_file(2, (uint32_t)signature_size, MARKER), signer), 0);
    assert_string_equal(signer, "Build time key žluť");
}

static void test_none(void **state)
{
    char signer[MODULE_SIGNER_SIZE];

    assert_int_equal(read_of(module_file(2, (uint32_t)signature_size, "~Module signature appended!\n"), signer), -ENODATA);
    assert_int_equal(read_of(memfd_create("empty", MFD_CLOEXEC), signer), -ENODATA);
}

static void test_damaged(void **state)
{
    char signer[MODULE_SIGNER_SIZE];

    assert_int_equal(read_of(module_file(1, (uint32_t)signature_size, MARKER), signer), -EBADMSG);
    assert_int_equal(read_of(module_file(2, 0, MARKER), signer), -EBADMSG);
    assert_int_equal(read_of(module_file(2, UINT32_MAX, MARKER), signer), -EBADMSG);
    assert_int_equal(read_of(module_file(2, (uint32_t)signature_size + 7, MARKER), signer), -EBADMSG);
    for (int size = 0; size < signature_size; size++)
        assert_int_equal(module_signature_parse(signature, (size_t)size, signer), -EBADMSG);
    for (int i = 0; i < signature_size; i++) { /* must not crash or run out of bounds; any answer is allowed */
        signature[i] ^= 0x55;
        module_signature_parse(signature, (size_t)signature_size, signer);
        assert_true(memchr(signer, 0, sizeof signer));
        signature[i] ^= 0x55;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, sign, forget);
}
