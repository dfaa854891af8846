/* SPDX-License-Identifier: MIT */
/*
 * NT's types as the simulator uses them: mingw's DDK headers, and what they lack written down a second time,
 * independently of the driver's own declarations – a wrong offset on either side then shows as a failing test.
 * Layouts: spec 08 (sections named at each type). The simulator never calls a DDK function; its own are called nt_*.
 */
#ifndef NTSIM_NT_H
#define NTSIM_NT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntifs.h>
#include <ntimage.h>

#ifndef IMAGE_REL_BASED_DIR64
#define IMAGE_REL_BASED_HIGHLOW 3
#define IMAGE_REL_BASED_DIR64 10
#endif
#ifndef IMAGE_SUBSYSTEM_NATIVE
#define IMAGE_SUBSYSTEM_NATIVE 1
#endif

#ifdef _WIN64
#define BY_ARCH(x64, x86) (x64)
#else
#define BY_ARCH(x64, x86) (x86)
#endif
#define LAYOUT(type, member, x64, x86) _Static_assert(offsetof(type, member) == BY_ARCH(x64, x86), #type "." #member)
#define LAYOUT_SIZE(type, x64, x86) _Static_assert(sizeof(type) == BY_ARCH(x64, x86), "size of " #type)

/* Status values missing in the DDK headers (spec 08 section 1.2). */
#define STATUS_FLT_NO_HANDLER_DEFINED ((NTSTATUS)0xC01C0001)
#define STATUS_FLT_CONTEXT_ALREADY_DEFINED ((NTSTATUS)0xC01C0002)
#define STATUS_FLT_DISALLOW_FAST_IO ((NTSTATUS)0xC01C0004)
#define STATUS_FLT_INVALID_NAME_REQUEST ((NTSTATUS)0xC01C0005)
#define STATUS_FLT_NOT_SAFE_TO_POST_OPERATION ((NTSTATUS)0xC01C0006)
#define STATUS_FLT_NOT_INITIALIZED ((NTSTATUS)0xC01C0007)
#define STATUS_FLT_DELETING_OBJECT ((NTSTATUS)0xC01C000B)
#define STATUS_FLT_MUST_BE_NONPAGED_POOL ((NTSTATUS)0xC01C000C)
#define STATUS_FLT_DO_NOT_ATTACH ((NTSTATUS)0xC01C000F)
#define STATUS_FLT_DO_NOT_DETACH ((NTSTATUS)0xC01C0010)
#define STATUS_FLT_INSTANCE_NOT_FOUND ((NTSTATUS)0xC01C0015)
#define STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND ((NTSTATUS)0xC01C0016)
#define STATUS_FLT_INVALID_CONTEXT_REGISTRATION ((NTSTATUS)0xC01C0017)
#define STATUS_FLT_NAME_CACHE_MISS ((NTSTATUS)0xC01C0018)
#define STATUS_FLT_CONTEXT_ALREADY_LINKED ((NTSTATUS)0xC01C001C)
#ifndef STATUS_CALLBACK_BYPASS
#define STATUS_CALLBACK_BYPASS ((NTSTATUS)0xC0000503)
#endif
#ifndef STATUS_FILE_DELETED
#define STATUS_FILE_DELETED ((NTSTATUS)0xC0000123)
#endif
#define STATUS_OBJECTID_NOT_FOUND_ ((NTSTATUS)0xC00002F0)
#define STATUS_OPLOCK_BREAK_IN_PROGRESS_ ((NTSTATUS)0x00000108)

/* --- Filter manager (spec 08 section 1) --------------------------------------------------------------------------- */

typedef struct flt_filter *PFLT_FILTER;
typedef struct flt_volume *PFLT_VOLUME;
typedef struct flt_instance *PFLT_INSTANCE;
typedef PVOID PFLT_CONTEXT;

typedef struct _FLT_RELATED_OBJECTS {
    USHORT Size;
    USHORT TransactionContext;
    PFLT_FILTER Filter;
    PFLT_VOLUME Volume;
    PFLT_INSTANCE Instance;
    PFILE_OBJECT FileObject;
    PVOID Transaction;
} FLT_RELATED_OBJECTS, *PFLT_RELATED_OBJECTS;
LAYOUT_SIZE(FLT_RELATED_OBJECTS, 48, 24);

#ifndef _WIN64
#pragma pack(push, 4)
#endif
#ifdef _WIN64
#define AT_POINTER __attribute__((aligned(8)))
#else
#define AT_POINTER
#endif
typedef union _FLT_PARAMETERS {
    struct {
        PIO_SECURITY_CONTEXT SecurityContext;
        ULONG Options;
        USHORT FileAttributes AT_POINTER;
        USHORT ShareAccess;
        ULONG EaLength AT_POINTER;
        PVOID EaBuffer;
        LARGE_INTEGER AllocationSize;
    } Create;
    struct {
        PIO_SECURITY_CONTEXT SecurityContext;
        ULONG Options;
        USHORT Reserved AT_POINTER;
        USHORT ShareAccess;
        PVOID Parameters;
    } CreatePipe;
    struct {
        ULONG Length;
        ULONG Key AT_POINTER;
        LARGE_INTEGER ByteOffset;
        PVOID Buffer;
        PMDL MdlAddress;
    } Transfer; /* Read and Write */
    struct {
        ULONG Length;
        ULONG FileInformationClass AT_POINTER;
        PVOID InfoBuffer;
    } QueryFileInformation;
    struct {
        ULONG Length;
        ULONG FileInformationClass AT_POINTER;
        PFILE_OBJECT ParentOfTarget;
        union {
            struct {
                BOOLEAN ReplaceIfExists;
                BOOLEAN AdvanceOnly;
            };
            ULONG ClusterCount;
            HANDLE DeleteHandle;
        };
        PVOID InfoBuffer;
    } SetFileInformation;
    struct {
        PVOID Argument1;
        PVOID Argument2;
        PVOID Argument3;
        PVOID Argument4;
        PVOID Argument5;
        LARGE_INTEGER Argument6;
    } Others;
} FLT_PARAMETERS;
#ifndef _WIN64
#pragma pack(pop)
#endif
LAYOUT_SIZE(FLT_PARAMETERS, 48, 28);
LAYOUT(FLT_PARAMETERS, Create.FileAttributes, 16, 8);
LAYOUT(FLT_PARAMETERS, Create.EaLength, 24, 12);
LAYOUT(FLT_PARAMETERS, Create.AllocationSize, 40, 20);
LAYOUT(FLT_PARAMETERS, CreatePipe.Parameters, 24, 12);
LAYOUT(FLT_PARAMETERS, Transfer.ByteOffset, 16, 8);
LAYOUT(FLT_PARAMETERS, Transfer.Buffer, 24, 16);
LAYOUT(FLT_PARAMETERS, Transfer.MdlAddress, 32, 20);
LAYOUT(FLT_PARAMETERS, SetFileInformation.ReplaceIfExists, 24, 12);
LAYOUT(FLT_PARAMETERS, SetFileInformation.InfoBuffer, 32, 16);

typedef struct _FLT_IO_PARAMETER_BLOCK {
    ULONG IrpFlags;
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR OperationFlags;
    UCHAR Reserved;
    PFILE_OBJECT TargetFileObject;
    PFLT_INSTANCE TargetInstance;
    FLT_PARAMETERS Parameters;
} FLT_IO_PARAMETER_BLOCK, *PFLT_IO_PARAMETER_BLOCK;
LAYOUT_SIZE(FLT_IO_PARAMETER_BLOCK, 72, 44);

typedef struct _FLT_CALLBACK_DATA {
    ULONG Flags;
    PETHREAD Thread;
    PFLT_IO_PARAMETER_BLOCK Iopb;
    IO_STATUS_BLOCK IoStatus;
    PVOID TagData;
    PVOID FilterContext[4];
    KPROCESSOR_MODE RequestorMode;
} FLT_CALLBACK_DATA, *PFLT_CALLBACK_DATA;
LAYOUT_SIZE(FLT_CALLBACK_DATA, 88, 44);
LAYOUT(FLT_CALLBACK_DATA, IoStatus, 24, 12);
LAYOUT(FLT_CALLBACK_DATA, RequestorMode, 80, 40);

enum { FLTFL_CALLBACK_DATA_IRP_OPERATION = 1, FLTFL_CALLBACK_DATA_FAST_IO_OPERATION = 2,
       FLTFL_CALLBACK_DATA_SYSTEM_BUFFER = 8, FLTFL_CALLBACK_DATA_GENERATED_IO = 0x10000,
       FLTFL_CALLBACK_DATA_DRAINING_IO = 0x40000, FLTFL_CALLBACK_DATA_POST_OPERATION = 0x80000 };
#define FLTFL_CALLBACK_DATA_DIRTY 0x80000000u
#define FLTFL_POST_OPERATION_DRAINING 1
enum { FLT_PREOP_SUCCESS_WITH_CALLBACK, FLT_PREOP_SUCCESS_NO_CALLBACK, FLT_PREOP_PENDING, FLT_PREOP_DISALLOW_FASTIO,
       FLT_PREOP_COMPLETE, FLT_PREOP_SYNCHRONIZE, FLT_PREOP_DISALLOW_FSFILTER_IO };
enum { FLT_POSTOP_FINISHED_PROCESSING, FLT_POSTOP_MORE_PROCESSING_REQUIRED };
enum { FLT_VOLUME_CONTEXT = 1, FLT_INSTANCE_CONTEXT = 2, FLT_FILE_CONTEXT = 4, FLT_STREAM_CONTEXT = 8,
       FLT_STREAMHANDLE_CONTEXT = 0x10, FLT_TRANSACTION_CONTEXT = 0x20, FLT_SECTION_CONTEXT = 0x40, FLT_CONTEXT_END = 0xffff };
#define FLT_SET_CONTEXT_REPLACE_IF_EXISTS 0
#define FLT_SET_CONTEXT_KEEP_IF_EXISTS 1
#define FLT_VARIABLE_SIZED_CONTEXTS ((SIZE_T)-1)
#define IRP_MJ_OPERATION_END 0x80
enum { FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP = 1, FLTFL_REGISTRATION_SUPPORT_NPFS_MSFS = 2 };
enum { FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO = 1, FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO = 2,
       FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO = 4 };
enum { FLT_FSTYPE_RAW = 1, FLT_FSTYPE_NTFS = 2, FLT_FSTYPE_FAT = 3, FLT_FSTYPE_MUP = 13, FLT_FSTYPE_NPFS = 25 };
enum { FLT_FILE_NAME_NORMALIZED = 1, FLT_FILE_NAME_OPENED = 2, FLT_FILE_NAME_SHORT = 3,
       FLT_FILE_NAME_PARSED_FINAL_COMPONENT = 1, FLT_FILE_NAME_PARSED_EXTENSION = 2, FLT_FILE_NAME_PARSED_STREAM = 4,
       FLT_FILE_NAME_PARSED_PARENT_DIR = 8 };
enum { FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT = 1, FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME = 4,
       FLTFL_INSTANCE_TEARDOWN_MANUAL = 1, FLTFL_INSTANCE_TEARDOWN_FILTER_UNLOAD = 2,
       FLTFL_INSTANCE_TEARDOWN_MANDATORY_FILTER_UNLOAD = 4, FLTFL_INSTANCE_TEARDOWN_VOLUME_DISMOUNT = 8 };

typedef ULONG(NTAPI *PFLT_PRE_OPERATION_CALLBACK)(PFLT_CALLBACK_DATA, const FLT_RELATED_OBJECTS *, PVOID *);
typedef ULONG(NTAPI *PFLT_POST_OPERATION_CALLBACK)(PFLT_CALLBACK_DATA, const FLT_RELATED_OBJECTS *, PVOID, ULONG);
typedef VOID(NTAPI *PFLT_CONTEXT_CLEANUP_CALLBACK)(PFLT_CONTEXT, USHORT);
typedef NTSTATUS(NTAPI *PFLT_FILTER_UNLOAD_CALLBACK)(ULONG);
typedef NTSTATUS(NTAPI *PFLT_INSTANCE_SETUP_CALLBACK)(const FLT_RELATED_OBJECTS *, ULONG, ULONG, ULONG);
typedef NTSTATUS(NTAPI *PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK)(const FLT_RELATED_OBJECTS *, ULONG);
typedef VOID(NTAPI *PFLT_INSTANCE_TEARDOWN_CALLBACK)(const FLT_RELATED_OBJECTS *, ULONG);

typedef struct _FLT_OPERATION_REGISTRATION {
    UCHAR MajorFunction;
    ULONG Flags;
    PFLT_PRE_OPERATION_CALLBACK PreOperation;
    PFLT_POST_OPERATION_CALLBACK PostOperation;
    PVOID Reserved1;
} FLT_OPERATION_REGISTRATION;
LAYOUT_SIZE(FLT_OPERATION_REGISTRATION, 32, 20);

typedef struct _FLT_CONTEXT_REGISTRATION {
    USHORT ContextType;
    USHORT Flags;
    PFLT_CONTEXT_CLEANUP_CALLBACK ContextCleanupCallback;
    SIZE_T Size;
    ULONG PoolTag;
    PVOID ContextAllocateCallback;
    PVOID ContextFreeCallback;
    PVOID Reserved1;
} FLT_CONTEXT_REGISTRATION;
LAYOUT_SIZE(FLT_CONTEXT_REGISTRATION, 56, 28);

typedef struct _FLT_REGISTRATION {
    USHORT Size;
    USHORT Version;
    ULONG Flags;
    const FLT_CONTEXT_REGISTRATION *ContextRegistration;
    const FLT_OPERATION_REGISTRATION *OperationRegistration;
    PFLT_FILTER_UNLOAD_CALLBACK FilterUnloadCallback;
    PFLT_INSTANCE_SETUP_CALLBACK InstanceSetupCallback;
    PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK InstanceQueryTeardownCallback;
    PFLT_INSTANCE_TEARDOWN_CALLBACK InstanceTeardownStartCallback;
    PFLT_INSTANCE_TEARDOWN_CALLBACK InstanceTeardownCompleteCallback;
    PVOID GenerateFileNameCallback;
    PVOID NormalizeNameComponentCallback;
    PVOID NormalizeContextCleanupCallback;
    PVOID TransactionNotificationCallback;
    PVOID NormalizeNameComponentExCallback;
    PVOID SectionNotificationCallback;
} FLT_REGISTRATION;
LAYOUT_SIZE(FLT_REGISTRATION, 112, 60);

typedef struct _FLT_FILE_NAME_INFORMATION {
    USHORT Size;
    USHORT NamesParsed;
    ULONG Format;
    UNICODE_STRING Name;
    UNICODE_STRING Volume;
    UNICODE_STRING Share;
    UNICODE_STRING Extension;
    UNICODE_STRING Stream;
    UNICODE_STRING FinalComponent;
    UNICODE_STRING ParentDir;
} FLT_FILE_NAME_INFORMATION, *PFLT_FILE_NAME_INFORMATION;
LAYOUT_SIZE(FLT_FILE_NAME_INFORMATION, 120, 64);

/* --- Registry callbacks (spec 08 section 2.5): create/open and post are in the DDK, checked here ------------------- */

LAYOUT_SIZE(REG_CREATE_KEY_INFORMATION_V1, 136, 76);
LAYOUT_SIZE(REG_SET_VALUE_KEY_INFORMATION, 64, 36);
LAYOUT_SIZE(REG_POST_OPERATION_INFORMATION, 56, 28);
LAYOUT_SIZE(OB_PRE_OPERATION_INFORMATION, 40, 24);
LAYOUT_SIZE(PS_CREATE_NOTIFY_INFO, 72, 36);
LAYOUT_SIZE(IMAGE_INFO_EX, 56, 28);

/* --- Files ---------------------------------------------------------------------------------------------------------- */

typedef struct _FILE_DISPOSITION_INFORMATION_EX_ {
    ULONG Flags;
} FILE_DISPOSITION_EX;
typedef struct {
    ULONGLONG VolumeSerialNumber;
    UCHAR FileId[16];
} FILE_ID_INFO;
enum { FileDispositionInformationEx_ = 64, FileRenameInformationEx_ = 65, FileIdInformation_ = 59, FileNormalizedNameInformation_ = 48 };

typedef struct {
    PVOID BaseAddress, AllocationBase;
    ULONG AllocationProtect;
    SIZE_T RegionSize;
    ULONG State, Protect, Type;
} MEMORY_BASIC;
LAYOUT(MEMORY_BASIC, State, 32, 16);

/* --- Modules (spec 08 section 1.13) --------------------------------------------------------------------------------- */

typedef struct {
    PVOID Section;
    PVOID MappedBase;
    PVOID ImageBase;
    ULONG ImageSize;
    ULONG Flags;
    USHORT LoadOrderIndex;
    USHORT InitOrderIndex;
    USHORT LoadCount;
    USHORT OffsetToFileName;
    CHAR FullPathName[256];
} MODULE_ENTRY;
LAYOUT_SIZE(MODULE_ENTRY, 296, 284);
LAYOUT(MODULE_ENTRY, FullPathName, 40, 28);
typedef struct {
    ULONG NumberOfModules;
    MODULE_ENTRY Modules[1];
} MODULE_LIST;
LAYOUT(MODULE_LIST, Modules, 8, 4);

#endif
