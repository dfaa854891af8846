/* SPDX-License-Identifier: MIT */
/*
 * Fast I/O of the filter devices: every routine asks the device below for its own and calls that with the device below, or says
 * FALSE, and the request comes back as an IRP. The six acquire and release entries stay NULL (spec 08 section 3.2).
 */
#include "file.h"

/* The table of the device below one of ours when it is long enough to have `member`; for the control device: none. */
#define BELOW(device, member, lower)                                                                                         \
    PDEVICE_OBJECT lower = ((struct device *)(device)->DeviceExtension)->lower;                                              \
    PFAST_IO_DISPATCH table = lower ? lower->DriverObject->FastIoDispatch : NULL;                                            \
    if (table && table->SizeOfFastIoDispatch < RTL_SIZEOF_THROUGH_FIELD(FAST_IO_DISPATCH, member))                           \
        table = NULL

static BOOLEAN NTAPI check_if_possible(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key,
                                       BOOLEAN reads, PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoCheckIfPossible, lower);

    return table && table->FastIoCheckIfPossible && table->FastIoCheckIfPossible(file, offset, length, wait, key, reads, result, lower);
}

static BOOLEAN NTAPI read(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                          PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoRead, lower);

    return table && table->FastIoRead && table->FastIoRead(file, offset, length, wait, key, buffer, result, lower);
}

static BOOLEAN NTAPI write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                           PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoWrite, lower);

    /* The start of a file may be looked at, and refused: then as an IRP (file_write.c). */
    if (offset->QuadPart == 0 && (settings_wants(EVENT_FILE_BLOCK_SHREDDING) || settings_wants(EVENT_FILE_BLOCK_EXE) ||
                                  settings_wants(EVENT_FILE_EXE_DETECTED)))
        return FALSE;
    return table && table->FastIoWrite && table->FastIoWrite(file, offset, length, wait, key, buffer, result, lower);
}

static BOOLEAN NTAPI query_basic(PFILE_OBJECT file, BOOLEAN wait, PFILE_BASIC_INFORMATION buffer, PIO_STATUS_BLOCK result,
                                 PDEVICE_OBJECT device)
{
    BELOW(device, FastIoQueryBasicInfo, lower);

    return table && table->FastIoQueryBasicInfo && table->FastIoQueryBasicInfo(file, wait, buffer, result, lower);
}

static BOOLEAN NTAPI query_standard(PFILE_OBJECT file, BOOLEAN wait, PFILE_STANDARD_INFORMATION buffer, PIO_STATUS_BLOCK
                                    result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoQueryStandardInfo, lower);

    return table && table->FastIoQueryStandardInfo && table->FastIoQueryStandardInfo(file, wait, buffer, result, lower);
}

static BOOLEAN NTAPI lock(PFILE_OBJECT file, PLARGE_INTEGER offset, PLARGE_INTEGER length, PEPROCESS process, ULONG key,
                          BOOLEAN fail, BOOLEAN exclusive, PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoLock, lower);

    return table && table->FastIoLock && table->FastIoLock(file, offset, length, process, key, fail, exclusive, result, lower);
}

static BOOLEAN NTAPI unlock_single(PFILE_OBJECT file, PLARGE_INTEGER offset, PLARGE_INTEGER length, PEPROCESS process, ULONG
                                   key, PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoUnlockSingle, lower);

    return table && table->FastIoUnlockSingle && table->FastIoUnlockSingle(file, offset, length, process, key, result, lower);
}

static BOOLEAN NTAPI unlock_all(PFILE_OBJECT file, PEPROCESS process, PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoUnlockAll, lower);

    return table && table->FastIoUnlockAll && table->FastIoUnlockAll(file, process, result, lower);
}

static BOOLEAN NTAPI unlock_all_by_key(PFILE_OBJECT file, PVOID process, ULONG key, PIO_STATUS_BLOCK result, PDEVICE_OBJECT
                                       device)
{
    BELOW(device, FastIoUnlockAllByKey, lower);

    return table && table->FastIoUnlockAllByKey && table->FastIoUnlockAllByKey(file, process, key, result, lower);
}

static BOOLEAN NTAPI device_control(PFILE_OBJECT file, BOOLEAN wait, PVOID input, ULONG input_length, PVOID output, ULONG
                                    output_length, ULONG code, PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoDeviceControl, lower);

    return table && table->FastIoDeviceControl && table->FastIoDeviceControl(file, wait, input, input_length, output, output_length, code, result, lower);
}

static BOOLEAN NTAPI query_network_open(PFILE_OBJECT file, BOOLEAN wait, PFILE_NETWORK_OPEN_INFORMATION buffer,
                                        PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, FastIoQueryNetworkOpenInfo, lower);

    return table && table->FastIoQueryNetworkOpenInfo && table->FastIoQueryNetworkOpenInfo(file, wait, buffer, result, lower);
}

static BOOLEAN NTAPI mdl_read(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, ULONG key, PMDL *mdl, PIO_STATUS_BLOCK
                              result, PDEVICE_OBJECT device)
{
    BELOW(device, MdlRead, lower);

    return table && table->MdlRead && table->MdlRead(file, offset, length, key, mdl, result, lower);
}

static BOOLEAN NTAPI mdl_read_complete(PFILE_OBJECT file, PMDL mdl, PDEVICE_OBJECT device)
{
    BELOW(device, MdlReadComplete, lower);

    return table && table->MdlReadComplete && table->MdlReadComplete(file, mdl, lower);
}

static BOOLEAN NTAPI prepare_mdl_write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, ULONG key, PMDL *mdl,
                                       PIO_STATUS_BLOCK result, PDEVICE_OBJECT device)
{
    BELOW(device, PrepareMdlWrite, lower);

    return table && table->PrepareMdlWrite && table->PrepareMdlWrite(file, offset, length, key, mdl, result, lower);
}

static BOOLEAN NTAPI mdl_write_complete(PFILE_OBJECT file, PLARGE_INTEGER offset, PMDL mdl, PDEVICE_OBJECT device)
{
    BELOW(device, MdlWriteComplete, lower);

    return table && table->MdlWriteComplete && table->MdlWriteComplete(file, offset, mdl, lower);
}

static BOOLEAN NTAPI read_compressed(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, ULONG key, PVOID buffer, PMDL
                                     *mdl, PIO_STATUS_BLOCK result, PCOMPRESSED_DATA_INFO info, ULONG info_length,
                                     PDEVICE_OBJECT device)
{
    BELOW(device, FastIoReadCompressed, lower);

    return table && table->FastIoReadCompressed && table->FastIoReadCompressed(file, offset, length, key, buffer, mdl, result, info, info_length, lower);
}

static BOOLEAN NTAPI write_compressed(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, ULONG key, PVOID buffer, PMDL
                                      *mdl, PIO_STATUS_BLOCK result, PCOMPRESSED_DATA_INFO info, ULONG info_length,
                                      PDEVICE_OBJECT device)
{
    BELOW(device, FastIoWriteCompressed, lower);

    return table && table->FastIoWriteCompressed && table->FastIoWriteCompressed(file, offset, length, key, buffer, mdl, result, info, info_length, lower);
}

static BOOLEAN NTAPI mdl_read_complete_compressed(PFILE_OBJECT file, PMDL mdl, PDEVICE_OBJECT device)
{
    BELOW(device, MdlReadCompleteCompressed, lower);

    return table && table->MdlReadCompleteCompressed && table->MdlReadCompleteCompressed(file, mdl, lower);
}

static BOOLEAN NTAPI mdl_write_complete_compressed(PFILE_OBJECT file, PLARGE_INTEGER offset, PMDL mdl, PDEVICE_OBJECT
                                                   device)
{
    BELOW(device, MdlWriteCompleteCompressed, lower);

    return table && table->MdlWriteCompleteCompressed && table->MdlWriteCompleteCompressed(file, offset, mdl, lower);
}

/* The stack location names the device that is asked; it is put back when the answer is no. */
static BOOLEAN NTAPI query_open(PIRP irp, PFILE_NETWORK_OPEN_INFORMATION buffer, PDEVICE_OBJECT device)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    BOOLEAN answered;

    BELOW(device, FastIoQueryOpen, lower);

    if (!table || !table->FastIoQueryOpen)
        return FALSE;
    stack->DeviceObject = lower;
    answered = table->FastIoQueryOpen(irp, buffer, lower);
    if (!answered)
        stack->DeviceObject = device;
    return answered;
}

static VOID NTAPI detach_device(PDEVICE_OBJECT source, PDEVICE_OBJECT target)
{
    UNREFERENCED_PARAMETER(target);
    if (((struct device *)source->DeviceExtension)->kind == DEVICE_FILE_SYSTEM)
        sfilter_detached(source->DeviceExtension);
}

FAST_IO_DISPATCH fast_io_dispatch = {
    .SizeOfFastIoDispatch = sizeof fast_io_dispatch,
    .FastIoCheckIfPossible = check_if_possible,
    .FastIoRead = read,
    .FastIoWrite = write,
    .FastIoQueryBasicInfo = query_basic,
    .FastIoQueryStandardInfo = query_standard,
    .FastIoLock = lock,
    .FastIoUnlockSingle = unlock_single,
    .FastIoUnlockAll = unlock_all,
    .FastIoUnlockAllByKey = unlock_all_by_key,
    .FastIoDeviceControl = device_control,
    .FastIoQueryNetworkOpenInfo = query_network_open,
    .MdlRead = mdl_read,
    .MdlReadComplete = mdl_read_complete,
    .PrepareMdlWrite = prepare_mdl_write,
    .MdlWriteComplete = mdl_write_complete,
    .FastIoReadCompressed = read_compressed,
    .FastIoWriteCompressed = write_compressed,
    .MdlReadCompleteCompressed = mdl_read_complete_compressed,
    .MdlWriteCompleteCompressed = mdl_write_complete_compressed,
    .FastIoQueryOpen = query_open,
    .FastIoDetachDevice = detach_device,
};
