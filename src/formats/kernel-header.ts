// Tells from the start of a Linux kernel image for which machine it is and whether UEFI can start it.
// Linux Documentation: arch/x86/boot.rst (setup header), arch/arm64/booting.rst (image header), EFI stub: PE/COFF.

/** How much of the image `readKernelHeader` wants to see: the setup header and the PE header lie in here. */
export const KERNEL_HEAD_BYTES = 4096;

export interface KernelHeader {
  /** Name that `uname -m` gives it. */
  machine: 'x86_64' | 'aarch64';
  /** Whether it is also a PE program for that machine, which UEFI can start. */
  hasEfiStub: boolean;
}

const PE_MACHINE = { x86_64: 0x8664, aarch64: 0xaa64 } as const;

/** Throws a SyntaxError for what is no kernel image that a board could start. */
export function readKernelHeader(head: Uint8Array): KernelHeader {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const u8 = (at: number) => (at < head.length ? view.getUint8(at) : 0);
  const u16 = (at: number) => (at + 2 <= head.length ? view.getUint16(at, true) : 0);
  const u32 = (at: number) => (at + 4 <= head.length ? view.getUint32(at, true) : 0);

  if (u16(0) === 0x8b1f) {
    throw new SyntaxError('Cannot use kernel image: it is compressed by gzip, and a plain image is needed');
  }
  if (u32(0x38) === 0x644d5241) {
    // arm64: magic @0x38 "ARM\x64"
    return { machine: 'aarch64', hasEfiStub: peMachine(u8, u16, u32) === PE_MACHINE.aarch64 };
  }
  // x86: boot_flag @0x1fe u16 0xaa55, header @0x202 "HdrS", version @0x206 u16, xloadflags @0x236 u16 (since 2.12)
  if (u16(0x1fe) === 0xaa55 && u32(0x202) === 0x53726448) {
    const XLF_KERNEL_64 = 1;
    if (u16(0x206) < 0x020c || (u16(0x236) & XLF_KERNEL_64) === 0) {
      throw new SyntaxError('Cannot use kernel image: it is for 32-bit x86');
    }
    return { machine: 'x86_64', hasEfiStub: peMachine(u8, u16, u32) === PE_MACHINE.x86_64 };
  }
  throw new SyntaxError('Cannot use kernel image: it is neither an x86 bzImage nor an arm64 Image');
}

/** PE: "MZ" @0, u32 offset of "PE\0\0" @0x3c, then Machine u16. `undefined` when it is no PE program. */
function peMachine(
  u8: (at: number) => number,
  u16: (at: number) => number,
  u32: (at: number) => number,
): number | undefined {
  if (u8(0) !== 0x4d || u8(1) !== 0x5a) return undefined;
  const at = u32(0x3c);
  return u32(at) === 0x4550 ? u16(at + 4) : undefined;
}
