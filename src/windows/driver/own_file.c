/* SPDX-License-Identifier: MIT */
/* The file this driver was loaded from, for its protection: the loader's path of our module, made a full NT path by opening it. */
#include "driver.h"
#include "flt.h"

static UNICODE_STRING *own_name; /* set once */

/* \SystemRoot\SysmonDrv.sys or \??\C:\Windows\SysmonDrv.sys, as the module list has it: ASCII. */
static NTSTATUS loaded_path(UNICODE_STRING *out)
{
    CHAR path[256];
    struct text text;
    NTSTATUS status;

    if (!module_path(driver.object->DriverStart, path, sizeof path))
        return STATUS_NOT_FOUND;
    status = text_reserve(out, &text, sizeof path);
    if (!NT_SUCCESS(status))
        return status;
    for (const CHAR *at = path; *at; at++) {
        WCHAR c = (UCHAR)*at;

        text_append(&text, &c, 1);
    }
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

static UNICODE_STRING *name_of_path(UNICODE_STRING *path)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK result;
    UNICODE_STRING *name = NULL;
    HANDLE file;
    PVOID object;

    InitializeObjectAttributes(&attributes, path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenFile(&file, FILE_READ_ATTRIBUTES | SYNCHRONIZE, &attributes, &result,
                               FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_SYNCHRONOUS_IO_NONALERT)))
        return NULL; /* at boot: the volume is not there yet */
    if (NT_SUCCESS(ObReferenceObjectByHandle(file, 0, NULL, KernelMode, &object, NULL))) {
        name = name_of_object(object);
        ObDereferenceObject(object);
    }
    ZwClose(file);
    return name;
}

void own_file_find(void)
{
    UNICODE_STRING path, *name;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (own_name || !NT_SUCCESS(loaded_path(&path)))
        return;
    name = name_of_path(&path);
    pool_free(path.Buffer);
    if (name && InterlockedCompareExchangePointer((PVOID *)&own_name, name, NULL) != NULL)
        pool_free(name);
}

bool own_file_is(const UNICODE_STRING *name)
{
    return own_name && RtlEqualUnicodeString(own_name, name, TRUE);
}

void own_file_stop(void)
{
    pool_free(own_name);
    own_name = NULL;
}
