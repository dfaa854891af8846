/* SPDX-License-Identifier: MIT */
/* Events 17 and 18. */
#include "scenarios.h"
#include "user.h"

static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";

static void pipe_record(uint32_t subtype, const WCHAR *type, const WCHAR *name, int64_t before)
{
    const struct record *r = expect(R_PIPE, "a pipe");

    field_u32(r, "EventSubtype", PIPE_SUBTYPE, subtype);
    field_time(r, "EventSystemTime", PIPE_TIME, before, sched_now());
    field_u32(r, "ProcessId", PIPE_PID, world.user->id);
    field_text(r, "EventType", PIPE_X_TYPE, type);
    field_text(r, "Name", PIPE_X_NAME, name);
    field_text(r, "ImagePath", PIPE_X_IMAGE, tool);
    field_sid(r, "Sid", PIPE_X_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
}

void pipe_create_connect(void)
{
    int64_t before = sched_now();
    struct user_file server = user_open_nt(L"\\??\\pipe\\chat", WRITE_ACCESS, FILE_CREATE, 0, true), client;

    check(NT_SUCCESS(server.status), "a pipe is made: 0x%08x", (unsigned)server.status);
    pipe_record(1, L"CreatePipe", L"\\chat", before);
    before = sched_now();
    client = user_open_nt(L"\\Device\\NamedPipe\\chat", WRITE_ACCESS, FILE_OPEN, 0, false);
    check(NT_SUCCESS(client.status), "a client connects: 0x%08x", (unsigned)client.status);
    pipe_record(2, L"ConnectPipe", L"\\chat", before);
    io_write(client.file, 0, "data", 4, 0);
    io_write(client.file, 0, "data", 4, IO_WRITE_FAST);
    user_close(&client);
    user_close(&server);
    expect_none(R_PIPE, "data and closing");
}

void pipe_none(void)
{
    struct user_file file = user_open_nt(L"\\??\\pipe\\nobody", WRITE_ACCESS, FILE_OPEN, 0, false);

    check(!NT_SUCCESS(file.status), "there is no such pipe");
    file = user_open_nt(L"\\Device\\NamedPipe\\", READ_ACCESS, FILE_OPEN, 0, false);
    user_close(&file);
    file = user_open_nt(L"\\Device\\NamedPipe", READ_ACCESS, FILE_OPEN, 0, false);
    user_close(&file);
    expect_none(R_PIPE, "a failure, the root, the device");
}

void pipe_relative(void)
{
    struct user_file root = user_open_nt(L"\\Device\\NamedPipe\\", READ_ACCESS, FILE_OPEN, 0, false), server, client;
    struct opening o = {.path = L"", .root = root.file, .access = WRITE_ACCESS, .disposition = FILE_CREATE, .pipe = true, .share = SHARE_ALL};
    struct opening named = {.path = L"relative", .root = root.file, .access = WRITE_ACCESS, .disposition = FILE_CREATE, .pipe = true,
                            .share = SHARE_ALL};

    check(NT_SUCCESS(io_open(&named)), "a pipe relative to the root");
    field_text(expect(R_PIPE, "a pipe relative to the root"), "Name", PIPE_X_NAME, L"\\relative");
    check(NT_SUCCESS(io_open(&o)), "a pipe without a name");
    field_text(expect(R_PIPE, "a pipe without a name"), "Name", PIPE_X_NAME, L"<Anonymous Pipe>");
    server.file = o.file;
    client = user_open_at(server.file, L"", WRITE_ACCESS, FILE_OPEN, 0);
    check(NT_SUCCESS(client.status), "its other end: 0x%08x", (unsigned)client.status);
    field_text(expect(R_PIPE, "the other end of a pipe without a name"), "Name", PIPE_X_NAME, L"<Anonymous Pipe>");
    user_close(&client);
    io_close(o.handle);
    io_close(named.handle);
    user_close(&root);
}
