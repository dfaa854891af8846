/* SPDX-License-Identifier: MIT */
/* What a verification result is called (spec 09 section 9.3). Portable. */
#include "translate.h"

#include <stdio.h>
#include <string.h>

void signature_describe(struct signature *out, uint32_t result, const char *signer);

/* One table, so that it can be changed in one place. A result that is not here is `?`. */
static const struct {
    uint32_t result;
    const char *is_signed, *status;
} table[] = {
    { 0x00000000, "true", "Valid" },
    { 0x800B0100, "false", "Unavailable" },   /* TRUST_E_NOSIGNATURE */
    { 0x800B0003, "false", "Unavailable" },   /* TRUST_E_SUBJECT_FORM_UNKNOWN: not even a kind of file that can be signed */
    { 0x800B0001, "false", "Unavailable" },   /* TRUST_E_PROVIDER_UNKNOWN */
    { 0x80092009, "false", "Unavailable" },   /* CRYPT_E_NO_MATCH */
    { 0x00000057, "false", "Unavailable" },   /* too short to be a PE file */
    { 0x00000002, "false", "Unavailable" },   /* file gone */
    { 0x00000003, "false", "Unavailable" },
    { 0x00000020, "false", "Unavailable" },   /* in use */
    { 0x800B0101, "true", "Expired" },        /* CERT_E_EXPIRED */
    { 0x800B010C, "true", "Revoked" },        /* CERT_E_REVOKED */
    { 0x80092010, "true", "Revoked" },        /* CRYPT_E_REVOKED */
    { 0x800B0111, "true", "Revoked" },        /* TRUST_E_EXPLICIT_DISTRUST */
    { 0x800B010E, "true", "Valid" },          /* CERT_E_REVOCATION_FAILURE: the server could not be asked */
    { 0x80092013, "true", "Valid" },          /* CRYPT_E_REVOCATION_OFFLINE */
    { 0x80092012, "true", "Valid" },          /* CRYPT_E_NO_REVOCATION_CHECK */
    { 0x800B010A, "true", "errorChaining" },  /* CERT_E_CHAINING */
    { 0x80096010, "failed: Invalid hash", "?" }, /* TRUST_E_BAD_DIGEST: signed, and changed afterwards */
    { 0x80091007, "failed: Invalid hash", "?" }, /* CRYPT_E_HASH_VALUE */
};

void signature_describe(struct signature *out, uint32_t result, const char *signer)
{
    const char *is_signed = "true", *status = "?";

    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].result == result) {
            is_signed = table[i].is_signed;
            status = table[i].status;
        }
    snprintf(out->is_signed, sizeof(out->is_signed), "%s", is_signed);
    snprintf(out->status, sizeof(out->status), "%s", status);
    snprintf(out->signer, sizeof(out->signer), "%s", strcmp(is_signed, "false") ? signer : "");
}
