/* SPDX-License-Identifier: MIT */
#include "linux/module_signature.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "~Module signature appended~\n"
#define MARKER_SIZE (sizeof MARKER - 1)
#define SIGNATURE_MAX (64u << 10)
#define KIND_PKCS7 2

/* Before the marker. */
struct description {
    uint8_t algorithm, hash, kind, signer_size, key_size, padding[3];
    uint8_t size[4]; /* of the signature before it, big-endian */
};

struct trailer {
    struct description description;
    char marker[MARKER_SIZE];
};
_Static_assert(sizeof(struct trailer) == 40, "trailer");

static bool common_name(const X509_NAME *name, char out[MODULE_SIGNER_SIZE])
{
    int at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, -1), size;
    unsigned char *text;

    if (at < 0)
        return false;
    size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0)
        return false;
    if (size >= MODULE_SIGNER_SIZE)
        size = MODULE_SIGNER_SIZE - 1;
    memcpy(out, text, (size_t)size);
    out[strnlen(out, (size_t)size)] = 0;
    OPENSSL_free(text);
    return true;
}

static int first_signer(CMS_ContentInfo *content, char out[MODULE_SIGNER_SIZE])
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(content);
    ASN1_OCTET_STRING *key = NULL;
    ASN1_INTEGER *serial = NULL;
    X509_NAME *issuer = NULL;

    if (!signers || sk_CMS_SignerInfo_num(signers) < 1 ||
        !CMS_SignerInfo_get0_signer_id(sk_CMS_SignerInfo_value(signers, 0), &key, &issuer, &serial))
        return -EBADMSG;
    if (!issuer || !common_name(issuer, out))
        out[0] = 0;
    return 0;
}

int module_signature_parse(const unsigned char *data, size_t size, char signer[MODULE_SIGNER_SIZE])
{
    CMS_ContentInfo *content;
    int result;

    if (size > SIGNATURE_MAX)
        return -EBADMSG;
    memset(signer, 0, MODULE_SIGNER_SIZE);
    content = d2i_CMS_ContentInfo(NULL, &data, (long)size);
    result = content ? first_signer(content, signer) : -EBADMSG;
    CMS_ContentInfo_free(content);
    ERR_clear_error();
    return result;
}

static int read_at(int fd, off_t at, void *data, size_t size)
{
    ssize_t count = pread(fd, data, size, at);

    return count == (ssize_t)size ? 0 : count < 0 ? -errno : -EBADMSG;
}

int module_signature_read(int fd, char signer[MODULE_SIGNER_SIZE])
{
    struct trailer trailer;
    unsigned char *data;
    struct stat status;
    size_t size;
    int result;

    if (fstat(fd, &status))
        return -errno;
    if (status.st_size < (off_t)sizeof trailer)
        return -ENODATA;
    result = read_at(fd, status.st_size - (off_t)sizeof trailer, &trailer, sizeof trailer);
    if (result)
        return result;
    if (memcmp(trailer.marker, MARKER, MARKER_SIZE))
        return -ENODATA;
    size = (size_t)trailer.description.size[0] << 24 | (size_t)trailer.description.size[1] << 16 |
           (size_t)trailer.description.size[2] << 8 | trailer.description.size[3];
    if (trailer.description.kind != KIND_PKCS7 || !size || size > SIGNATURE_MAX ||
        (off_t)size > status.st_size - (off_t)sizeof trailer)
        return -EBADMSG;
    data = malloc(size);
    if (!data)
        return -ENOMEM;
    result = read_at(fd, status.st_size - (off_t)sizeof trailer - (off_t)size, data, size);
    if (!result)
        result = module_signature_parse(data, size, signer);
    free(data);
    return result;
}
