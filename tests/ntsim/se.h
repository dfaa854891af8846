/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_SE_H
#define NTSIM_SE_H

#include "nt.h"

struct sid {
    uint8_t bytes[68];
    uint8_t length;
};

struct token {
    struct sid user;
    uint32_t integrity;      /* RID; 0xffffffff = none (before 6.0) */
    LUID logon_id, token_id;
    uint32_t session;
    bool admin, app_container, impersonation;
};

struct token *se_token(const char *sid, uint32_t integrity, uint32_t logon_low, uint32_t session, bool admin);
struct sid se_sid(const char *text); /* "S-1-5-18" */
void se_begin(void);

/* May `token` get `access` to an object with this descriptor (DACL only; NULL DACL = yes)? */
bool se_access(PSECURITY_DESCRIPTOR descriptor, struct token *token, ACCESS_MASK access);

#endif
