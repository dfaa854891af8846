/* SPDX-License-Identifier: MIT */
/* Events 19 to 21 of what WMI tells about permanent subscriptions (spec 02 section 3.18, 09 section 7.1). Portable. */
#pragma once

#include "translate.h"

/* Properties of the object that changed, as a row of these. */
enum wmi_text {
    WMI_TEXT_NAME,
    WMI_TEXT_NAMESPACE,   /* filter */
    WMI_TEXT_QUERY,
    WMI_TEXT_COMMAND,     /* CommandLineEventConsumer: CommandLineTemplate … */
    WMI_TEXT_EXECUTABLE,  /* … ExecutablePath when that is NULL */
    WMI_TEXT_SCRIPT,      /* ActiveScriptEventConsumer: ScriptText … */
    WMI_TEXT_SCRIPT_FILE, /* … ScriptFileName */
    WMI_TEXT_CONSUMER,    /* binding */
    WMI_TEXT_FILTER,
    WMI_TEXT_COUNT
};

struct wmi_change {
    uint64_t time;
    struct match_text event_class, target_class; /* __CLASS of the event and of its TargetInstance */
    struct match_text text[WMI_TEXT_COUNT];      /* size 0: NULL */
    const uint8_t *sid;                          /* CreatorSID, not trusted */
    uint32_t sid_size;
};

/* Changes travel through the queue packed, texts and SID behind the sizes; at most WMI_PACKED_LIMIT bytes, longer texts are cut. */
#define WMI_PACKED_LIMIT (256u << 10)
/* Bytes needed; written when `out` is not NULL. */
size_t wmi_pack(void *out, const struct wmi_change *change);
/* `change` points into `data`. -EBADMSG. */
int wmi_unpack(struct wmi_change *change, const void *data, size_t size);

/* A blank, then the text in double quotes with the escapes of MOF. */
struct match_text wmi_quote(struct pool *pool, struct match_text text);
/* Sizes agree, as they must before a SID is used. */
bool wmi_sid_is_sound(const uint8_t *sid, uint32_t size);

/* 0; -ENOENT: a class that is no event (other consumers, other operations). */
int wmi_event(struct translator *translator, struct pool *pool, const struct wmi_change *change, struct event *out);
