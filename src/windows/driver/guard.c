/* SPDX-License-Identifier: MIT */
/*
 * A copy that survives faults. MSVC has __try; GCC has no structured exceptions in C, so the copy is one instruction in a
 * hand-made frame. x64: a scope table for __C_specific_handler, as MSVC writes it. x86: a registration record on the
 * FS:[0] chain, whose handler lets the thread continue at the exit of the copy.
 */
#include "guard.h"

#include "driver.h"

#if defined(_MSC_VER) && !defined(__clang__)

static NTSTATUS guarded_copy(void *to, const void *from, SIZE_T size)
{
    __try {
        memcpy(to, from, size);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
}

#else

/* STATUS_SUCCESS, or STATUS_ACCESS_VIOLATION whatever the fault was. */
NTSTATUS NTAPI guarded_copy(void *to, const void *from, SIZE_T size);

#ifdef _WIN64
__asm__("\t.text\n"
        "\t.globl guarded_copy\n"
        "\t.seh_proc guarded_copy\n"
        "guarded_copy:\n"
        "\tpushq %rdi\n"
        "\t.seh_pushreg %rdi\n"
        "\tpushq %rsi\n"
        "\t.seh_pushreg %rsi\n"
        "\tsubq $40, %rsp\n"
        "\t.seh_stackalloc 40\n"
        "\t.seh_endprologue\n"
        "\t.seh_handler __C_specific_handler, @except\n"
        "\t.seh_handlerdata\n"
        "\t.long 1\n"
        "\t.rva guarded_copy_begin, guarded_copy_end\n"
        "\t.long 1\n" /* EXCEPTION_EXECUTE_HANDLER */
        "\t.rva guarded_copy_fault\n"
        "\t.text\n"
        "\tmovq %rcx, %rdi\n"
        "\tmovq %rdx, %rsi\n"
        "\tmovq %r8, %rcx\n"
        "\tcld\n"
        "guarded_copy_begin:\n"
        "\trep movsb\n"
        "\tnop\n"
        "guarded_copy_end:\n"
        "\txorl %eax, %eax\n"
        "guarded_copy_out:\n"
        "\taddq $40, %rsp\n"
        "\tpopq %rsi\n"
        "\tpopq %rdi\n"
        "\tret\n"
        "guarded_copy_fault:\n" /* the unwinder restored rsp to this frame */
        "\tmovl $0xC0000005, %eax\n"
        "\tjmp guarded_copy_out\n"
        "\t.seh_endproc\n");
#else
__asm__("\t.text\n"
        "\t.globl _guarded_copy@12\n"
        "_guarded_copy@12:\n"
        "\tpushl %ebp\n"
        "\tmovl %esp, %ebp\n"
        "\tpushl %esi\n"
        "\tpushl %edi\n"
        "\tpushl $guarded_copy_handler\n"
        "\tpushl %fs:0\n"
        "\tmovl %esp, %fs:0\n"
        "\tmovl 8(%ebp), %edi\n"
        "\tmovl 12(%ebp), %esi\n"
        "\tmovl 16(%ebp), %ecx\n"
        "\tcld\n"
        "guarded_copy_begin:\n"
        "\trep movsb\n"
        "guarded_copy_end:\n"
        "\txorl %eax, %eax\n"
        "guarded_copy_out:\n"
        "\tpopl %fs:0\n"
        "\taddl $4, %esp\n"
        "\tpopl %edi\n"
        "\tpopl %esi\n"
        "\tpopl %ebp\n"
        "\tret $12\n"
        "guarded_copy_fault:\n" /* esp and ebp are those of the faulting instruction: it changes neither */
        "\tmovl $0xC0000005, %eax\n"
        "\tjmp guarded_copy_out\n"
        /* EXCEPTION_DISPOSITION handler(record, frame, context, dispatcher), cdecl */
        "guarded_copy_handler:\n"
        "\tmovl 4(%esp), %ecx\n"
        "\ttestl $7, 4(%ecx)\n" /* NONCONTINUABLE, UNWINDING, EXIT_UNWIND: not for us */
        "\tjnz guarded_copy_search\n"
        "\tmovl 12(%esp), %ecx\n"
        "\tmovl 0xB8(%ecx), %eax\n" /* CONTEXT.Eip */
        "\tcmpl $guarded_copy_begin, %eax\n"
        "\tjb guarded_copy_search\n"
        "\tcmpl $guarded_copy_end, %eax\n"
        "\tjae guarded_copy_search\n"
        "\tmovl $guarded_copy_fault, 0xB8(%ecx)\n"
        "\txorl %eax, %eax\n" /* ExceptionContinueExecution */
        "\tret\n"
        "guarded_copy_search:\n"
        "\tmovl $1, %eax\n" /* ExceptionContinueSearch */
        "\tret\n");
#endif
#endif

static bool is_user_range(const void *from, SIZE_T size)
{
    ULONG_PTR first = (ULONG_PTR)from, limit = *nt_user_probe_address;

    return first < limit && size <= limit - first;
}

NTSTATUS guard_read(void *to, const void *from, SIZE_T size)
{
    IRQL_AT_MOST(APC_LEVEL);
    if (size == 0)
        return STATUS_SUCCESS;
    if (!is_user_range(from, size))
        return STATUS_ACCESS_VIOLATION;
    return guarded_copy(to, from, size);
}

NTSTATUS guard_read_any(void *to, const void *from, SIZE_T size)
{
    IRQL_AT_MOST(APC_LEVEL);
    if ((ULONG_PTR)from < *nt_user_probe_address)
        return guard_read(to, from, size);
    memcpy(to, from, size);
    return STATUS_SUCCESS;
}
