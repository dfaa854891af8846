/* SPDX-License-Identifier: MIT */
/* A file system in memory, in two manners: NTFS (streams, ids, times) and FAT (none of them). */
#ifndef NTSIM_FS_H
#define NTSIM_FS_H

#include "nt.h"

struct fs_node;

struct fs_stream {
    FSRTL_ADVANCED_FCB_HEADER header; /* FILE_OBJECT.FsContext points here */
    FAST_MUTEX mutex;
    struct fs_node *node;
    WCHAR name[128];                  /* empty = the unnamed one */
    uint8_t *data;
    size_t size, room;
    bool delete_pending, gone;
    unsigned handles;                 /* not yet cleaned up */
    unsigned references;              /* file objects */
    struct fs_stream *next;
};

struct fs_node {
    WCHAR name[260];
    struct fs_node *parent, *children, *next;
    struct fs_volume *volume;
    bool directory, gone;
    uint32_t attributes;
    int64_t created, accessed, written, changed;
    uint64_t id;
    struct fs_stream *streams;
    uint8_t descriptor[512];
    size_t descriptor_size;
};

struct fs_volume {
    WCHAR device[64];                 /* \Device\HarddiskVolume1 */
    WCHAR letter;                     /* 'C', 0 = none */
    bool fat, writable;
    struct fs_node *root;
    struct fs_stream dasd;            /* opens of the volume itself */
    PDEVICE_OBJECT storage, file_system;
    struct fs_volume *next;
};

struct fs_volume *fs_mount(const WCHAR *device, WCHAR letter, bool fat);
struct fs_volume *fs_volumes(void);
struct fs_volume *fs_volume_of(PDEVICE_OBJECT file_system);
PDEVICE_OBJECT fs_control_device(bool fat);
PDRIVER_OBJECT fs_driver(bool fat);

/* For tests, without any I/O. DOS paths. */
struct fs_node *fs_plant(const WCHAR *path, const void *data, size_t size);
struct fs_node *fs_plant_directory(const WCHAR *path);
struct fs_stream *fs_plant_stream(const WCHAR *path, const WCHAR *stream, const void *data, size_t size);
struct fs_node *fs_find(const WCHAR *path);
struct fs_stream *fs_stream(struct fs_node *node, const WCHAR *name, size_t length);
/* Operations are completed later, by another thread; writes at DISPATCH_LEVEL. */
void fs_asynchronous(bool on);

size_t fs_path(const struct fs_node *node, const struct fs_stream *stream, WCHAR *text, size_t room); /* \dir\name:stream */
struct fs_stream *fs_stream_of(PFILE_OBJECT file);

void fs_begin(void);
void fs_reset(void);

#endif
