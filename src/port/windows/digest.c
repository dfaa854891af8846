/* SPDX-License-Identifier: MIT */
/*
 * Digests through CNG, found at run time, or through CryptoAPI where there is no CNG (NT 5.2), so that one executable
 * runs on both. CNG objects are created anew for every message: reusable ones need Windows 8.
 */
#include "port/digest.h"

#include <windows.h>
#include <wincrypt.h>
#include <bcrypt.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct cng {
    NTSTATUS(WINAPI *open)(BCRYPT_ALG_HANDLE *, LPCWSTR, LPCWSTR, ULONG);
    NTSTATUS(WINAPI *create)(BCRYPT_ALG_HANDLE, BCRYPT_HASH_HANDLE *, PUCHAR, ULONG, PUCHAR, ULONG, ULONG);
    NTSTATUS(WINAPI *update)(BCRYPT_HASH_HANDLE, PUCHAR, ULONG, ULONG);
    NTSTATUS(WINAPI *finish)(BCRYPT_HASH_HANDLE, PUCHAR, ULONG, ULONG);
    NTSTATUS(WINAPI *destroy)(BCRYPT_HASH_HANDLE);
    BCRYPT_ALG_HANDLE provider[DIGEST_COUNT];
    HCRYPTPROV old; /* used when `create` is NULL */
};

struct digest {
    uint32_t mask;
    BCRYPT_HASH_HANDLE hash[DIGEST_COUNT];
    HCRYPTHASH old[DIGEST_COUNT];
};

static struct cng cng;
static LONG loaded; /* 0 not yet, 1 being loaded, 2 ready: InitOnce is newer than NT 5.2 */

unsigned digest_size(enum digest_algorithm algorithm)
{
    static const unsigned size[DIGEST_COUNT] = { 20, 16, 32 };
    return size[algorithm];
}

#ifndef DIGEST_WITHOUT_CNG
/* The library is taken from the system directory only: never from the directory of the program or of the user. */
static HMODULE system_library(const wchar_t *name)
{
    wchar_t path[MAX_PATH + 32];
    UINT length = GetSystemDirectoryW(path, MAX_PATH);

    if (!length || length >= MAX_PATH)
        return NULL;
    path[length] = L'\\';
    wcsncpy(path + length + 1, name, 30);
    return LoadLibraryW(path);
}
#endif

/* DIGEST_WITHOUT_CNG: for the test of the other way on a system that has both. */
static bool load_cng(void)
{
#ifdef DIGEST_WITHOUT_CNG
    return false;
#else
    static const wchar_t *const name[DIGEST_COUNT] = { BCRYPT_SHA1_ALGORITHM, BCRYPT_MD5_ALGORITHM, BCRYPT_SHA256_ALGORITHM };
    HMODULE library = system_library(L"bcrypt.dll");
    struct cng found = { 0 };

    if (!library)
        return false;
    found.open = (void *)GetProcAddress(library, "BCryptOpenAlgorithmProvider");
    found.create = (void *)GetProcAddress(library, "BCryptCreateHash");
    found.update = (void *)GetProcAddress(library, "BCryptHashData");
    found.finish = (void *)GetProcAddress(library, "BCryptFinishHash");
    found.destroy = (void *)GetProcAddress(library, "BCryptDestroyHash");
    if (!found.open || !found.create || !found.update || !found.finish || !found.destroy)
        return false;
    for (int i = 0; i < DIGEST_COUNT; i++)
        if (found.open(&found.provider[i], name[i], NULL, 0) < 0)
            found.provider[i] = NULL; /* refused by policy: digest_open says so */
    cng = found;
    return true;
#endif
}

static void load(void)
{
    if (InterlockedCompareExchange(&loaded, 1, 0) == 0) {
        if (!load_cng() && !CryptAcquireContextW(&cng.old, NULL, NULL, PROV_RSA_AES, CRYPT_VERIFYCONTEXT | CRYPT_SILENT))
            cng.old = 0;
        InterlockedExchange(&loaded, 2);
    }
    while (InterlockedCompareExchange(&loaded, 2, 2) != 2)
        Sleep(0);
}

static void drop(struct digest *digest)
{
    for (int i = 0; i < DIGEST_COUNT; i++) {
        if (digest->hash[i])
            cng.destroy(digest->hash[i]);
        if (digest->old[i])
            CryptDestroyHash(digest->old[i]);
        digest->hash[i] = NULL;
        digest->old[i] = 0;
    }
}

int digest_restart(struct digest *digest)
{
    static const ALG_ID old[DIGEST_COUNT] = { CALG_SHA1, CALG_MD5, CALG_SHA_256 };

    drop(digest);
    for (int i = 0; i < DIGEST_COUNT; i++) {
        if (!(digest->mask & DIGEST_BIT(i)))
            continue;
        if (cng.create) {
            if (!cng.provider[i] || cng.create(cng.provider[i], &digest->hash[i], NULL, 0, NULL, 0, 0) < 0)
                return -ENOTSUP;
        } else if (!cng.old || !CryptCreateHash(cng.old, old[i], 0, 0, &digest->old[i])) {
            return -ENOTSUP;
        }
    }
    return 0;
}

int digest_open(struct digest **out, uint32_t mask)
{
    struct digest *digest;
    int error;

    if (!mask || (mask & ~DIGEST_ALL))
        return -EINVAL;
    load();
    digest = calloc(1, sizeof *digest);
    if (!digest)
        return -ENOMEM;
    digest->mask = mask;
    error = digest_restart(digest);
    if (error)
        digest_close(digest);
    else
        *out = digest;
    return error;
}

static bool feed(struct digest *digest, int i, const void *data, ULONG size)
{
    if (digest->hash[i])
        return cng.update(digest->hash[i], (PUCHAR)(uintptr_t)data, size, 0) >= 0;
    return !digest->old[i] || CryptHashData(digest->old[i], data, size, 0);
}

int digest_update(struct digest *digest, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ULONG part = size > 1u << 30 ? 1u << 30 : (ULONG)size;

        for (int i = 0; i < DIGEST_COUNT; i++)
            if (!feed(digest, i, at, part))
                return -EIO;
        at += part;
        size -= part;
    }
    return 0;
}

static bool value(struct digest *digest, int i, uint8_t *out)
{
    DWORD size = digest_size(i);

    if (digest->hash[i])
        return cng.finish(digest->hash[i], out, size, 0) >= 0;
    return !digest->old[i] || CryptGetHashParam(digest->old[i], HP_HASHVAL, out, &size, 0);
}

int digest_finish(struct digest *digest, struct digest_values *out)
{
    struct digest_values values = { 0 };
    int error;

    for (int i = 0; i < DIGEST_COUNT; i++)
        if (!value(digest, i, values.value[i]))
            return -EIO;
    error = digest_restart(digest);
    if (!error)
        memcpy(out, &values, sizeof values);
    return error;
}

void digest_close(struct digest *digest)
{
    if (!digest)
        return;
    drop(digest);
    free(digest);
}
