/* SPDX-License-Identifier: MIT */
/*
 * The filter manager as far as this driver uses it: own declarations of the published interface (spec 08 section 1), so that
 * neither fltKernel.h nor an import of FLTMGR.SYS is needed. Routines are found in the loaded manager at run time, because
 * some systems of NT 5.2 have none, and a missing import would keep the driver from loading.
 */
#pragma once

#include "nt.h"

typedef struct flt_filter *PFLT_FILTER;
typedef struct flt_instance *PFLT_INSTANCE;
typedef struct flt_volume *PFLT_VOLUME;
typedef PVOID PFLT_CONTEXT;

#define FLT_REGISTRATION_6_0 0x0202
#define FLT_REGISTRATION_6_2 0x0203
#define FLTFL_REGISTRATION_SUPPORT_NPFS_MSFS 2u
#define FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO 1u
#define FLTFL_FILTER_UNLOAD_MANDATORY 1u
#define FLTFL_POST_OPERATION_DRAINING 1u
#define FLTFL_CALLBACK_DATA_IRP_OPERATION 1u
#define FLTFL_CALLBACK_DATA_FAST_IO_OPERATION 2u
#define FLTFL_CALLBACK_DATA_SYSTEM_BUFFER 8u
#define FLTFL_IO_OPERATION_DO_NOT_UPDATE_BYTE_OFFSET 4u

#define FLT_INSTANCE_CONTEXT 2
#define FLT_STREAM_CONTEXT 8
#define FLT_CONTEXT_END 0xFFFF
#define FLT_SET_CONTEXT_KEEP_IF_EXISTS 1

#define FLT_FILE_NAME_NORMALIZED 1u
#define FLT_FILE_NAME_OPENED 2u
#define FLT_FILE_NAME_QUERY_DEFAULT 0x100u

#define FLT_FSTYPE_NTFS 2u
#define FLT_FSTYPE_CSVFS 27u
#define FLT_FSTYPE_REFS 28u

#define IRP_MJ_OPERATION_END ((UCHAR)0x80)

#define STATUS_FLT_DO_NOT_ATTACH ((NTSTATUS)0xC01C000F)
#define STATUS_FLT_DO_NOT_DETACH ((NTSTATUS)0xC01C0010)
#define STATUS_FLT_CONTEXT_ALREADY_DEFINED ((NTSTATUS)0xC01C0002)

/* Masks of FLT_PREOP_CALLBACK_STATUS and FLT_POSTOP_CALLBACK_STATUS */
typedef enum {
    FLT_PREOP_SUCCESS_WITH_CALLBACK,
    FLT_PREOP_SUCCESS_NO_CALLBACK,
    FLT_PREOP_PENDING,
    FLT_PREOP_DISALLOW_FASTIO,
    FLT_PREOP_COMPLETE,
    FLT_PREOP_SYNCHRONIZE,
} FLT_PREOP_CALLBACK_STATUS;

typedef enum { FLT_POSTOP_FINISHED_PROCESSING, FLT_POSTOP_MORE_PROCESSING_REQUIRED } FLT_POSTOP_CALLBACK_STATUS;

#ifndef _WIN64
#pragma pack(push, 4) /* only on x86, and only this union (spec 08 section 1.3) */
#define FLT_ALIGNED
#elif defined(__GNUC__)
#define FLT_ALIGNED __attribute__((aligned(8)))
#else
#define FLT_ALIGNED __declspec(align(8))
#endif
typedef union {
    struct {
        PIO_SECURITY_CONTEXT SecurityContext;
        ULONG Options; /* low 24 bits options, high 8 bits disposition */
        USHORT FLT_ALIGNED FileAttributes;
        USHORT ShareAccess;
        ULONG FLT_ALIGNED EaLength;
        PVOID EaBuffer;
        LARGE_INTEGER AllocationSize;
    } Create; /* and CREATE_NAMED_PIPE up to Options */
    struct {
        ULONG Length;
        ULONG FLT_ALIGNED Key;
        LARGE_INTEGER ByteOffset;
        PVOID WriteBuffer;
        PMDL MdlAddress;
    } Write;
    struct {
        ULONG Length;
        ULONG FLT_ALIGNED FileInformationClass;
        PFILE_OBJECT ParentOfTarget;
        BOOLEAN ReplaceIfExists;
        BOOLEAN AdvanceOnly;
        PVOID InfoBuffer;
    } SetFileInformation;
} FLT_PARAMETERS;
#ifndef _WIN64
#pragma pack(pop)
#endif

typedef struct {
    ULONG IrpFlags;
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR OperationFlags; /* SL_… */
    UCHAR Reserved;
    PFILE_OBJECT TargetFileObject;
    PFLT_INSTANCE TargetInstance;
    FLT_PARAMETERS Parameters;
} FLT_IO_PARAMETER_BLOCK, *PFLT_IO_PARAMETER_BLOCK;

typedef struct {
    ULONG Flags;
    PETHREAD Thread;
    PFLT_IO_PARAMETER_BLOCK Iopb;
    IO_STATUS_BLOCK IoStatus;
    PVOID TagData;
    PVOID FilterContext[4];
    KPROCESSOR_MODE RequestorMode;
} FLT_CALLBACK_DATA, *PFLT_CALLBACK_DATA;

typedef struct {
    USHORT Size;
    USHORT TransactionContext;
    PFLT_FILTER Filter;
    PFLT_VOLUME Volume;
    PFLT_INSTANCE Instance;
    PFILE_OBJECT FileObject;
    PVOID Transaction;
} FLT_RELATED_OBJECTS;
typedef const FLT_RELATED_OBJECTS *PCFLT_RELATED_OBJECTS;

typedef struct {
    USHORT Size;
    USHORT NamesParsed;
    ULONG Format;
    UNICODE_STRING Name, Volume, Share, Extension, Stream, FinalComponent, ParentDir;
} FLT_FILE_NAME_INFORMATION, *PFLT_FILE_NAME_INFORMATION;

typedef FLT_PREOP_CALLBACK_STATUS(NTAPI *PFLT_PRE_OPERATION_CALLBACK)(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID *);
typedef FLT_POSTOP_CALLBACK_STATUS(NTAPI *PFLT_POST_OPERATION_CALLBACK)(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID, ULONG);

typedef struct {
    UCHAR MajorFunction;
    ULONG Flags;
    PFLT_PRE_OPERATION_CALLBACK PreOperation;
    PFLT_POST_OPERATION_CALLBACK PostOperation;
    PVOID Reserved1;
} FLT_OPERATION_REGISTRATION;

typedef struct {
    USHORT ContextType;
    USHORT Flags;
    VOID(NTAPI *ContextCleanupCallback)(PFLT_CONTEXT, USHORT);
    SIZE_T Size;
    ULONG PoolTag;
    PVOID ContextAllocateCallback, ContextFreeCallback, Reserved1;
} FLT_CONTEXT_REGISTRATION;

typedef struct {
    USHORT Size;
    USHORT Version;
    ULONG Flags;
    const FLT_CONTEXT_REGISTRATION *ContextRegistration;
    const FLT_OPERATION_REGISTRATION *OperationRegistration;
    NTSTATUS(NTAPI *FilterUnloadCallback)(ULONG);
    NTSTATUS(NTAPI *InstanceSetupCallback)(PCFLT_RELATED_OBJECTS, ULONG, ULONG, ULONG);
    NTSTATUS(NTAPI *InstanceQueryTeardownCallback)(PCFLT_RELATED_OBJECTS, ULONG);
    PVOID InstanceTeardownStartCallback, InstanceTeardownCompleteCallback;
    PVOID GenerateFileNameCallback, NormalizeNameComponentCallback, NormalizeContextCleanupCallback;
    PVOID TransactionNotificationCallback;
    PVOID NormalizeNameComponentExCallback;
    PVOID SectionNotificationCallback; /* from version 0x0203 on */
} FLT_REGISTRATION;

#define FLT_OFFSET(type, member, x64, x86) C_ASSERT(FIELD_OFFSET(type, member) == (sizeof(PVOID) == 8 ? (x64) : (x86)))
#define FLT_SIZE(type, x64, x86) C_ASSERT(sizeof(type) == (sizeof(PVOID) == 8 ? (x64) : (x86)))
FLT_SIZE(FLT_PARAMETERS, 48, 28);
FLT_OFFSET(FLT_PARAMETERS, Create.Options, 8, 4);
FLT_OFFSET(FLT_PARAMETERS, Create.ShareAccess, 18, 10);
FLT_OFFSET(FLT_PARAMETERS, Create.AllocationSize, 40, 20);
FLT_OFFSET(FLT_PARAMETERS, Write.ByteOffset, 16, 8);
FLT_OFFSET(FLT_PARAMETERS, Write.WriteBuffer, 24, 16);
FLT_OFFSET(FLT_PARAMETERS, Write.MdlAddress, 32, 20);
FLT_OFFSET(FLT_PARAMETERS, SetFileInformation.FileInformationClass, 8, 4);
FLT_OFFSET(FLT_PARAMETERS, SetFileInformation.ParentOfTarget, 16, 8);
FLT_OFFSET(FLT_PARAMETERS, SetFileInformation.ReplaceIfExists, 24, 12);
FLT_OFFSET(FLT_PARAMETERS, SetFileInformation.InfoBuffer, 32, 16);
FLT_SIZE(FLT_IO_PARAMETER_BLOCK, 72, 44);
FLT_OFFSET(FLT_IO_PARAMETER_BLOCK, Parameters, 24, 16);
FLT_SIZE(FLT_CALLBACK_DATA, 88, 44);
FLT_OFFSET(FLT_CALLBACK_DATA, IoStatus, 24, 12);
FLT_OFFSET(FLT_CALLBACK_DATA, RequestorMode, 80, 40);
FLT_SIZE(FLT_RELATED_OBJECTS, 48, 24);
FLT_SIZE(FLT_FILE_NAME_INFORMATION, 120, 64);
FLT_SIZE(FLT_OPERATION_REGISTRATION, 32, 20);
FLT_SIZE(FLT_CONTEXT_REGISTRATION, 56, 28);
FLT_SIZE(FLT_REGISTRATION, 112, 60);

#define FLT_ROUTINES(X)                                                                                                      \
    X(NTSTATUS, FltRegisterFilter, (PDRIVER_OBJECT, const FLT_REGISTRATION *, PFLT_FILTER *))                                \
    X(NTSTATUS, FltStartFiltering, (PFLT_FILTER))                                                                            \
    X(VOID, FltUnregisterFilter, (PFLT_FILTER))                                                                              \
    X(NTSTATUS, FltGetFileNameInformation, (PFLT_CALLBACK_DATA, ULONG, PFLT_FILE_NAME_INFORMATION *))                        \
    X(NTSTATUS, FltGetDestinationFileNameInformation,                                                                        \
      (PFLT_INSTANCE, PFILE_OBJECT, HANDLE, PWSTR, ULONG, ULONG, PFLT_FILE_NAME_INFORMATION *))                              \
    X(VOID, FltReleaseFileNameInformation, (PFLT_FILE_NAME_INFORMATION))                                                     \
    X(PEPROCESS, FltGetRequestorProcess, (PFLT_CALLBACK_DATA))                                                               \
    X(NTSTATUS, FltGetVolumeName, (PFLT_VOLUME, PUNICODE_STRING, PULONG))                                                    \
    X(NTSTATUS, FltAllocateContext, (PFLT_FILTER, USHORT, SIZE_T, POOL_TYPE, PFLT_CONTEXT *))                                \
    X(VOID, FltReleaseContext, (PFLT_CONTEXT))                                                                               \
    X(NTSTATUS, FltSetInstanceContext, (PFLT_INSTANCE, ULONG, PFLT_CONTEXT, PFLT_CONTEXT *))                                 \
    X(NTSTATUS, FltGetInstanceContext, (PFLT_INSTANCE, PFLT_CONTEXT *))                                                      \
    X(NTSTATUS, FltSetStreamContext, (PFLT_INSTANCE, PFILE_OBJECT, ULONG, PFLT_CONTEXT, PFLT_CONTEXT *))                     \
    X(NTSTATUS, FltGetStreamContext, (PFLT_INSTANCE, PFILE_OBJECT, PFLT_CONTEXT *))                                          \
    X(NTSTATUS, FltIsDirectory, (PFILE_OBJECT, PFLT_INSTANCE, PBOOLEAN))                                                     \
    X(NTSTATUS, FltCreateFileEx,                                                                                             \
      (PFLT_FILTER, PFLT_INSTANCE, PHANDLE, PFILE_OBJECT *, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK,               \
       PLARGE_INTEGER, ULONG, ULONG, ULONG, ULONG, PVOID, ULONG, ULONG))                                                     \
    X(NTSTATUS, FltClose, (HANDLE))                                                                                          \
    X(NTSTATUS, FltReadFile, (PFLT_INSTANCE, PFILE_OBJECT, PLARGE_INTEGER, ULONG, PVOID, ULONG, PULONG, PVOID, PVOID))       \
    X(NTSTATUS, FltQueryInformationFile, (PFLT_INSTANCE, PFILE_OBJECT, PVOID, ULONG, ULONG, PULONG))                         \
    X(NTSTATUS, FltSetInformationFile, (PFLT_INSTANCE, PFILE_OBJECT, PVOID, ULONG, ULONG))

#define FLT_MEMBER(result, name, arguments) result(NTAPI *name) arguments;

struct flt {
    FLT_ROUTINES(FLT_MEMBER)
};

/* All routines, or none after a failure of flt_start(). */
extern struct flt flt;

/* STATUS_NOT_FOUND: no filter manager is loaded; STATUS_PROCEDURE_NOT_FOUND: not a complete one. IRQL: PASSIVE_LEVEL. */
NTSTATUS flt_start(void);
/* The path a module at this address was loaded from; `capacity` of at least 256. IRQL: PASSIVE_LEVEL. */
bool module_path(const void *base, CHAR *out, ULONG capacity);
