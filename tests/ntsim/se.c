/* SPDX-License-Identifier: MIT */
/* Tokens, SIDs, descriptors as far as a driver meets them. */
#include "se.h"

#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "mm.h"
#include "ob.h"
#include "pool.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

struct object_type ob_token_type = {"Token", NULL, NULL, NULL, NULL};

struct sid se_sid(const char *text)
{
    struct sid sid = {{1}, 8};
    uint32_t authority;

    text += 4; /* "S-1-" */
    authority = (uint32_t)strtoul(text, (char **)&text, 10);
    sid.bytes[7] = (uint8_t)authority;
    while (*text == '-') {
        uint32_t sub = (uint32_t)strtoul(text + 1, (char **)&text, 10);

        memcpy(sid.bytes + sid.length, &sub, 4);
        sid.length += 4;
        sid.bytes[1]++;
    }
    return sid;
}

struct token *se_token(const char *sid, uint32_t integrity, uint32_t logon_low, uint32_t session, bool admin)
{
    static uint32_t next_id = 0x1000;
    struct token *token = ob_create(&ob_token_type, sizeof *token);

    token->user = se_sid(sid);
    token->integrity = integrity;
    token->logon_id.LowPart = logon_low;
    token->token_id.LowPart = next_id++;
    token->session = session;
    token->admin = admin;
    return token;
}

/* --- SeExports: only the members that old and new layouts share ----------------------------------------------------------- */

static struct sid known[4];
static SE_EXPORTS *se_exports;
typeof(se_exports) nt_SeExports;
static struct export export_SeExports = {"SeExports", (void *)&nt_SeExports, CANNOT_FAIL, sizeof nt_SeExports, NULL};
static void __attribute__((constructor)) register_SeExports(void) { export_add(&export_SeExports); }

void se_begin(void)
{
    known[0] = se_sid("S-1-1-0");
    known[1] = se_sid("S-1-5-18");
    known[2] = se_sid("S-1-5-32-544");
    se_exports = mm_allocate(BLOCK_OBJECT, sizeof *se_exports, 'xeeS', 0);
    memset(se_exports, 0, sizeof *se_exports);
    se_exports->SeWorldSid = known[0].bytes;
    se_exports->SeLocalSystemSid = known[1].bytes;
    se_exports->SeAliasAdminsSid = known[2].bytes;
    nt_SeExports = se_exports;
}

/* --- token queries ------------------------------------------------------------------------------------------------------------ */

static NTSTATUS give_block(const void *data, size_t size, PVOID *buffer)
{
    *buffer = pool_for_driver(BLOCK_PAGED, size, 'nkoT');
    memcpy(*buffer, data, size);
    return STATUS_SUCCESS;
}

static NTSTATUS give_user(struct token *token, PVOID *buffer)
{
    TOKEN_USER *user = pool_for_driver(BLOCK_PAGED, sizeof *user + token->user.length, 'nkoT');

    user->User.Sid = user + 1;
    user->User.Attributes = 0;
    memcpy(user + 1, token->user.bytes, token->user.length);
    *buffer = user;
    return STATUS_SUCCESS;
}

static NTSTATUS give_statistics(struct token *token, PVOID *buffer)
{
    TOKEN_STATISTICS statistics = {.TokenId = token->token_id, .AuthenticationId = token->logon_id};

    return give_block(&statistics, sizeof statistics, buffer);
}

/* Session, integrity and AppContainer are put into the pointer variable itself (spec 08 section 4.1, traps). */
static NTSTATUS give_word(ULONG value, PVOID *buffer)
{
    memcpy(buffer, &value, sizeof value);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, SeQueryInformationToken, (PACCESS_TOKEN body, TOKEN_INFORMATION_CLASS class, PVOID *buffer))
{
    struct token *token = body;

    ob_is(token, &ob_token_type);
    switch ((int)class) {
    case 1:
        return give_user(token, buffer);
    case 10:
        return give_statistics(token, buffer);
    case 12:
        return give_word(token->session, buffer);
    case 20: /* TokenElevation */
        return nt_at_least(VISTA) ? give_block(&(ULONG){token->admin}, sizeof(ULONG), buffer) : STATUS_INVALID_INFO_CLASS;
    case 25:
        return nt_at_least(VISTA) ? give_word(token->integrity, buffer) : STATUS_INVALID_INFO_CLASS;
    case 29:
        return nt_at_least(WIN8) ? give_word(token->app_container, buffer) : STATUS_INVALID_INFO_CLASS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

EXPORT(NTSTATUS, SeQueryAuthenticationIdToken, (PACCESS_TOKEN body, PLUID id))
{
    *id = ((struct token *)body)->logon_id;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, SeQuerySessionIdToken, (PACCESS_TOKEN body, PULONG session))
{
    *session = ((struct token *)body)->session;
    return STATUS_SUCCESS;
}
EXPORT(BOOLEAN, SeTokenIsAdmin, (PACCESS_TOKEN body)) { return ((struct token *)body)->admin; }
EXPORT(TOKEN_TYPE, SeTokenType, (PACCESS_TOKEN body)) { return ((struct token *)body)->impersonation ? TokenImpersonation : TokenPrimary; }

EXPORT(PACCESS_TOKEN, PsReferencePrimaryToken, (PEPROCESS body))
{
    struct process *process = (struct process *)body;

    ob_is(process, &ob_process_type);
    ob_reference(process->token);
    ob_give(process->token);
    return process->token;
}

static void drop_token(PACCESS_TOKEN token)
{
    ob_take_back(token);
    ob_dereference(token);
}
EXPORT(VOID, PsDereferencePrimaryToken, (PACCESS_TOKEN token)) { drop_token(token); }
EXPORT(VOID, PsDereferenceImpersonationToken, (PACCESS_TOKEN token))
{
    if (token)
        drop_token(token);
}

EXPORT(PACCESS_TOKEN, PsReferenceImpersonationToken, (PETHREAD body, PBOOLEAN copy, PBOOLEAN effective, PSECURITY_IMPERSONATION_LEVEL level))
{
    struct thread *thread = (struct thread *)body;

    if (!thread->impersonation)
        return NULL;
    *copy = *effective = FALSE;
    *level = SecurityImpersonation;
    ob_reference(thread->impersonation);
    ob_give(thread->impersonation);
    return thread->impersonation;
}

/* The subject: primary and impersonation token of the current thread, referenced until released. */
EXPORT(VOID, SeCaptureSubjectContext, (PSECURITY_SUBJECT_CONTEXT context))
{
    memset(context, 0, sizeof *context);
    context->PrimaryToken = nt_PsReferencePrimaryToken((PEPROCESS)ps_current());
    if (current_thread()->impersonation) {
        context->ClientToken = current_thread()->impersonation;
        ob_reference(context->ClientToken);
        ob_give(context->ClientToken);
    }
}
EXPORT(VOID, SeReleaseSubjectContext, (PSECURITY_SUBJECT_CONTEXT context))
{
    drop_token(context->PrimaryToken);
    if (context->ClientToken)
        drop_token(context->ClientToken);
    memset(context, 0, sizeof *context);
}
EXPORT(VOID, SeLockSubjectContext, (PSECURITY_SUBJECT_CONTEXT context)) { (void)context; }
EXPORT(VOID, SeUnlockSubjectContext, (PSECURITY_SUBJECT_CONTEXT context)) { (void)context; }

/* --- SIDs, ACLs, descriptors ------------------------------------------------------------------------------------------------------ */

static size_t sid_length(const void *sid) { return 8 + 4u * ((const uint8_t *)sid)[1]; }

EXPORT(ULONG, RtlLengthSid, (PSID sid)) { return (ULONG)sid_length(sid); }
EXPORT(BOOLEAN, RtlValidSid, (PSID sid)) { return sid && ((uint8_t *)sid)[0] == 1 && ((uint8_t *)sid)[1] <= 15; }
EXPORT(BOOLEAN, RtlEqualSid, (PSID a, PSID b)) { return sid_length(a) == sid_length(b) && memcmp(a, b, sid_length(a)) == 0; }
EXPORT(NTSTATUS, RtlCopySid, (ULONG room, PSID to, PSID from))
{
    if (room < sid_length(from))
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(to, from, sid_length(from));
    return STATUS_SUCCESS;
}
EXPORT(PULONG, RtlSubAuthoritySid, (PSID sid, ULONG index)) { return (PULONG)((uint8_t *)sid + 8 + 4 * index); }
EXPORT(PUCHAR, RtlSubAuthorityCountSid, (PSID sid)) { return (PUCHAR)sid + 1; }
EXPORT(ULONG, RtlLengthRequiredSid, (ULONG count)) { return 8 + 4 * count; }
EXPORT(NTSTATUS, RtlInitializeSid, (PSID sid, PSID_IDENTIFIER_AUTHORITY authority, UCHAR count))
{
    memset(sid, 0, 8 + 4u * count);
    ((uint8_t *)sid)[0] = 1;
    ((uint8_t *)sid)[1] = count;
    memcpy((uint8_t *)sid + 2, authority, 6);
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, RtlCreateAcl, (PACL acl, ULONG size, ULONG revision))
{
    if (size < sizeof *acl || (revision != 2 && revision != 4))
        return STATUS_INVALID_PARAMETER;
    memset(acl, 0, sizeof *acl);
    acl->AclRevision = (UCHAR)revision;
    acl->AclSize = (USHORT)size;
    return STATUS_SUCCESS;
}

static uint8_t *acl_end(PACL acl)
{
    uint8_t *at = (uint8_t *)(acl + 1);

    for (unsigned i = 0; i < acl->AceCount; i++)
        at += ((PACE_HEADER)at)->AceSize;
    return at;
}

static NTSTATUS add_ace(PACL acl, UCHAR type, ULONG flags, ACCESS_MASK access, PSID sid)
{
    ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)acl_end(acl);
    size_t size = 8 + sid_length(sid);

    if ((uint8_t *)ace + size > (uint8_t *)acl + acl->AclSize)
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    ace->Header.AceType = type;
    ace->Header.AceFlags = (UCHAR)flags;
    ace->Header.AceSize = (USHORT)size;
    ace->Mask = access;
    memcpy(&ace->SidStart, sid, sid_length(sid));
    acl->AceCount++;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlAddAccessAllowedAce, (PACL acl, ULONG revision, ACCESS_MASK access, PSID sid))
{
    (void)revision;
    return add_ace(acl, ACCESS_ALLOWED_ACE_TYPE, 0, access, sid);
}
EXPORT(NTSTATUS, RtlAddAccessAllowedAceEx, (PACL acl, ULONG revision, ULONG flags, ACCESS_MASK access, PSID sid))
{
    (void)revision;
    return add_ace(acl, ACCESS_ALLOWED_ACE_TYPE, flags, access, sid);
}
EXPORT(NTSTATUS, RtlGetAce, (PACL acl, ULONG index, PVOID *ace))
{
    uint8_t *at = (uint8_t *)(acl + 1);

    if (index >= acl->AceCount)
        return STATUS_INVALID_PARAMETER;
    while (index--)
        at += ((PACE_HEADER)at)->AceSize;
    *ace = at;
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, RtlCreateSecurityDescriptor, (PSECURITY_DESCRIPTOR descriptor, ULONG revision))
{
    memset(descriptor, 0, sizeof(SECURITY_DESCRIPTOR));
    ((PISECURITY_DESCRIPTOR)descriptor)->Revision = (UCHAR)revision;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlSetDaclSecurityDescriptor, (PSECURITY_DESCRIPTOR descriptor, BOOLEAN present, PACL dacl, BOOLEAN defaulted))
{
    PISECURITY_DESCRIPTOR d = (PISECURITY_DESCRIPTOR)descriptor;

    d->Dacl = present ? dacl : NULL;
    d->Control = (SECURITY_DESCRIPTOR_CONTROL)((d->Control & ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED)) | (present ? SE_DACL_PRESENT : 0) |
                                               (defaulted ? SE_DACL_DEFAULTED : 0));
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlSetOwnerSecurityDescriptor, (PSECURITY_DESCRIPTOR descriptor, PSID owner, BOOLEAN defaulted))
{
    (void)defaulted;
    ((PISECURITY_DESCRIPTOR)descriptor)->Owner = owner;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlSetGroupSecurityDescriptor, (PSECURITY_DESCRIPTOR descriptor, PSID group, BOOLEAN defaulted))
{
    (void)defaulted;
    ((PISECURITY_DESCRIPTOR)descriptor)->Group = group;
    return STATUS_SUCCESS;
}
EXPORT(BOOLEAN, RtlValidSecurityDescriptor, (PSECURITY_DESCRIPTOR descriptor)) { return ((PISECURITY_DESCRIPTOR)descriptor)->Revision == 1; }

/* DACL of an absolute or self-relative descriptor. */
static PACL dacl_of(PSECURITY_DESCRIPTOR descriptor)
{
    PISECURITY_DESCRIPTOR d = (PISECURITY_DESCRIPTOR)descriptor;

    if (!d || !(d->Control & SE_DACL_PRESENT))
        return NULL;
    if (d->Control & SE_SELF_RELATIVE)
        return (PACL)((uint8_t *)d + ((PISECURITY_DESCRIPTOR_RELATIVE)d)->Dacl);
    return d->Dacl;
}

static bool has_sid(const struct token *token, PSID sid)
{
    if (nt_RtlEqualSid((PSID)token->user.bytes, sid) || nt_RtlEqualSid(known[0].bytes, sid))
        return true;
    return token->admin && nt_RtlEqualSid(known[2].bytes, sid);
}

bool se_access(PSECURITY_DESCRIPTOR descriptor, struct token *token, ACCESS_MASK access)
{
    PACL dacl = dacl_of(descriptor);
    uint8_t *at = (uint8_t *)(dacl + 1);

    if (!dacl)
        return true;
    for (unsigned i = 0; i < dacl->AceCount && access; i++, at += ((PACE_HEADER)at)->AceSize) {
        ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)at;

        if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && has_sid(token, &ace->SidStart))
            access &= ~(ace->Mask & 0x10000000 ? 0xffffffff : ace->Mask);
    }
    return access == 0;
}
