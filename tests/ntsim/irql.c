/* SPDX-License-Identifier: MIT */
#include "irql.h"

#include "export.h"
#include "host.h"
#include "mm.h"
#include "sched.h"
#include "verify.h"

KIRQL irql_raise(KIRQL to)
{
    struct runner *me = self();
    KIRQL old = me->irql;

    if (to < old)
        bug("irql-raise", "raised to %u while already at %u", to, old);
    me->irql = to;
    if (to >= DISPATCH_LEVEL && old < DISPATCH_LEVEL)
        mm_evict();
    return old;
}

void irql_lower(KIRQL to)
{
    if (to > self()->irql)
        bug("irql-lower", "lowered to %u while at %u", to, self()->irql);
    self()->irql = to;
}

EXPORT(KIRQL, KeGetCurrentIrql, (void)) { return self()->irql; }
EXPORT(VOID, KeLowerIrql, (KIRQL to)) { irql_lower(to); }
EXPORT(KIRQL, KeRaiseIrqlToDpcLevel, (void)) { return irql_raise(DISPATCH_LEVEL); }
EXPORT_FAST(KIRQL, KfRaiseIrql, (KIRQL to)) { return irql_raise(to); }
EXPORT_FAST(VOID, KfLowerIrql, (KIRQL to)) { irql_lower(to); }

/* 44 0f 20 c0+r  mov r64, cr8        44 0f 22 c0+r  mov cr8, r64        (41/45 prefix forms for r8-r15) */
bool irql_instruction(struct host_fault *fault)
{
    const uint8_t *code = (const uint8_t *)fault->pc;
    int number;

    if ((code[0] & 0xfe) != 0x44 || code[1] != 0x0f || (code[2] & 0xfd) != 0x20 || (code[3] & 0xf8) != 0xc0)
        return false;
    number = (code[3] & 7) | (code[0] & 1) << 3;
    if (code[2] == 0x20)
        host_register_set(fault->context, number, self()->irql);
    else
        self()->irql = (KIRQL)host_register(fault->context, number);
    if (code[2] == 0x22 && self()->irql >= DISPATCH_LEVEL)
        mm_evict();
    host_pc_set(fault->context, fault->pc + 4);
    return true;
}

/* --- crossing into the driver and back --------------------------------------------------------------------------------- */

static size_t deepest;
static uintptr_t deepest_place;

void cross_note_stack(uintptr_t sp, uintptr_t pc)
{
    struct runner *me = self();

    if (me->entry_sp > sp && me->entry_sp - sp > deepest && me->entry_sp - sp < me->stack_size) {
        deepest = me->entry_sp - sp;
        deepest_place = pc;
    }
}

size_t cross_depth(uintptr_t *where)
{
    if (where)
        *where = deepest_place;
    return deepest;
}

void cross_in(struct crossing *crossing, const char *what)
{
    struct runner *me = self();

    *crossing = (struct crossing){what, me->irql, me->held_count, me->normal_apcs_off, me->all_apcs_off, me->attach_depth, me->entry_sp, me->inside};
    me->inside = what;
    me->entry_sp = (uintptr_t)__builtin_frame_address(0);
    me->driver_depth++;
}

void cross_out(struct crossing *crossing)
{
    struct runner *me = self();

    me->driver_depth--;
    me->inside = crossing->outer;
    me->entry_sp = crossing->entry_sp;
    if (me->irql != crossing->irql)
        bug("irql-changed", "%s was entered at IRQL %u and returned at %u", crossing->what, crossing->irql, me->irql);
    if (me->held_count != crossing->held)
        bug("lock-held", "%s returned with %d lock(s) more than it had", crossing->what, (int)(me->held_count - crossing->held));
    if (me->normal_apcs_off != crossing->normal_apcs_off || me->all_apcs_off != crossing->all_apcs_off)
        bug("apc-state", "%s returned with APCs disabled (or enabled) differently", crossing->what);
    if (me->attach_depth != crossing->attach_depth)
        bug("attached", "%s returned attached to another process", crossing->what);
    me->irql = crossing->irql;
}
