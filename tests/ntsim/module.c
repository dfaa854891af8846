/* SPDX-License-Identifier: MIT */
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "fault.h"
#include "host.h"
#include "irql.h"
#include "mm.h"
#include "profile.h"
#include "sched.h"
#include "verify.h"

enum { STUB_SIZE = 32, GATES_MAX = 1200, MODULES = 3 };

struct gate {
    const struct export_fact *fact;
    const struct export *entry; /* NULL: exists in NT, not in this simulator */
    uint64_t calls;
    uint8_t *address;           /* stub or variable */
    uint8_t module;
};

static struct export *exports;
static struct gate gates[GATES_MAX];
static uint32_t gate_total;
static struct module modules[MODULES];
static size_t modules_present;
static bool checking = true;
bool gate_tracing;
static uint8_t shared_data[0x400];

void export_add(struct export *entry)
{
    entry->next = exports;
    exports = entry;
}

static const struct export *export_find(const char *name)
{
    for (const struct export *e = exports; e; e = e->next)
        if (strcmp(e->name, name) == 0)
            return e;
    return NULL;
}

/* --- the gate ------------------------------------------------------------------------------------------------------- */

const char *gate_name(uint32_t number) { return number < gate_total ? gates[number].fact->name : "nothing"; }
void gate_checks(bool on) { checking = on; }

uint64_t gate_calls(const char *name)
{
    for (uint32_t i = 0; i < gate_total; i++)
        if (strcmp(gates[i].fact->name, name) == 0)
            return gates[i].calls;
    return 0;
}

static void check_irql(const struct gate *gate, const struct runner *me)
{
    const struct export_fact *fact = gate->fact;

    if (me->irql > fact->max_irql)
        bug("irql-too-high", "%s called at IRQL %u, highest allowed %u", fact->name, me->irql, fact->max_irql);
    if (fact->min_dispatch && me->irql < DISPATCH_LEVEL)
        bug("irql-too-low", "%s called at IRQL %u, needs DISPATCH_LEVEL", fact->name, me->irql);
}

#ifdef _WIN64
static uintptr_t return_null(void) { return 0; }
static uintptr_t return_status(void) { return (uint32_t)STATUS_INSUFFICIENT_RESOURCES; }
#else
/* The callee pops its arguments: one function per size. */
#define POPS(n) __attribute__((naked)) static void null_##n(void) { __asm__("xorl %eax, %eax\n ret $" #n); } \
                __attribute__((naked)) static void status_##n(void) { __asm__("movl $0xC000009A, %eax\n ret $" #n); }
#define EACH_SIZE(X) X(0) X(4) X(8) X(12) X(16) X(20) X(24) X(28) X(32) X(36) X(40) X(44) X(48) X(52) X(56) X(60) X(64) X(68) X(72)
EACH_SIZE(POPS)
#define NULL_ENTRY(n) null_##n,
#define STATUS_ENTRY(n) status_##n,
static void (*const nulls[])(void) = {EACH_SIZE(NULL_ENTRY)};
static void (*const statuses[])(void) = {EACH_SIZE(STATUS_ENTRY)};
static unsigned popped(const struct export_fact *fact)
{
    unsigned size = fact->kind == FACT_STDCALL ? fact->arguments : fact->kind == FACT_FASTCALL && fact->arguments > 8 ? fact->arguments - 8u : 0;

    return size / 4;
}
#endif

static void raise_insufficient(void) { host_raise((uint32_t)STATUS_INSUFFICIENT_RESOURCES); }

static void *failing(const struct gate *gate)
{
    if (gate->entry->failure == FAILS_RAISE)
        return (void *)raise_insufficient;
#ifdef _WIN64
    return gate->entry->failure == FAILS_NULL ? (void *)return_null : (void *)return_status;
#else
    return (void *)(gate->entry->failure == FAILS_NULL ? nulls : statuses)[popped(gate->fact)];
#endif
}

/* Called by host_gate. stack[0] is the return address into the driver. */
void *gate_enter(uint32_t number, const uintptr_t *stack, const uintptr_t *registers);
void *gate_enter(uint32_t number, const uintptr_t *stack, const uintptr_t *registers)
{
    struct gate *gate = &gates[number];
    struct runner *me = self();

    (void)registers;
    me->gate = number;
    me->gate_caller = stack[0];
    if (!gate->entry)
        bugcheck("unimplemented", "%s exists on %s, but not in this simulator", gate->fact->name, profile->name);
    sched_tick();
    if (!checking)
        return gate->entry->function;
    gate->calls++;
    if (gate_tracing)
        say("%s: %s from %s", me->name, gate->fact->name, place(stack[0]));
    cross_note_stack((uintptr_t)stack, stack[0]);
    check_irql(gate, me);
    sched_preempt_point();
    if (gate->entry->failure != CANNOT_FAIL && fault_hit(gate->entry, stack[0]))
        return failing(gate);
    return gate->entry->function;
}

static void write_stub(uint8_t *at, uint32_t number)
{
#ifdef _WIN64
    uint64_t target = (uint64_t)(uintptr_t)host_gate;
    uint8_t code[] = {0x41, 0xBA, 0, 0, 0, 0,              /* mov r10d, number */
                      0x49, 0xBB, 0, 0, 0, 0, 0, 0, 0, 0,  /* mov r11, host_gate */
                      0x41, 0xFF, 0xE3};                   /* jmp r11 */
    memcpy(code + 2, &number, 4);
    memcpy(code + 8, &target, 8);
#else
    uint32_t target = (uint32_t)(uintptr_t)host_gate;
    uint8_t code[] = {0x68, 0, 0, 0, 0,                    /* push number */
                      0x68, 0, 0, 0, 0, 0xC3};             /* push host_gate; ret */
    memcpy(code + 1, &number, 4);
    memcpy(code + 6, &target, 4);
#endif
    memcpy(at, code, sizeof code);
}

/* --- images -------------------------------------------------------------------------------------------------------------- */

/* ReactOS' fltmgr.sys, which the nt52 profile has (spec 08 section 1.13). */
static const char *const small_fltmgr[] = {
    "FltAttachVolume", "FltBuildDefaultSecurityDescriptor", "FltClose", "FltCloseClientPort", "FltCloseCommunicationPort",
    "FltCreateCommunicationPort", "FltCreateFile", "FltCreateFileEx", "FltDetachVolume", "FltEnumerateVolumes",
    "FltFreeSecurityDescriptor", "FltGetDestinationFileNameInformation", "FltGetDiskDeviceObject", "FltGetFileNameInformation",
    "FltGetFileNameInformationUnsafe", "FltGetVolumeName", "FltGetVolumeProperties", "FltObjectDereference", "FltRegisterFilter",
    "FltReleaseFileNameInformation", "FltSendMessage", "FltStartFiltering", "FltUnregisterFilter"};

static bool in_small_fltmgr(const char *name)
{
    for (size_t i = 0; i < sizeof small_fltmgr / sizeof small_fltmgr[0]; i++)
        if (strcmp(small_fltmgr[i], name) == 0)
            return true;
    return false;
}

enum { NTOSKRNL, HAL, FLTMGR };

static bool belongs(const struct export_fact *fact, int module)
{
    bool hal = fact->hal >> BY_ARCH(0, 1) & 1;

    if (fact->first[BY_ARCH(0, 1)] > profile->build)
        return false;
    if (fact->module == FACT_FLTMGR)
        return module == FLTMGR && (profile->filter_manager_serves || in_small_fltmgr(fact->name));
    return module == (hal ? HAL : NTOSKRNL);
}

static uint32_t count_exports(int module)
{
    uint32_t n = 0;

    for (size_t i = 0; i < export_fact_count; i++)
        n += belongs(&export_facts[i], module);
    return n;
}

struct image_plan {
    uint32_t exports, directory, functions, names, ordinals, text, strings, data, end;
};

static struct image_plan plan_image(uint32_t exports_)
{
    struct image_plan p = {.exports = exports_};

    p.text = 0x1000;
    p.data = (p.text + exports_ * STUB_SIZE + 0xfff) & ~0xfffu;
    p.directory = p.data + 0x4000;
    p.functions = p.directory + sizeof(IMAGE_EXPORT_DIRECTORY);
    p.names = p.functions + exports_ * 4;
    p.ordinals = p.names + exports_ * 4;
    p.strings = p.ordinals + exports_ * 2;
    p.end = p.strings + exports_ * 48 + 64;
    return p;
}

static void write_headers(uint8_t *base, const struct image_plan *p)
{
    IMAGE_DOS_HEADER *dos = (IMAGE_DOS_HEADER *)base;
    IMAGE_NT_HEADERS *nt = (IMAGE_NT_HEADERS *)(base + 0x80);

    dos->e_magic = IMAGE_DOS_SIGNATURE;
    dos->e_lfanew = 0x80;
    nt->Signature = IMAGE_NT_SIGNATURE;
    nt->FileHeader.Machine = BY_ARCH(IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_I386);
    nt->FileHeader.SizeOfOptionalHeader = sizeof nt->OptionalHeader;
    nt->OptionalHeader.Magic = IMAGE_NT_OPTIONAL_HDR_MAGIC;
    nt->OptionalHeader.SizeOfImage = p->end;
    nt->OptionalHeader.SizeOfHeaders = 0x400;
    nt->OptionalHeader.NumberOfRvaAndSizes = IMAGE_NUMBEROF_DIRECTORY_ENTRIES;
    nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress = p->directory;
    nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].Size = p->end - p->directory;
}

static void write_directory(uint8_t *base, const struct image_plan *p, const char *name, uint32_t name_at)
{
    IMAGE_EXPORT_DIRECTORY *directory = (IMAGE_EXPORT_DIRECTORY *)(base + p->directory);

    memcpy(base + name_at, name, strlen(name) + 1);
    directory->Name = name_at;
    directory->Base = 1;
    directory->NumberOfFunctions = directory->NumberOfNames = p->exports;
    directory->AddressOfFunctions = p->functions;
    directory->AddressOfNames = p->names;
    directory->AddressOfNameOrdinals = p->ordinals;
}

static struct gate *gate_new(const struct export_fact *fact, int module)
{
    struct gate *gate = &gates[gate_total];

    if (gate_total++ == GATES_MAX)
        sim_error("too many exports");
    *gate = (struct gate){.fact = fact, .entry = export_find(fact->name), .module = (uint8_t)module};
    return gate;
}

/* Facts are sorted by name, as the loader's binary search over an export directory wants. */
static uint32_t write_exports(uint8_t *base, const struct image_plan *p, int module)
{
    uint32_t n = 0, data = p->data, strings = p->strings;

    for (size_t i = 0; i < export_fact_count; i++) {
        const struct export_fact *fact = &export_facts[i];
        uint32_t rva = p->text + n * STUB_SIZE;
        struct gate *gate;

        if (!belongs(fact, module))
            continue;
        gate = gate_new(fact, module);
        if (fact->kind == FACT_DATA) {
            rva = data;
            data += gate->entry ? (uint32_t)(gate->entry->data + 15) & ~15u : 16;
        } else {
            write_stub(base + rva, (uint32_t)(gate - gates));
        }
        gate->address = base + rva;
        ((uint32_t *)(base + p->functions))[n] = rva;
        ((uint32_t *)(base + p->names))[n] = strings;
        ((uint16_t *)(base + p->ordinals))[n] = (uint16_t)n;
        memcpy(base + strings, fact->name, strlen(fact->name) + 1);
        strings += (uint32_t)strlen(fact->name) + 1;
        n++;
    }
    return strings;
}

static void build(int index, const char *name, const char *full_name)
{
    struct image_plan p = plan_image(count_exports(index));
    uint8_t *base = mm_image(p.end);
    uint32_t strings;

    modules[index] = (struct module){name, full_name, base, p.end};
    write_headers(base, &p);
    strings = write_exports(base, &p, index);
    write_directory(base, &p, name, strings);
    mm_image_protect(base, p.text, HOST_READ, false);
    mm_image_protect(base + p.text, p.data - p.text, HOST_EXECUTE, false);
    mm_image_protect(base + p.directory, p.end - p.directory, HOST_READ, false);
    mm_image_keep(base);
}

void modules_refresh(void)
{
    for (uint32_t i = 0; i < gate_total; i++)
        if (gates[i].fact->kind == FACT_DATA && gates[i].entry)
            memcpy(gates[i].address, gates[i].entry->function, gates[i].entry->data);
}

void modules_build(void)
{
    gate_total = 0;
    modules_present = 3;
    build(NTOSKRNL, "ntoskrnl.exe", "\\SystemRoot\\system32\\ntoskrnl.exe");
    build(HAL, "hal.dll", "\\SystemRoot\\system32\\hal.dll");
    build(FLTMGR, "fltmgr.sys", "\\SystemRoot\\system32\\drivers\\fltmgr.sys");
    modules_refresh();
}

size_t module_count(void) { return modules_present; }
const struct module *module_at(size_t index) { return &modules[index]; }

const struct module *module_find(const char *name)
{
    for (size_t i = 0; i < modules_present; i++)
        if (_stricmp(modules[i].name, name) == 0)
            return &modules[i];
    return NULL;
}

void *module_export(const struct module *module, const char *name)
{
    for (uint32_t i = 0; i < gate_total; i++)
        if (gates[i].module == module - modules && strcmp(gates[i].fact->name, name) == 0)
            return gates[i].address;
    return NULL;
}

void *module_kernel_export(const char *name)
{
    void *found = module_export(&modules[NTOSKRNL], name);

    return found ? found : module_export(&modules[HAL], name);
}

const char *module_place(uintptr_t address)
{
    static char text[80];

    for (size_t i = 0; i < modules_present; i++) {
        if (address - (uintptr_t)modules[i].base >= modules[i].size)
            continue;
        snprintf(text, sizeof text, "%s+0x%x", modules[i].name, (unsigned)(address - (uintptr_t)modules[i].base));
        for (uint32_t g = 0; g < gate_total; g++)
            if (address - (uintptr_t)gates[g].address < STUB_SIZE)
                snprintf(text, sizeof text, "%s!%s", modules[i].name, gates[g].fact->name);
        return text;
    }
    return NULL;
}

EXPORT(PVOID, MmGetSystemRoutineAddress, (PUNICODE_STRING name))
{
    char narrow[128];
    size_t length = name->Length / sizeof(WCHAR);

    if (length >= sizeof narrow)
        return NULL;
    for (size_t i = 0; i < length; i++)
        narrow[i] = (char)name->Buffer[i];
    narrow[length] = 0;
    return module_kernel_export(narrow);
}

EXPORT(PVOID, FltGetRoutineAddress, (PCSTR name)) { return module_export(&modules[FLTMGR], name); }
EXPORT(PVOID, RtlFindExportedRoutineByName, (PVOID base, PCSTR name))
{
    for (size_t i = 0; i < modules_present; i++)
        if (modules[i].base == base)
            return module_export(&modules[i], name);
    return NULL;
}

EXPORT(PVOID, RtlPcToFileHeader, (PVOID pc, PVOID *base))
{
    *base = NULL;
    for (size_t i = 0; i < modules_present; i++)
        if ((uintptr_t)pc - (uintptr_t)modules[i].base < modules[i].size)
            *base = modules[i].base;
    return *base;
}

/* --- KUSER_SHARED_DATA (spec 08 section 4.2) -------------------------------------------------------------------------------- */

static void put_time(uint32_t offset, uint64_t value)
{
    uint32_t words[3] = {(uint32_t)value, (uint32_t)(value >> 32), (uint32_t)(value >> 32)};

    memcpy(shared_data + offset, words, sizeof words);
}

static void put(uint32_t offset, uint32_t value) { memcpy(shared_data + offset, &value, 4); }

static void refresh_shared_data(void)
{
    uint64_t now = (uint64_t)sched_now();

    put(0x4, 0xFA00000);                           /* 15.625 ms per tick */
    put_time(0x8, now - 0x1DA6EC5B0000000);        /* interrupt time */
    put_time(0x14, now);
    put_time(0x320, (now - 0x1DA6EC5B0000000) / 156250);
    put(0x264, 1);
    put(0x26C, profile->major);
    put(0x270, profile->minor);
    if (nt_at_least(WIN10)) {
        put(0x260, profile->build);
        put(0x2C4, 7);                             /* boot id */
    }
    memcpy(shared_data + 0x30, L"C:\\Windows", sizeof L"C:\\Windows");
}

struct load {
    int reg, size;
    unsigned length;
};

/* mov/movzx from memory into a register; everything a compiler makes of a volatile integer read. */
static bool decode_load(const uint8_t *code, struct load *load)
{
    const uint8_t *p = code;
    int rex = 0, operand = 4;
    uint8_t opcode, modrm;

    if (*p == 0x66)
        operand = 2, p++;
    if (BY_ARCH(1, 0) && (*p & 0xf0) == 0x40)
        rex = *p++;
    if (rex & 8)
        operand = 8;
    opcode = *p++;
    if (opcode == 0xA1) {
        *load = (struct load){0, operand, (unsigned)(p - code) + (unsigned)sizeof(void *)};
        return true;
    }
    if (opcode == 0x0f && (*p == 0xb6 || *p == 0xb7))
        operand = *p++ == 0xb6 ? 1 : 2;
    else if (opcode == 0x8a)
        operand = 1;
    else if (opcode != 0x8b)
        return false;
    modrm = *p++;
    if ((modrm >> 6) != 3 && (modrm & 7) == 4)
        p += (modrm >> 6) == 0 && (*p & 7) == 5 ? 5 : 1;
    p += (modrm >> 6) == 1 ? 1 : (modrm >> 6) == 2 || (modrm & 0xc7) == 5 ? 4 : 0;
    *load = (struct load){(modrm >> 3 & 7) | (rex & 4) << 1, operand, (unsigned)(p - code)};
    return true;
}

bool module_shared_data(struct host_fault *fault)
{
    static const uintptr_t page = (uintptr_t)BY_ARCH(0xFFFFF78000000000, 0xFFDF0000);
    uintptr_t offset = fault->address - page;
    struct load load;
    uint64_t value = 0;

    if (offset >= sizeof shared_data - 8 || fault->access != 0)
        return false;
    if (!decode_load((const uint8_t *)fault->pc, &load)) {
        bug_context(fault->context);
        bugcheck("unimplemented", "an instruction at %s reads shared data at +0x%x in a way the simulator cannot decode",
                 place(fault->pc), (unsigned)offset);
    }
    refresh_shared_data();
    memcpy(&value, shared_data + offset, (size_t)load.size);
    host_register_set(fault->context, load.reg, (uintptr_t)value);
    host_pc_set(fault->context, fault->pc + load.length);
    return true;
}
