/* SPDX-License-Identifier: MIT */
#include "linux/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID_SIZE 36

static ssize_t read_text(int directory, const char *path, char *out, size_t size)
{
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t count;

    if (fd < 0)
        return -errno;
    count = read(fd, out, size - 1);
    close(fd);
    if (count < 0)
        return -EIO;
    out[count] = 0;
    return count;
}

static uint32_t machine_id(void)
{
    char text[40], digits[9] = "";

    if (read_text(AT_FDCWD, "/etc/machine-id", text, sizeof text) < 8 &&
        read_text(AT_FDCWD, "/var/lib/dbus/machine-id", text, sizeof text) < 8)
        return 0;
    memcpy(digits, text, 8);
    return (uint32_t)strtoul(digits, NULL, 16);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* `<boot id> <boot time>`; only what root wrote for this very boot counts. */
static bool recall(int directory, const char *boot_id, uint64_t *boot_time)
{
    char text[128], id[BOOT_ID_SIZE + 1];
    struct stat status;
    uint64_t value;

    if (fstatat(directory, IDENTITY_FILE, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode) || status.st_uid ||
        status.st_mode & (S_IWGRP | S_IWOTH))
        return false;
    if (read_text(directory, IDENTITY_FILE, text, sizeof text) <= 0 || sscanf(text, "%36s %ju", id, &value) != 2 ||
        strcmp(id, boot_id))
        return false;
    *boot_time = value;
    return true;
}

static void remember(int directory, const char *boot_id, uint64_t boot_time)
{
    char text[128];
    int size = snprintf(text, sizeof text, "%s %ju\n", boot_id, boot_time);
    int fd = openat(directory, IDENTITY_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return;
    if (write(fd, text, (size_t)size) == size)
        renameat(directory, IDENTITY_FILE ".new", directory, IDENTITY_FILE);
    else
        unlinkat(directory, IDENTITY_FILE ".new", 0);
    close(fd);
}

static uint64_t boot_time(void)
{
    uint64_t measured = (nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME)) / 100 + FILETIME_UNIX_EPOCH;
    char boot_id[BOOT_ID_SIZE + 2] = "";
    int directory;

    if (read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id) < BOOT_ID_SIZE)
        return measured;
    boot_id[BOOT_ID_SIZE] = 0;
    if (mkdir(IDENTITY_DIRECTORY, 0700) && errno != EEXIST)
        return measured;
    directory = open(IDENTITY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return measured;
    if (!recall(directory, boot_id, &measured))
        remember(directory, boot_id, measured);
    close(directory);
    return measured;
}

void identity_read(struct identity *out)
{
    memset(out, 0, sizeof *out);
    out->machine = machine_id();
    out->boot_time = boot_time();
    if (gethostname(out->host, sizeof out->host - 1))
        out->host[0] = 0;
}

uint64_t identity_time(const struct identity *identity, uint64_t start_ns)
{
    return identity->boot_time + start_ns / 100;
}

struct sysmon_guid identity_process(const struct identity *identity, uint32_t pid, uint64_t start_ns)
{
    return guid_compose(identity->machine, identity_time(identity, start_ns), start_ns << 32 | pid);
}

struct sysmon_guid identity_logon(const struct identity *identity, uint64_t logon_time, uint32_t audit_session)
{
    if (audit_session == UINT32_MAX)
        return (struct sysmon_guid){ { 0 } };
    return guid_compose(identity->machine, logon_time, audit_session);
}
