/* SPDX-License-Identifier: MIT */
/* One signature verification through WinVerifyTrust. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

/*
 * Result of WinVerifyTrust for an open file (0: valid), embedded signature first, then the system's catalogues. `path` is for the
 * verifier's messages. `signer` gets the name in UTF-8, also when the result is bad and one could be read. May take seconds, with
 * `check_revocation` as long as the network does; without, nothing is fetched.
 */
uint32_t verify_file(HANDLE file, const char *path, bool check_revocation, char *signer, size_t size);
