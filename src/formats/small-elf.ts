// Makes an ELF file of machine code alone: one loaded segment, which can be read and executed, without libraries, data or
// sections. System V ABI, "Object Files"; 64 bits, little-endian.

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const BASE_ADDRESS = 0x400000n;
const PAGE_BYTES = 0x10000n;
const ET_EXEC = 2;
const PT_LOAD = 1;
/** Without it some kernels make the stack executable. */
const PT_GNU_STACK = 0x6474e551;
const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** Execution begins with the first byte of `code`, which may be followed by what it reads. */
export function makeSmallElf(machine: number, code: Uint8Array): Uint8Array {
  const codeOffset = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
  const length = BigInt(codeOffset + code.length);
  const bytes = new Uint8Array(Number(length));
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); //                    0 16  e_ident
  view.setUint16(16, ET_EXEC, true); //                              16  2  e_type
  view.setUint16(18, machine, true); //                              18  2  e_machine
  view.setUint32(20, 1, true); //                                    20  4  e_version
  view.setBigUint64(24, BASE_ADDRESS + BigInt(codeOffset), true); // 24  8  e_entry
  view.setBigUint64(32, BigInt(HEADER_BYTES), true); //              32  8  e_phoff
  view.setUint16(52, HEADER_BYTES, true); //                         52  2  e_ehsize
  view.setUint16(54, PROGRAM_HEADER_BYTES, true); //                 54  2  e_phentsize
  view.setUint16(56, 2, true); //                                    56  2  e_phnum
  writeProgramHeader(HEADER_BYTES, PT_LOAD, READ | EXECUTE, length);
  writeProgramHeader(HEADER_BYTES + PROGRAM_HEADER_BYTES, PT_GNU_STACK, READ | WRITE, 0n);
  bytes.set(code, codeOffset);
  return bytes;

  function writeProgramHeader(at: number, type: number, flags: number, size: bigint): void {
    const address = size === 0n ? 0n : BASE_ADDRESS;
    view.setUint32(at, type, true); //                 0  4  p_type
    view.setUint32(at + 4, flags, true); //            4  4  p_flags
    view.setBigUint64(at + 16, address, true); //     16  8  p_vaddr
    view.setBigUint64(at + 24, address, true); //     24  8  p_paddr
    view.setBigUint64(at + 32, size, true); //        32  8  p_filesz
    view.setBigUint64(at + 40, size, true); //        40  8  p_memsz
    view.setBigUint64(at + 48, PAGE_BYTES, true); //  48  8  p_align
  }
}
