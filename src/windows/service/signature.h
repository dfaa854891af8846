/* SPDX-License-Identifier: MIT */
/*
 * Signatures of image files (spec 09 sections 9.2 to 9.4): embedded or by catalogue, verified on a thread of its own, remembered
 * by the file's identity.
 */
#pragma once

#include "translate.h"

#include <windows.h>

struct signatures;

/* `done` comes on the verifying thread, with a copy of the record that was queued. */
typedef void (*signature_done)(void *context, const struct signature *signature, const void *record, size_t size);

DWORD signatures_open(struct signatures **out, signature_done done, void *context);
/* Ends the thread after the verification under way; what is still queued is answered `failed`, nothing more is taken. */
void signatures_stop(struct signatures *signatures);
/* NULL is allowed. */
void signatures_close(struct signatures *signatures);
/* `limit`: records that may wait, 0 = the default. */
void signatures_configure(struct signatures *signatures, bool check_revocation, unsigned limit);

/* A remembered answer for the DOS path. False: not known (yet). */
bool signatures_find(struct signatures *signatures, struct match_text path, struct signature *out);
/* Queues a record until its file is verified. False: the queue is full, the signature stays unknown. */
bool signatures_queue(struct signatures *signatures, struct match_text path, const void *record, size_t size);

/* Signed, Signature and SignatureStatus for a result of WinVerifyTrust. Portable (signature_text.c). */
void signature_describe(struct signature *out, uint32_t result, const char *signer);
