/* SPDX-License-Identifier: MIT */
/*
 * host_on_stack(top, entry, argument)   run entry on another stack; exceptions nobody handles end in host_unhandled
 * host_guarded(call, argument, status)  call under a handler; the exception's code goes to *status
 * host_gate                             every call of the driver into the simulated kernel: gate_enter() judges it and names the target
 */
#ifdef __x86_64__
    .text

    .globl host_on_stack
    .seh_proc host_on_stack
host_on_stack:
    pushq %rbp
    .seh_pushreg %rbp
    movq %rsp, %rbp
    .seh_setframe %rbp, 0
    .seh_endprologue
    movq %rcx, %rsp
    subq $32, %rsp
    movq %rdx, %rcx
    movq %r8, %rdx
    call stack_base
    nop
    movq %rbp, %rsp
    popq %rbp
    ret
    .seh_endproc

/* The outermost frame inside the new stack: the last chance of an exception. */
    .seh_proc stack_base
    .seh_handler unhandled, @except
stack_base:
    subq $40, %rsp
    .seh_stackalloc 40
    .seh_endprologue
    movq %rcx, %rax
    movq %rdx, %rcx
    call *%rax
    nop
    addq $40, %rsp
    ret
    .seh_endproc

    .seh_proc unhandled
unhandled:
    subq $40, %rsp
    .seh_stackalloc 40
    .seh_endprologue
    movq %r8, %rdx
    call host_unhandled
    nop
    .seh_endproc

    .globl host_guarded
    .seh_proc host_guarded
    .seh_handler guarded_handler, @except
host_guarded:
    pushq %rbx
    .seh_pushreg %rbx
    subq $32, %rsp
    .seh_stackalloc 32
    .seh_endprologue
    movq %r8, %rbx
    movq %rcx, %rax
    movq %rdx, %rcx
    call *%rax
    nop
    movl $0, (%rbx)
guarded_out:
    addq $32, %rsp
    popq %rbx
    ret
guarded_caught:                      /* eax: the exception's code, set by RtlUnwindEx's return value */
    movl %eax, (%rbx)
    xorl %eax, %eax
    jmp guarded_out
    .seh_endproc

/* guarded_handler(record, frame, context, dispatch): unwind to guarded_caught unless an unwind is under way already. */
    .seh_proc guarded_handler
guarded_handler:
    subq $72, %rsp
    .seh_stackalloc 72
    .seh_endprologue
    testl $0x66, 4(%rcx)             /* EXCEPTION_UNWIND and its relatives */
    jnz 1f
    movq %r8, 32(%rsp)               /* ContextRecord */
    movq $0, 40(%rsp)                /* HistoryTable */
    movl (%rcx), %r9d                /* ReturnValue = code */
    movq %rcx, %r8                   /* ExceptionRecord */
    movq %rdx, %rcx                  /* TargetFrame */
    leaq guarded_caught(%rip), %rdx
    call *__imp_RtlUnwindEx(%rip)
    nop
1:  movl $1, %eax                    /* ExceptionContinueSearch */
    addq $72, %rsp
    ret
    .seh_endproc

    .globl host_gate
    .seh_proc host_gate
host_gate:
    subq $0xa8, %rsp
    .seh_stackalloc 0xa8
    .seh_endprologue
    movq %rcx, 0x20(%rsp)
    movq %rdx, 0x28(%rsp)
    movq %r8, 0x30(%rsp)
    movq %r9, 0x38(%rsp)
    movaps %xmm0, 0x40(%rsp)
    movaps %xmm1, 0x50(%rsp)
    movaps %xmm2, 0x60(%rsp)
    movaps %xmm3, 0x70(%rsp)
    movl %r10d, %ecx
    leaq 0xa8(%rsp), %rdx            /* the caller's stack: return address first */
    leaq 0x20(%rsp), %r8             /* register arguments */
    call gate_enter                  /* the function to run */
    movq 0x20(%rsp), %rcx
    movq 0x28(%rsp), %rdx
    movq 0x30(%rsp), %r8
    movq 0x38(%rsp), %r9
    movaps 0x40(%rsp), %xmm0
    movaps 0x50(%rsp), %xmm1
    movaps 0x60(%rsp), %xmm2
    movaps 0x70(%rsp), %xmm3
    addq $0xa8, %rsp
    jmp *%rax
    .seh_endproc

#else /* i386 */
    .text

    .globl _host_on_stack
_host_on_stack:
    pushl %ebp
    movl %esp, %ebp
    movl 8(%ebp), %eax
    movl 12(%ebp), %ecx
    movl 16(%ebp), %edx
    movl %eax, %esp
    pushl $0                         /* room between the frame and the stack's end */
    pushl $0
    pushl $unhandled                 /* registration record: the last of the chain */
    pushl $-1
    movl %esp, %fs:0
    pushl %edx
    call *%ecx
    movl %ebp, %esp
    popl %ebp
    ret

unhandled:
    pushl 12(%esp)                   /* context */
    pushl 8(%esp)                    /* record */
    call _host_unhandled

    .globl _host_guarded
_host_guarded:
    pushl %ebp
    movl %esp, %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl $guarded_handler
    pushl %fs:0
    movl %esp, %fs:0
    pushl 12(%ebp)
    call *8(%ebp)
    addl $4, %esp
    movl 16(%ebp), %ecx
    movl $0, (%ecx)
guarded_out:
    popl %fs:0
    addl $4, %esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

/* cdecl (record, frame, context, dispatch): drop everything below the frame and go on there. */
guarded_handler:
    movl 4(%esp), %eax
    testl $0x66, 4(%eax)
    jnz 1f
    movl (%eax), %edi
    movl 8(%esp), %esi
    pushl $0
    pushl %eax
    pushl $2f
    pushl %esi
    call *__imp__RtlUnwind@16
2:  movl %esi, %esp                  /* &registration; ebp is 20 bytes above it */
    leal 20(%esi), %ebp
    movl 16(%ebp), %ecx
    movl %edi, (%ecx)
    xorl %eax, %eax
    jmp guarded_out
1:  movl $1, %eax
    ret

    .globl _host_gate
_host_gate:                          /* on the stack: export number, return address, arguments */
    pushl %eax
    pushl %ecx
    pushl %edx
    leal 16(%esp), %eax
    pushl %esp                       /* register arguments: edx, ecx */
    pushl %eax
    pushl 20(%esp)                   /* the number: three saved registers and two arguments above */
    call _gate_enter
    addl $12, %esp
    movl %eax, 12(%esp)              /* the number's place holds the target now */
    popl %edx
    popl %ecx
    popl %eax
    ret
#endif
