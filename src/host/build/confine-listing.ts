// The machine code of `confine` (confine-program.ts) for each architecture: bytes, then what they say. An assembler checks
// that in test/tools/confine.test.ts. In this order: a Landlock domain, if the kernel has any of this kind; the filter
// from descriptor 4; the program. The stack is all its memory.

/** Intel's notation. */
export const X64_LISTING = `
4889e3                  mov rbx, rsp
4881ec00800000          sub rsp, 0x8000
6a03                    push 3
6a00                    push 0
6a00                    push 0
4889e7                  mov rdi, rsp
be18000000              mov esi, 24
31d2                    xor edx, edx
b8bc010000              mov eax, 444
0f05                    syscall
85c0                    test eax, eax
7816                    js filter
89c5                    mov ebp, eax
89c7                    mov edi, eax
31f6                    xor esi, esi
b8be010000              mov eax, 446
0f05                    syscall
89ef                    mov edi, ebp
b803000000              mov eax, 3
0f05                    syscall
                      filter:
488d742418              lea rsi, [rsp + 24]
bf04000000              mov edi, 4
ba00800000              mov edx, 0x8000
31c0                    xor eax, eax
0f05                    syscall
4885c0                  test rax, rax
7e42                    jle fail
c1e803                  shr eax, 3
48890424                mov qword ptr [rsp], rax
4889742408              mov qword ptr [rsp + 8], rsi
b803000000              mov eax, 3
0f05                    syscall
bf01000000              mov edi, 1
be02000000              mov esi, 2
4889e2                  mov rdx, rsp
b83d010000              mov eax, 317
0f05                    syscall
85c0                    test eax, eax
7517                    jne fail
488b7b10                mov rdi, qword ptr [rbx + 16]
488d7310                lea rsi, [rbx + 16]
488b03                  mov rax, qword ptr [rbx]
488d54c310              lea rdx, [rbx + 8*rax + 16]
b83b000000              mov eax, 59
0f05                    syscall
                      fail:
89c3                    mov ebx, eax
f7db                    neg ebx
bf02000000              mov edi, 2
488d3515000000          lea rsi, [rip + message]
ba4c000000              mov edx, 76
b801000000              mov eax, 1
0f05                    syscall
89df                    mov edi, ebx
b83c000000              mov eax, 60
0f05                    syscall
                      message:
`;

export const ARM64_LISTING = `
f3030091                mov x19, sp
ff2340d1                sub sp, sp, #0x8, lsl #12
ff8300d1                sub sp, sp, #32
690080d2                mov x9, #3
ff7f00a9                stp xzr, xzr, [sp]
e90b00f9                str x9, [sp, #16]
e0030091                mov x0, sp
010380d2                mov x1, #24
020080d2                mov x2, #0
883780d2                mov x8, #444
010000d4                svc #0
0001f837                tbnz w0, #31, filter
f403002a                mov w20, w0
010080d2                mov x1, #0
c83780d2                mov x8, #446
010000d4                svc #0
e003142a                mov w0, w20
280780d2                mov x8, #57
010000d4                svc #0
                      filter:
800080d2                mov x0, #4
e1830091                add x1, sp, #32
020090d2                mov x2, #0x8000
e80780d2                mov x8, #63
010000d4                svc #0
1f0000f1                cmp x0, #0
6d020054                b.le fail
00fc43d3                lsr x0, x0, #3
e00300f9                str x0, [sp]
e10700f9                str x1, [sp, #8]
800080d2                mov x0, #4
280780d2                mov x8, #57
010000d4                svc #0
200080d2                mov x0, #1
410080d2                mov x1, #2
e2030091                mov x2, sp
a82280d2                mov x8, #277
010000d4                svc #0
e00000b5                cbnz x0, fail
690240f9                ldr x9, [x19]
600a40f9                ldr x0, [x19, #16]
61420091                add x1, x19, #16
220c098b                add x2, x1, x9, lsl #3
a81b80d2                mov x8, #221
010000d4                svc #0
                      fail:
f303004b                neg w19, w0
400080d2                mov x0, #2
e1000010                adr x1, message
820980d2                mov x2, #76
080880d2                mov x8, #64
010000d4                svc #0
e003132a                mov w0, w19
a80b80d2                mov x8, #93
010000d4                svc #0
                      message:
`;

/** Follows the code: what it says when it ends itself. */
export const CONFINE_MESSAGE =
  'confine: cannot start the program; its exit code is the number of the error\n';
