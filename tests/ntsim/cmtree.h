/* SPDX-License-Identifier: MIT */
/* Shared by cm.c and cmcallback.c only. */
#ifndef NTSIM_CMTREE_H
#define NTSIM_CMTREE_H

#include "nt.h"

enum { KEY_CHARS = 260 };

struct key_value {
    WCHAR name[KEY_CHARS];
    ULONG type, size;
    uint8_t *data;
    struct key_value *next;
};

struct key_node {
    WCHAR name[KEY_CHARS];
    bool deleted;
    struct key_node *parent, *children, *next;
    struct key_value *values;
};

struct key_body { /* the body of a key object */
    struct key_node *node;
    bool dying;
    void *transaction;
    void *object_context; /* CmSetCallbackObjectContext */
};

struct key_node *cm_node(struct key_node *from, const WCHAR *path, size_t length, bool make, bool *made);
size_t cm_node_path(const struct key_node *node, WCHAR *text, size_t room);
struct key_value *cm_value(struct key_node *node, const WCHAR *name, size_t length);
void cm_value_set(struct key_node *node, const WCHAR *name, size_t length, ULONG type, const void *data, ULONG size);
bool cm_value_delete(struct key_node *node, const WCHAR *name, size_t length);
struct key_body *cm_key(struct key_node *node);
struct key_body *cm_body(HANDLE handle);
void cm_changed(struct key_node *node);
void cm_forget_watches(void *body);
void cm_callbacks_reset(void);

#endif
