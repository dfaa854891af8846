/* SPDX-License-Identifier: MIT */
#include "network_decode.h"

#include <errno.h>
#include <string.h>

#define PID_UNKNOWN 0xFFFFFFFFu

/* {9a280ac0-c8e0-11d1-84e2-00c04fb998a2}, {bf3a50c5-a9c9-4988-a005-2df0b7c80f80} */
const struct sysmon_guid network_tcp_class = { { 0xC0, 0x0A, 0x28, 0x9A, 0xE0, 0xC8, 0xD1, 0x11, 0x84, 0xE2, 0x00, 0xC0, 0x4F, 0xB9, 0x98, 0xA2 } };
const struct sysmon_guid network_udp_class = { { 0xC5, 0x50, 0x3A, 0xBF, 0xC9, 0xA9, 0x88, 0x49, 0xA0, 0x05, 0x2D, 0xF0, 0xB7, 0xC8, 0x0F, 0x80 } };

/* Offsets of a layout; the smallest size that holds them all. */
struct layout {
    uint8_t pid, remote, local, remote_port, local_port, address_size;
    uint8_t size;
};

static const struct layout version_2_ipv4 = { 0, 8, 12, 16, 18, 4, 20 }; /* version 1 too */
static const struct layout version_2_ipv6 = { 0, 8, 24, 40, 42, 16, 44 };
static const struct layout version_0_tcp = { 16, 0, 4, 8, 10, 4, 20 };

/* Opcodes of IPv4; IPv6 has them 16 higher. */
static enum network_kind tcp_kind(unsigned opcode)
{
    switch (opcode) {
    case 12:
        return NETWORK_CONNECT;
    case 15:
        return NETWORK_ACCEPT;
    }
    return NETWORK_OTHER; /* data, disconnection, retransmission …: never reported */
}

static enum network_kind udp_kind(unsigned opcode)
{
    switch (opcode) {
    case 10:
        return NETWORK_SEND;
    case 11:
        return NETWORK_RECEIVE;
    }
    return NETWORK_OTHER;
}

/* Newer manifests number datagrams 42, 43, 58, 59. */
static unsigned udp_opcode(unsigned opcode)
{
    return opcode == 42 || opcode == 43 || opcode == 58 || opcode == 59 ? opcode - 32 : opcode;
}

/* Is this provider and opcode reported at all? */
static bool classify(struct network_flow *flow, const struct trace_record *record)
{
    unsigned opcode = record->opcode;

    flow->udp = !memcmp(&record->provider, &network_udp_class, sizeof(record->provider));
    if (!flow->udp && memcmp(&record->provider, &network_tcp_class, sizeof(record->provider)))
        return false;
    if (flow->udp)
        opcode = udp_opcode(opcode);
    flow->ipv6 = opcode >= 26;
    opcode -= flow->ipv6 ? 16 : 0;
    flow->kind = (uint8_t)(flow->udp ? udp_kind(opcode) : tcp_kind(opcode));
    flow->initiated = flow->kind == NETWORK_CONNECT || flow->kind == NETWORK_SEND;
    return flow->kind != NETWORK_OTHER;
}

static uint32_t u32_at(const uint8_t *data, size_t offset)
{
    return data[offset] | (uint32_t)data[offset + 1] << 8 | (uint32_t)data[offset + 2] << 16 | (uint32_t)data[offset + 3] << 24;
}

static void take_end(struct network_end *end, const uint8_t *data, size_t address, size_t address_size, size_t port)
{
    memcpy(end->address, data + address, address_size);
    end->port = (uint16_t)(data[port] << 8 | data[port + 1]);
}

/*
 * UDP of the first Windows XP has no process: context, then the local end, a size, the remote end. What it says cannot be
 * attributed, so it is refused like any other layout that is not known.
 */
static const struct layout *layout_of(const struct network_flow *flow, unsigned version)
{
    if (version >= 2)
        return flow->ipv6 ? &version_2_ipv6 : &version_2_ipv4;
    if (flow->ipv6)
        return NULL;
    if (version == 1)
        return &version_2_ipv4;
    return flow->udp ? NULL : &version_0_tcp;
}

int network_decode(struct network_flow *out, const struct trace_record *record)
{
    struct network_flow flow = { .time = record->time };
    struct network_end local = { { 0 }, 0 }, remote = { { 0 }, 0 };
    const struct layout *layout;

    if (!classify(&flow, record))
        return 0;
    layout = layout_of(&flow, record->version);
    if (!layout || record->size < layout->size)
        return -EBADMSG;
    flow.pid = u32_at(record->data, layout->pid);
    if (flow.pid == PID_UNKNOWN)
        return -EBADMSG;
    take_end(&local, record->data, layout->local, layout->address_size, layout->local_port);
    take_end(&remote, record->data, layout->remote, layout->address_size, layout->remote_port);
    /* for a received datagram `local` is the sender: the same swap gives what the original shows (spec 09 section 5.8) */
    flow.source = flow.initiated ? local : remote;
    flow.destination = flow.initiated ? remote : local;
    *out = flow;
    return 1;
}
