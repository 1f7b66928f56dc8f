// The machine code of `load-module` (module-helper.ts) for each architecture, as in confine-listing.ts. In this order: the name
// from the fourth argument, without a slash in it, behind that of the directory; open; finit_module with no parameters. The
// stack is all its memory.

/** Intel's notation. */
export const X64_MODULE_LISTING = `
48833c2404              cmp qword ptr [rsp], 4
7533                    jne fail
488b5c2420              mov rbx, qword ptr [rsp + 32]
4881ec00010000          sub rsp, 256
4889e7                  mov rdi, rsp
488d3551000000          lea rsi, [rip + directory]
b911000000              mov ecx, 17
f3a4                    rep movsb byte ptr es:[rdi], byte ptr [rsi]
4889de                  mov rsi, rbx
b980000000              mov ecx, 128
                      next:
ac                      lodsb al, byte ptr [rsi]
3c2f                    cmp al, 47
7409                    je fail
aa                      stosb byte ptr es:[rdi], al
84c0                    test al, al
740b                    je open
ffc9                    dec ecx
75f2                    jne next
                      fail:
bf01000000              mov edi, 1
eb26                    jmp exit
                      open:
4889e7                  mov rdi, rsp
31f6                    xor esi, esi
b802000000              mov eax, 2
0f05                    syscall
85c0                    test eax, eax
78e9                    js fail
89c7                    mov edi, eax
488d3525000000          lea rsi, [rip + directory + 17]
31d2                    xor edx, edx
b839010000              mov eax, 313
0f05                    syscall
89c7                    mov edi, eax
f7df                    neg edi
                      exit:
b83c000000              mov eax, 60
0f05                    syscall
                      directory:
`;

export const ARM64_MODULE_LISTING = `
e90340f9                ldr x9, [sp]
3f1100f1                cmp x9, #4
41020054                b.ne fail
e11340f9                ldr x1, [sp, #32]
ff0304d1                sub sp, sp, #256
e2030091                mov x2, sp
a3030010                adr x3, directory
240280d2                mov x4, #17
                      prefix:
65144038                ldrb w5, [x3], #1
45140038                strb w5, [x2], #1
840400f1                subs x4, x4, #1
a1ffff54                b.ne prefix
041080d2                mov x4, #128
                      next:
25144038                ldrb w5, [x1], #1
bfbc0071                cmp w5, #47
a0000054                b.eq fail
45140038                strb w5, [x2], #1
a5000034                cbz w5, open
840400f1                subs x4, x4, #1
41ffff54                b.ne next
                      fail:
200080d2                mov x0, #1
0c000014                b exit
                      open:
600c8092                mov x0, #-100
e1030091                mov x1, sp
020080d2                mov x2, #0
080780d2                mov x8, #56
010000d4                svc #0
20ffff37                tbnz w0, #31, fail
61010030                adr x1, directory + 17
020080d2                mov x2, #0
282280d2                mov x8, #273
010000d4                svc #0
e003004b                neg w0, w0
                      exit:
a80b80d2                mov x8, #93
010000d4                svc #0
                      directory:
`;
