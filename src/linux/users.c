/* SPDX-License-Identifier: MIT */
#include "linux/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWD "/etc/passwd"
#define USERS_LIMIT 65536u  /* names kept; more are shown as numbers */
#define NUMBERS_LIMIT 4096u /* texts of nameless users kept; then they are built anew */

struct user {
    uint32_t uid;
    char *name;
    bool number; /* not in the file */
};

struct users {
    struct user *user; /* open addressing; a power of two, at most half full */
    uint32_t capacity, count, numbers;
    struct stat status; /* of the file as read */
};

static uint32_t slot_of(const struct users *users, uint32_t uid)
{
    uint32_t slot = uid * 2654435769u & (users->capacity - 1);

    while (users->user[slot].name && users->user[slot].uid != uid)
        slot = (slot + 1) & (users->capacity - 1);
    return slot;
}

static void clear(struct users *users)
{
    for (uint32_t i = 0; i < users->capacity; i++) {
        free(users->user[i].name);
        users->user[i].name = NULL;
    }
    users->count = users->numbers = 0;
}

static int grow(struct users *users)
{
    struct users larger = { calloc(users->capacity ? users->capacity * 2u : 64u, sizeof *larger.user),
                            users->capacity ? users->capacity * 2 : 64 };

    if (!larger.user)
        return -ENOMEM;
    for (uint32_t i = 0; i < users->capacity; i++)
        if (users->user[i].name)
            larger.user[slot_of(&larger, users->user[i].uid)] = users->user[i];
    free(users->user);
    users->user = larger.user;
    users->capacity = larger.capacity;
    return 0;
}

/* The first line of a uid counts, as for the C library. */
static struct user *add(struct users *users, uint32_t uid, const char *name, bool number)
{
    struct user *user;

    if (users->count >= users->capacity / 2 && grow(users))
        return NULL;
    user = &users->user[slot_of(users, uid)];
    if (user->name)
        return user;
    user->name = strdup(name);
    if (!user->name)
        return NULL;
    user->uid = uid;
    user->number = number;
    users->count++;
    users->numbers += number;
    return user;
}

static void load(struct users *users)
{
    FILE *file = fopen(PASSWD, "re");
    struct passwd *entry;

    clear(users);
    if (!file)
        return;
    if (!fstat(fileno(file), &users->status))
        while (users->count < USERS_LIMIT && (entry = fgetpwent(file)))
            add(users, entry->pw_uid, entry->pw_name, false);
    fclose(file);
}

int users_create(struct users **out)
{
    struct users *users = calloc(1, sizeof *users);

    if (!users || grow(users)) {
        free(users);
        return -ENOMEM;
    }
    load(users);
    *out = users;
    return 0;
}

void users_destroy(struct users *users)
{
    if (!users)
        return;
    clear(users);
    free(users->user);
    free(users);
}

struct match_text users_name(struct users *users, uint32_t uid)
{
    struct user *user = &users->user[slot_of(users, uid)];
    char text[16];

    if (!user->name) {
        snprintf(text, sizeof text, "%u", uid);
        user = add(users, uid, text, true);
        if (!user)
            return (struct match_text){ "-", 1 };
    }
    return (struct match_text){ user->name, (uint32_t)strlen(user->name) };
}

void users_refresh(struct users *users)
{
    struct stat status;

    if (users->numbers > NUMBERS_LIMIT)
        load(users);
    else if (!stat(PASSWD, &status) &&
             (status.st_ino != users->status.st_ino || status.st_size != users->status.st_size ||
              status.st_mtim.tv_sec != users->status.st_mtim.tv_sec ||
              status.st_mtim.tv_nsec != users->status.st_mtim.tv_nsec || status.st_dev != users->status.st_dev))
        load(users);
}
