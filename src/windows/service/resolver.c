/* SPDX-License-Identifier: MIT */
#include <winsock2.h> /* before windows.h */
#include <ws2tcpip.h>

#include "resolver.h"
#include "name_cache.h"
#include "random.h"
#include "system.h"
#include "wide.h"

#include <stdlib.h>
#include <string.h>

#define THREADS 50
#define WAITING 400
#define NAME_UNITS 1025

typedef int(WINAPI *name_function)(const struct sockaddr *, socklen_t, wchar_t *, DWORD, wchar_t *, DWORD, int);

static struct {
    CRITICAL_SECTION lock;
    name_function get_name;
    struct name_cache *cache;
    struct name_key waiting[WAITING];
    unsigned first, count, threads;
} resolver;
static volatile LONG opened; /* 0 not yet, 1 being opened, 2 ready, 3 failed */

static DWORD open_all(void)
{
    int(WINAPI *startup)(WORD, WSADATA *) = system_function("ws2_32.dll", "WSAStartup");
    uint8_t key[16];
    WSADATA data;

    resolver.get_name = (name_function)system_function("ws2_32.dll", "GetNameInfoW");
    if (!startup || !resolver.get_name || startup(MAKEWORD(2, 2), &data))
        return ERROR_NOT_SUPPORTED;
    random_bytes(key, sizeof(key));
    if (name_cache_create(&resolver.cache, 0, key))
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&resolver.lock);
    return ERROR_SUCCESS;
}

DWORD resolver_open(void)
{
    if (!InterlockedCompareExchange(&opened, 1, 0))
        InterlockedExchange(&opened, open_all() ? 3 : 2);
    while (opened == 1)
        Sleep(1);
    return opened == 2 ? ERROR_SUCCESS : ERROR_NOT_SUPPORTED;
}

static bool is_port(const struct name_key *key)
{
    return key->kind >= NAME_TCP_PORT;
}

/* The name in `out`, empty when there is none. */
static void look_up(const struct name_key *key, wchar_t *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    wchar_t number[8];
    int error;

    *out = 0;
    if (is_port(key)) {
        v4.sin_port = (u_short)(key->address[0] | key->address[1] << 8); /* network order in memory */
        _snwprintf(number, 8, L"%u", (unsigned)key->address[0] << 8 | key->address[1]);
        error = resolver.get_name((struct sockaddr *)&v4, sizeof(v4), NULL, 0, out, NAME_UNITS, key->kind == NAME_UDP_PORT ? NI_DGRAM : 0);
        if (error || !wcscmp(out, number))
            *out = 0;
        return;
    }
    memcpy(&v4.sin_addr, key->address, 4);
    memcpy(&v6.sin6_addr, key->address, 16);
    error = key->kind == NAME_IPV4 ? resolver.get_name((struct sockaddr *)&v4, sizeof(v4), out, NAME_UNITS, NULL, 0, NI_NAMEREQD)
                                   : resolver.get_name((struct sockaddr *)&v6, sizeof(v6), out, NAME_UNITS, NULL, 0, NI_NAMEREQD);
    if (error)
        *out = 0;
}

static void answer(const struct name_key *key)
{
    wchar_t wide[NAME_UNITS];
    char *name;

    look_up(key, wide);
    name = wide_to_utf8(wide);
    EnterCriticalSection(&resolver.lock);
    name_cache_answer(resolver.cache, key, name ? name : "", name ? strlen(name) : 0);
    LeaveCriticalSection(&resolver.lock);
    free(name);
}

static bool next(struct name_key *out)
{
    bool got;

    EnterCriticalSection(&resolver.lock);
    got = resolver.count > 0;
    if (got) {
        *out = resolver.waiting[resolver.first];
        resolver.first = (resolver.first + 1) % WAITING;
        resolver.count--;
    } else {
        resolver.threads--;
    }
    LeaveCriticalSection(&resolver.lock);
    return got;
}

static DWORD WINAPI worker(void *context)
{
    struct name_key key;

    (void)context;
    while (next(&key))
        answer(&key);
    return 0;
}

/* Lock held. */
static void start_worker(void)
{
    HANDLE thread = CreateThread(NULL, 64 << 10, worker, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

    if (!thread)
        return;
    resolver.threads++;
    CloseHandle(thread);
}

static void want(const struct name_key *key)
{
    EnterCriticalSection(&resolver.lock);
    if (name_cache_ask(resolver.cache, key, GetTickCount())) {
        if (resolver.count == WAITING) {
            name_cache_forget(resolver.cache, key);
        } else {
            resolver.waiting[(resolver.first + resolver.count++) % WAITING] = *key;
            if (resolver.threads < THREADS)
                start_worker();
        }
    }
    LeaveCriticalSection(&resolver.lock);
}

static struct name_key address_key(const uint8_t address[16], bool ipv6)
{
    struct name_key key = { .kind = ipv6 ? NAME_IPV6 : NAME_IPV4 };

    memcpy(key.address, address, ipv6 ? 16 : 4);
    return key;
}

static struct name_key port_key(uint16_t port, bool udp)
{
    return (struct name_key){ { (uint8_t)(port >> 8), (uint8_t)port }, udp ? NAME_UDP_PORT : NAME_TCP_PORT };
}

void resolver_want(const struct network_flow *flow)
{
    const struct network_end *ends[2] = { &flow->source, &flow->destination };

    for (unsigned i = 0; i < 2; i++) {
        struct name_key address = address_key(ends[i]->address, flow->ipv6), port = port_key(ends[i]->port, flow->udp);

        want(&address);
        if (ends[i]->port && ends[i]->port <= NETWORK_LAST_NAMED_PORT)
            want(&port);
    }
}

static struct match_text find(struct pool *pool, const struct name_key *key)
{
    struct match_text name;

    EnterCriticalSection(&resolver.lock);
    name = pool_copy(pool, name_cache_find(resolver.cache, key));
    LeaveCriticalSection(&resolver.lock);
    return name;
}

static struct match_text host(void *context, struct pool *pool, const uint8_t address[16], bool ipv6)
{
    const struct name_key key = address_key(address, ipv6);

    (void)context;
    return find(pool, &key);
}

static struct match_text port(void *context, struct pool *pool, uint16_t number, bool udp)
{
    const struct name_key key = port_key(number, udp);

    (void)context;
    return find(pool, &key);
}

const struct network_names resolver_names = { host, port, NULL };
