/* SPDX-License-Identifier: MIT */
/*
 * The signature at the end of a kernel module's file: PKCS#7, its description and `~Module signature appended~` (kernel,
 * include/linux/module_signature.h). It is read, not verified: the kernel has done that, with its own keys.
 */
#pragma once

#include <stddef.h>

/* The common name of who signed. */
#define MODULE_SIGNER_SIZE 256

/*
 * `signer` is terminated; empty when the signature does not say who. -ENODATA: there is no signature; -EBADMSG: it is damaged;
 * or a negative errno of reading.
 */
int module_signature_read(int fd, char signer[MODULE_SIGNER_SIZE]);
/* The PKCS#7 part alone. */
int module_signature_parse(const unsigned char *data, size_t size, char signer[MODULE_SIGNER_SIZE]);
