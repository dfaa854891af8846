/* SPDX-License-Identifier: MIT */
/*
 * Loaded into a program before it starts (LD_PRELOAD): gives up the program's own mappings and claims, by
 * prctl(PR_SET_MM_EXE_FILE), to run CLAIM_IMAGE instead. The kernel allows that only when nothing of the old file is mapped.
 * That takes CAP_SYS_RESOURCE; with CLAIM_BY_MAP in the environment it is done as anybody can: in a user namespace of one's own,
 * by PR_SET_MM_MAP.
 */
#include <fcntl.h>

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_RANGES 64

static unsigned own_ranges(unsigned long (*range)[2], const char *program)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned count = 0;

    while (maps && count < MAX_RANGES && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');

        if (!path || sscanf(line, "%lx-%lx", &range[count][0], &range[count][1]) != 2)
            continue;
        path[strcspn(path, "\n")] = 0;
        count += !strcmp(path, program);
    }
    if (maps)
        fclose(maps);
    return count;
}

/* Addresses that are in order are all the kernel asks for; nothing of the program runs any more. */
static int claim_by_map(int fd)
{
    struct prctl_mm_map map = { .exe_fd = (uint32_t)fd };
    const uint64_t somewhere = 0x10000000;

    map.start_code = somewhere;
    map.end_code = map.start_data = map.end_data = somewhere + 4096;
    map.start_brk = map.brk = map.start_stack = map.arg_start = map.arg_end = map.env_start = map.env_end = somewhere + 8192;
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

__attribute__((constructor)) static void claim(void)
{
    unsigned long range[MAX_RANGES][2];
    const char *image = getenv("CLAIM_IMAGE"), *by_map = getenv("CLAIM_BY_MAP");
    char program[512] = "";
    unsigned count;
    int fd;

    if (!image || readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        _exit(2);
    fd = open(image, O_RDONLY | O_CLOEXEC);
    if (by_map && unshare(CLONE_NEWUSER))
        _exit(3);
    count = own_ranges(range, program);
    for (unsigned i = 0; i < count; i++)
        munmap((void *)range[i][0], range[i][1] - range[i][0]);
    if (fd < 0)
        _exit(4);
    _exit((by_map ? claim_by_map(fd) : prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0)) ? 1 : 0);
}
