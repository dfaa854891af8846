/* SPDX-License-Identifier: MIT */
/*
 * Most files of Windows itself are signed by catalogue only, and a catalogue costs a hash of the whole file: so the embedded signature is
 * tried first and the catalogues only when there is none. A file whose embedded signature is broken stays broken.
 */
#include "verify.h"
#include "system.h"
#include "wide.h"

#include <initguid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <softpub.h>
#include <wintrust.h>
/* After wintrust.h */
#include <mscat.h>

#define CACHE_ONLY_URL_RETRIEVAL 0x1000
#define HASH_LIMIT 64

/* Everything from wintrust.dll and crypt32.dll at run time: they are no known DLLs, and old systems lack some of it. */
struct verifier {
    LONG(WINAPI *verify)(HWND, GUID *, void *);
    CRYPT_PROVIDER_DATA *(WINAPI *provider_data)(HANDLE);
    CRYPT_PROVIDER_SGNR *(WINAPI *signer)(CRYPT_PROVIDER_DATA *, DWORD, BOOL, DWORD);
    CRYPT_PROVIDER_CERT *(WINAPI *certificate)(CRYPT_PROVIDER_SGNR *, DWORD);
    DWORD(WINAPI *name)(PCCERT_CONTEXT, DWORD, DWORD, void *, LPWSTR, DWORD);
    BOOL(WINAPI *acquire2)(HCATADMIN *, const GUID *, LPCWSTR, const void *, DWORD);
    BOOL(WINAPI *acquire)(HCATADMIN *, const GUID *, DWORD);
    BOOL(WINAPI *hash2)(HCATADMIN, HANDLE, DWORD *, BYTE *, DWORD);
    BOOL(WINAPI *hash)(HANDLE, DWORD *, BYTE *, DWORD);
    HCATINFO(WINAPI *find)(HCATADMIN, BYTE *, DWORD, DWORD, HCATINFO *);
    BOOL(WINAPI *info)(HCATINFO, CATALOG_INFO *, DWORD);
    BOOL(WINAPI *release_catalog)(HCATADMIN, HCATINFO, DWORD);
    BOOL(WINAPI *release)(HCATADMIN, DWORD);
};

static struct verifier v;

#if !(_WIN32_WINNT < 0x0602)
#error the catalogue structure below would have its handle twice
#endif

static bool load(void)
{
    static const char trust[] = "wintrust.dll";

    if (v.verify)
        return true;
    v.provider_data = system_function(trust, "WTHelperProvDataFromStateData");
    v.signer = system_function(trust, "WTHelperGetProvSignerFromChain");
    v.certificate = system_function(trust, "WTHelperGetProvCertFromChain");
    v.name = system_function("crypt32.dll", "CertGetNameStringW");
    v.acquire2 = system_function(trust, "CryptCATAdminAcquireContext2");
    v.acquire = system_function(trust, "CryptCATAdminAcquireContext");
    v.hash2 = system_function(trust, "CryptCATAdminCalcHashFromFileHandle2");
    v.hash = system_function(trust, "CryptCATAdminCalcHashFromFileHandle");
    v.find = system_function(trust, "CryptCATAdminEnumCatalogFromHash");
    v.info = system_function(trust, "CryptCATCatalogInfoFromContext");
    v.release_catalog = system_function(trust, "CryptCATAdminReleaseCatalogContext");
    v.release = system_function(trust, "CryptCATAdminReleaseContext");
    v.verify = system_function(trust, "WinVerifyTrust");
    return v.verify;
}

static void read_signer(HANDLE state, char *out, size_t size)
{
    CRYPT_PROVIDER_DATA *data = v.provider_data ? v.provider_data(state) : NULL;
    CRYPT_PROVIDER_SGNR *signer = data && v.signer ? v.signer(data, 0, FALSE, 0) : NULL;
    CRYPT_PROVIDER_CERT *certificate = signer && v.certificate ? v.certificate(signer, 0) : NULL;
    wchar_t name[256];
    char *utf8;

    if (!certificate || !v.name || v.name(certificate->pCert, CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, NULL, name, 256) <= 1)
        return;
    utf8 = wide_to_utf8(name);
    if (utf8)
        snprintf(out, size, "%s", utf8);
    free(utf8);
}

/* State data may exist after failures too: it is always closed. */
static uint32_t run(WINTRUST_DATA *data, bool check_revocation, char *signer, size_t size)
{
    GUID action = WINTRUST_ACTION_GENERIC_VERIFY_V2;
    LONG result;

    data->cbStruct = sizeof(*data);
    data->dwUIChoice = WTD_UI_NONE;
    data->dwStateAction = WTD_STATEACTION_VERIFY;
    data->fdwRevocationChecks = check_revocation ? WTD_REVOKE_WHOLECHAIN : WTD_REVOKE_NONE;
    data->dwProvFlags = check_revocation ? WTD_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT
                                         : WTD_REVOCATION_CHECK_NONE | CACHE_ONLY_URL_RETRIEVAL;
    result = v.verify(INVALID_HANDLE_VALUE, &action, data);
    if (data->hWVTStateData)
        read_signer(data->hWVTStateData, signer, size);
    data->dwStateAction = WTD_STATEACTION_CLOSE;
    v.verify(INVALID_HANDLE_VALUE, &action, data);
    return (uint32_t)result;
}

static uint32_t verify_embedded(HANDLE file, const wchar_t *path, bool check_revocation, char *signer, size_t size)
{
    WINTRUST_FILE_INFO info = { .cbStruct = sizeof(info), .pcwszFilePath = path, .hFile = file };
    WINTRUST_DATA data = { .dwUnionChoice = WTD_CHOICE_FILE, .pFile = &info };

    return run(&data, check_revocation, signer, size);
}

struct catalogue_query {
    HANDLE file;
    const wchar_t *path;
    bool check_revocation;
    char *signer;
    size_t size;
};

static bool file_hash(HCATADMIN admin, bool modern, HANDLE file, BYTE out[HASH_LIMIT], DWORD *size)
{
    LARGE_INTEGER zero = { .QuadPart = 0 };

    *size = HASH_LIMIT;
    SetFilePointerEx(file, zero, NULL, FILE_BEGIN);
    if (modern)
        return v.hash2 && v.hash2(admin, file, size, out, 0);
    return v.hash && v.hash(file, size, out, 0);
}

static uint32_t verify_member(const struct catalogue_query *query, HCATADMIN admin, HCATINFO catalogue, BYTE *hash, DWORD hash_size)
{
    CATALOG_INFO where = { .cbStruct = sizeof(where) };
    wchar_t tag[2 * HASH_LIMIT + 1];
    /* Windows 8 added the catalogue handle, which names the hash algorithm; older ones want the shorter structure. */
    struct {
        WINTRUST_CATALOG_INFO base;
        HCATADMIN admin;
    } info = { { .pcwszMemberTag = tag, .pcwszMemberFilePath = query->path, .hMemberFile = query->file,
                 .pbCalculatedFileHash = hash, .cbCalculatedFileHash = hash_size }, admin };
    WINTRUST_DATA data = { .dwUnionChoice = WTD_CHOICE_CATALOG, .pCatalog = &info.base };

    if (!v.info(catalogue, &where, 0))
        return (uint32_t)TRUST_E_NOSIGNATURE;
    info.base.cbStruct = system_version() >= 0x0602 ? sizeof(info) : sizeof(info.base);
    info.base.pcwszCatalogFilePath = where.wszCatalogFile;
    for (DWORD i = 0; i < hash_size; i++)
        swprintf(tag + 2 * i, 3, L"%02X", hash[i]);
    return run(&data, query->check_revocation, query->signer, query->size);
}

/* `modern`: SHA-256 catalogues (Windows 8); else those of SHA-1. */
static uint32_t verify_catalogues(const struct catalogue_query *query, bool modern)
{
    uint32_t result = (uint32_t)TRUST_E_NOSIGNATURE;
    BYTE hash[HASH_LIMIT];
    HCATADMIN admin = NULL;
    DWORD size;

    if (!v.find || !v.info || !v.release || !v.release_catalog)
        return result;
    if (modern ? !v.acquire2 || !v.acquire2(&admin, NULL, L"SHA256", NULL, 0) : !v.acquire || !v.acquire(&admin, NULL, 0))
        return result;
    if (file_hash(admin, modern, query->file, hash, &size)) {
        HCATINFO catalogue = v.find(admin, hash, size, 0, NULL);

        if (catalogue) {
            result = verify_member(query, admin, catalogue, hash, size);
            v.release_catalog(admin, catalogue, 0);
        }
    }
    v.release(admin, 0);
    return result;
}

uint32_t verify_file(HANDLE file, const char *path, bool check_revocation, char *signer, size_t size)
{
    wchar_t *wide = wide_from_utf8(path);
    struct catalogue_query query = { file, wide, check_revocation, signer, size };
    uint32_t result = (uint32_t)TRUST_E_PROVIDER_UNKNOWN;

    *signer = 0;
    if (wide && load()) {
        result = verify_embedded(file, wide, check_revocation, signer, size);
        if (result == (uint32_t)TRUST_E_NOSIGNATURE)
            result = verify_catalogues(&query, true);
        if (result == (uint32_t)TRUST_E_NOSIGNATURE)
            result = verify_catalogues(&query, false);
    }
    free(wide);
    return result;
}
