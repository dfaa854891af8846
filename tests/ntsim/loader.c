/* SPDX-License-Identifier: MIT */
#include "loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "mm.h"
#include "module.h"
#include "profile.h"
#include "verify.h"

static struct image current;
static struct driver_file current_file;

#pragma pack(push, 1)
struct coff_symbol {
    union {
        char name[8];
        struct {
            uint32_t zeroes, offset;
        };
    };
    uint32_t value;
    int16_t section;
    uint16_t type;
    uint8_t class;
    uint8_t auxiliaries;
};
#pragma pack(pop)

const struct image *loader_image(void) { return &current; }
bool loader_contains(uintptr_t pc) { return pc - (uintptr_t)current.base < current.size; }
uint32_t loader_offset(uintptr_t pc) { return (uint32_t)(pc - (uintptr_t)current.base); }

static IMAGE_NT_HEADERS *headers_of(const uint8_t *base)
{
    return (IMAGE_NT_HEADERS *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
}

int loader_read(const char *path, struct driver_file *file)
{
    IMAGE_NT_HEADERS *nt;

    file->path = path;
    file->data = host_read_file(path, &file->size);
    if (!file->data)
        return -1;
    nt = headers_of(file->data);
    if (file->size < 0x400 || ((IMAGE_DOS_HEADER *)file->data)->e_magic != IMAGE_DOS_SIGNATURE ||
        nt->Signature != IMAGE_NT_SIGNATURE || nt->FileHeader.Machine != BY_ARCH(IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_I386))
        return -1;
    return 0;
}

/* --- symbols ---------------------------------------------------------------------------------------------------------- */

static const char *symbol_name(const struct coff_symbol *symbol, const char *strings)
{
    static char name[9];

    if (symbol->zeroes == 0)
        return strings + symbol->offset;
    memcpy(name, symbol->name, 8);
    return name;
}

const char *loader_symbol(uintptr_t pc, uint32_t *offset)
{
    IMAGE_NT_HEADERS *nt = current_file.data ? headers_of(current_file.data) : NULL;
    const struct coff_symbol *table, *best = NULL;
    uint32_t rva = loader_offset(pc), best_rva = 0, count;

    if (!nt || !nt->FileHeader.PointerToSymbolTable || !loader_contains(pc))
        return NULL;
    count = nt->FileHeader.NumberOfSymbols;
    table = (const struct coff_symbol *)(current_file.data + nt->FileHeader.PointerToSymbolTable);
    for (uint32_t i = 0; i < count; i += 1u + table[i].auxiliaries) {
        uint32_t at;

        if (table[i].section <= 0 || table[i].section > nt->FileHeader.NumberOfSections || (table[i].type & 0xf0) != 0x20)
            continue;
        at = IMAGE_FIRST_SECTION(nt)[table[i].section - 1].VirtualAddress + table[i].value;
        if (at <= rva && at >= best_rva) {
            best = &table[i];
            best_rva = at;
        }
    }
    if (!best)
        return NULL;
    *offset = rva - best_rva;
    return symbol_name(best, (const char *)(table + count));
}

/* --- mapping ------------------------------------------------------------------------------------------------------------ */

static void copy_sections(const struct driver_file *file, uint8_t *base)
{
    IMAGE_NT_HEADERS *nt = headers_of(file->data);
    IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(nt);

    memcpy(base, file->data, nt->OptionalHeader.SizeOfHeaders);
    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; i++) {
        uint32_t size = section[i].SizeOfRawData < section[i].Misc.VirtualSize ? section[i].SizeOfRawData : section[i].Misc.VirtualSize;

        memcpy(base + section[i].VirtualAddress, file->data + section[i].PointerToRawData, size);
    }
}

static void relocate(uint8_t *base)
{
    IMAGE_NT_HEADERS *nt = headers_of(base);
    IMAGE_DATA_DIRECTORY *directory = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_BASERELOC];
    uintptr_t delta = (uintptr_t)base - (uintptr_t)nt->OptionalHeader.ImageBase;
    uint8_t *at = base + directory->VirtualAddress, *end = at + directory->Size;

    while (directory->Size && at < end && ((IMAGE_BASE_RELOCATION *)at)->SizeOfBlock) {
        IMAGE_BASE_RELOCATION *block = (IMAGE_BASE_RELOCATION *)at;
        uint16_t *entry = (uint16_t *)(block + 1);

        for (uint32_t n = (block->SizeOfBlock - sizeof *block) / 2; n; n--, entry++)
            if (*entry >> 12 == IMAGE_REL_BASED_DIR64)
                *(uint64_t *)(base + block->VirtualAddress + (*entry & 0xfff)) += delta;
            else if (*entry >> 12 == IMAGE_REL_BASED_HIGHLOW)
                *(uint32_t *)(base + block->VirtualAddress + (*entry & 0xfff)) += (uint32_t)delta;
        at += block->SizeOfBlock;
    }
}

static NTSTATUS bind_module(uint8_t *base, IMAGE_IMPORT_DESCRIPTOR *import)
{
    const char *name = (const char *)base + import->Name;
    const struct module *module = module_find(name);
    IMAGE_THUNK_DATA *look = (IMAGE_THUNK_DATA *)(base + (import->OriginalFirstThunk ? import->OriginalFirstThunk : import->FirstThunk));
    IMAGE_THUNK_DATA *slot = (IMAGE_THUNK_DATA *)(base + import->FirstThunk);

    if (!module) {
        say("load: module %s does not exist", name);
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    for (; look->u1.AddressOfData; look++, slot++) {
        const char *symbol = (const char *)((IMAGE_IMPORT_BY_NAME *)(base + look->u1.AddressOfData))->Name;
        void *address = module_export(module, symbol);

        if (!address) {
            say("load: %s does not export %s on %s", name, symbol, profile->name);
            return STATUS_DRIVER_ENTRYPOINT_NOT_FOUND;
        }
        slot->u1.Function = (uintptr_t)address;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS bind(uint8_t *base)
{
    IMAGE_DATA_DIRECTORY *directory = &headers_of(base)->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    IMAGE_IMPORT_DESCRIPTOR *import = (IMAGE_IMPORT_DESCRIPTOR *)(base + directory->VirtualAddress);
    NTSTATUS status = STATUS_SUCCESS;

    for (; directory->Size && import->Name && NT_SUCCESS(status); import++)
        status = bind_module(base, import);
    return status;
}

static int protection_of(uint32_t characteristics)
{
    if (characteristics & IMAGE_SCN_MEM_EXECUTE)
        return characteristics & IMAGE_SCN_MEM_WRITE ? HOST_WRITE_EXECUTE : HOST_EXECUTE;
    return characteristics & IMAGE_SCN_MEM_WRITE ? HOST_WRITE : HOST_READ;
}

static bool is_pageable(const IMAGE_SECTION_HEADER *section) { return memcmp(section->Name, "PAGE", 4) == 0; }

static void protect_sections(uint8_t *base)
{
    IMAGE_NT_HEADERS *nt = headers_of(base);
    IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(nt);

    mm_image_protect(base, nt->OptionalHeader.SizeOfHeaders, HOST_READ, false);
    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; i++)
        mm_image_protect(base + section[i].VirtualAddress, section[i].Misc.VirtualSize,
                         protection_of(section[i].Characteristics), is_pageable(&section[i]));
}

static void *function_table(uint8_t *base, uint32_t *count)
{
    IMAGE_DATA_DIRECTORY *directory = &headers_of(base)->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXCEPTION];

    *count = directory->Size / 12;
    return base + directory->VirtualAddress;
}

NTSTATUS loader_map(const struct driver_file *file, struct image *image)
{
    IMAGE_NT_HEADERS *nt = headers_of(file->data);
    uint8_t *base = mm_image(nt->OptionalHeader.SizeOfImage);
    uint32_t functions;
    void *table;
    NTSTATUS status;

    copy_sections(file, base);
    relocate(base);
    status = bind(base);
    if (!NT_SUCCESS(status))
        return status;
    current_file = *file;
    current = (struct image){base, nt->OptionalHeader.SizeOfImage, (PDRIVER_INITIALIZE)(base + nt->OptionalHeader.AddressOfEntryPoint),
                             nt->OptionalHeader.DllCharacteristics};
    *image = current;
    table = function_table(base, &functions);
    protect_sections(base);
    host_functions_add(base, table, functions);
    return STATUS_SUCCESS;
}

void loader_discard_init(struct image *image)
{
    IMAGE_NT_HEADERS *nt = headers_of(image->base);
    IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(nt);

    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; i++)
        if (section[i].Characteristics & IMAGE_SCN_MEM_DISCARDABLE && memcmp(section[i].Name, ".reloc", 6) != 0)
            mm_image_protect(image->base + section[i].VirtualAddress, section[i].Misc.VirtualSize, HOST_NONE, false);
}

void loader_unmap(struct image *image)
{
    uint32_t functions;

    host_functions_remove(function_table(image->base, &functions));
    mm_image_gone(image->base, image->size);
}

/* --- inspection (spec 08 section 6) -------------------------------------------------------------------------------------- */

static uint32_t checksum(const struct driver_file *file, size_t field)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < file->size; i += 2) {
        uint32_t word = file->data[i] | (i + 1 < file->size ? (uint32_t)file->data[i + 1] << 8 : 0);

        if (i >= field && i < field + 4)
            word = 0;
        sum += word;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum + (uint32_t)file->size;
}

static void inspect_sections(const IMAGE_NT_HEADERS *nt)
{
    const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(nt);
    const uint32_t both = IMAGE_SCN_MEM_WRITE | IMAGE_SCN_MEM_EXECUTE;

    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; i++) {
        if ((section[i].Characteristics & both) == both)
            bug("image", "section %.8s is writable and executable: memory integrity refuses it", section[i].Name);
        if (memcmp(section[i].Name, "INIT", 5) == 0 && !(section[i].Characteristics & IMAGE_SCN_MEM_DISCARDABLE))
            bug("image", "section INIT is not discardable");
    }
}

void loader_inspect(const struct driver_file *file)
{
    IMAGE_NT_HEADERS *nt = headers_of(file->data);
    IMAGE_OPTIONAL_HEADER *o = &nt->OptionalHeader;
    size_t field = (size_t)((uint8_t *)&o->CheckSum - file->data);

    if (checksum(file, field) != o->CheckSum)
        bug("image", "header checksum 0x%x, should be 0x%x", (unsigned)o->CheckSum, checksum(file, field));
    if (o->Subsystem != IMAGE_SUBSYSTEM_NATIVE)
        bug("image", "subsystem %u is not native", o->Subsystem);
    if (o->MajorSubsystemVersion > 5 || (o->MajorSubsystemVersion == 5 && o->MinorSubsystemVersion > 2))
        bug("image", "subsystem version %u.%u is newer than 5.2", o->MajorSubsystemVersion, o->MinorSubsystemVersion);
    if (o->SectionAlignment < 0x1000)
        bug("image", "section alignment 0x%x", (unsigned)o->SectionAlignment);
    if (nt->FileHeader.Characteristics & IMAGE_FILE_RELOCS_STRIPPED)
        bug("image", "relocations are stripped");
    if ((o->DllCharacteristics & 0x140) != 0x140)
        bug("image", "NX_COMPAT and DYNAMIC_BASE are wanted, DllCharacteristics is 0x%x", o->DllCharacteristics);
    if (o->DataDirectory[IMAGE_DIRECTORY_ENTRY_TLS].Size)
        bug("image", "has thread-local storage");
    inspect_sections(nt);
}
