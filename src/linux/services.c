/* SPDX-License-Identifier: MIT */
#include "linux/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES "/etc/services"
#define NAME_SIZE 20 /* RFC 6335 allows 15 characters */

struct service {
    uint16_t port;
    bool udp;
    char name[NAME_SIZE];
};

static struct service *services; /* by port, then tcp before udp */
static size_t service_count;

static int compare(const void *left, const void *right)
{
    const struct service *a = left, *b = right;

    return a->port != b->port ? (a->port > b->port) - (a->port < b->port) : a->udp - b->udp;
}

/* `name port/protocol [alias…]`. The first line of a port counts. */
static bool parse(const char *line, struct service *out)
{
    char name[NAME_SIZE], protocol[8];
    unsigned port;

    if (*line == '#' || sscanf(line, "%19s %u/%7s", name, &port, protocol) != 3 || port > 65535 ||
        (strcmp(protocol, "tcp") && strcmp(protocol, "udp")))
        return false;
    out->port = (uint16_t)port;
    out->udp = *protocol == 'u';
    memcpy(out->name, name, sizeof name);
    return true;
}

static void load(void)
{
    FILE *file = fopen(SERVICES, "re");
    struct service service = { 0 };
    char line[256];
    size_t capacity = 0;

    if (!file)
        return;
    while (service_count < 65536 && fgets(line, sizeof line, file)) {
        if (!parse(line, &service))
            continue;
        if (service_count == capacity) {
            struct service *larger = realloc(services, (capacity + 512) * sizeof *services);

            if (!larger)
                break;
            services = larger;
            capacity += 512;
        }
        services[service_count++] = service;
    }
    fclose(file);
    qsort(services, service_count, sizeof *services, compare);
}

const char *service_name(uint16_t port, bool udp)
{
    static bool loaded;
    struct service key = { .port = port, .udp = udp }, *found;

    if (!loaded) {
        loaded = true;
        load();
    }
    found = service_count ? bsearch(&key, services, service_count, sizeof *services, compare) : NULL;
    return found ? found->name : NULL;
}
