// Reads what an image builder must know of an ELF file: for which machine it is, its interpreter, its needed
// libraries. 32 and 64 bit, both byte orders. Relocations and symbols are left out; removing symbols is elf-strip.ts.
// System V ABI, "Object Files" (ELF header, program header) and "Dynamic Linking" (dynamic section).

import { type ByteSource, sourceOfBytes } from './byte-source.ts';

export const ELF_MACHINE = { i386: 3, arm: 40, x86_64: 62, aarch64: 183, riscv: 243 } as const;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

/** Far above real files (Node's dynamic section has 35 entries); keeps a forged size from taking the memory. */
const MAX_DYNAMIC_BYTES = 1024 * 1024;
const MAX_STRING_TABLE_BYTES = 64 * 1024 * 1024;

interface ElfSegment {
  type: number;
  offsetBytes: number;
  virtualAddress: number;
  fileSizeBytes: number;
}

export interface ElfHeader {
  bits: 32 | 64;
  byteOrder: 'little' | 'big';
  /** `e_type`: 1 relocatable, 2 executable, 3 shared object (also a position-independent executable), 4 core. */
  type: number;
  machine: number;
  sectionHeaders: { offsetBytes: number; count: number; entryBytes: number; nameTableIndex: number };
  segments: readonly ElfSegment[];
}

export interface ElfFile extends ElfHeader {
  /** Absolute path of the dynamic linker; absent from static programs and most libraries. */
  interpreter?: string;
  /** DT_NEEDED, in the file's order. */
  needed: readonly string[];
  soname?: string;
  /** DT_RUNPATH or DT_RPATH, split at colons. */
  libraryPaths: readonly string[];
  /** Whether it cannot start without a dynamic linker or other libraries. */
  isDynamic: boolean;
}

export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** The name that people know a machine by, for messages. */
export function elfMachineName(machine: number): string {
  const names: Record<number, string> = {
    3: '32-bit x86',
    40: '32-bit Arm',
    62: '64-bit x86',
    183: '64-bit Arm',
    243: 'RISC-V',
  };
  return names[machine] ?? `ELF machine ${machine}`;
}

/** Header and program headers only. Throws a SyntaxError for what is no well-formed ELF file. */
export async function readElfHeader(input: ByteSource | Uint8Array): Promise<ElfHeader> {
  const source = input instanceof Uint8Array ? sourceOfBytes(input) : input;
  const ident = await readPart(source, 0, 16, 'identification');
  if (!isElf(ident)) throw new SyntaxError('Cannot read ELF file: it does not start with the ELF magic');
  const bits = ident[4] === 1 ? 32 : ident[4] === 2 ? 64 : undefined;
  const isLittle = ident[5] === 1;
  if (bits === undefined || (!isLittle && ident[5] !== 2)) {
    throw new SyntaxError(`Cannot read ELF file: class ${ident[4]}, byte order ${ident[5]} are not known`);
  }
  const header = new Fields(await readPart(source, 0, bits === 64 ? 64 : 52, 'header'), isLittle);
  // Elf64_Ehdr: e_type @16 u16, e_machine @18 u16, e_phoff @32 u64, e_shoff @40 u64, e_phentsize @54 u16,
  //   e_phnum @56 u16, e_shentsize @58 u16, e_shnum @60 u16, e_shstrndx @62 u16
  // Elf32_Ehdr: e_phoff @28 u32, e_shoff @32 u32, e_phentsize @42, e_phnum @44, e_shentsize @46, e_shnum @48, @50
  const is64 = bits === 64;
  const counts = is64 ? 54 : 42;
  const entryBytes = header.u16(counts);
  const count = header.u16(counts + 2);
  const wantedEntryBytes = is64 ? 56 : 32;
  if (count > 0 && entryBytes !== wantedEntryBytes) {
    throw new SyntaxError(
      `Cannot read ELF file: program headers of ${entryBytes} bytes, want ${wantedEntryBytes}`,
    );
  }
  const table = new Fields(
    await readPart(source, is64 ? header.u64(32) : header.u32(28), count * entryBytes, 'program headers'),
    isLittle,
  );
  return {
    bits,
    byteOrder: isLittle ? 'little' : 'big',
    type: header.u16(16),
    machine: header.u16(18),
    sectionHeaders: {
      offsetBytes: is64 ? header.u64(40) : header.u32(32),
      entryBytes: header.u16(counts + 4),
      count: header.u16(counts + 6),
      nameTableIndex: header.u16(counts + 8),
    },
    segments: Array.from({ length: count }, (_, index) => readSegment(table, index * entryBytes, is64)),
  };
}

/** Throws a SyntaxError for what is no well-formed ELF file. */
export async function readElf(input: ByteSource | Uint8Array): Promise<ElfFile> {
  const source = input instanceof Uint8Array ? sourceOfBytes(input) : input;
  const header = await readElfHeader(source);
  const interpreterSegment = header.segments.find((segment) => segment.type === PT_INTERP);
  const interpreter =
    interpreterSegment &&
    cString(
      await readPart(
        source,
        interpreterSegment.offsetBytes,
        Math.min(interpreterSegment.fileSizeBytes, 4096),
        'interpreter',
      ),
      0,
    );
  const dynamic = await readDynamic(source, header);
  return {
    ...header,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...(dynamic.soname === undefined ? {} : { soname: dynamic.soname }),
    needed: dynamic.needed,
    libraryPaths: dynamic.libraryPaths,
    isDynamic: interpreter !== undefined || dynamic.needed.length > 0,
  };
}

// Elf64_Phdr: p_type @0 u32, p_flags @4 u32, p_offset @8 u64, p_vaddr @16 u64, p_paddr @24, p_filesz @32 u64, ...
// Elf32_Phdr: p_type @0 u32, p_offset @4 u32, p_vaddr @8 u32, p_paddr @12, p_filesz @16 u32, ...
function readSegment(table: Fields, at: number, is64: boolean): ElfSegment {
  return is64
    ? {
        type: table.u32(at),
        offsetBytes: table.u64(at + 8),
        virtualAddress: table.u64(at + 16),
        fileSizeBytes: table.u64(at + 32),
      }
    : {
        type: table.u32(at),
        offsetBytes: table.u32(at + 4),
        virtualAddress: table.u32(at + 8),
        fileSizeBytes: table.u32(at + 16),
      };
}

interface Dynamic {
  needed: string[];
  soname?: string;
  libraryPaths: string[];
}

async function readDynamic(source: ByteSource, header: ElfHeader): Promise<Dynamic> {
  const segment = header.segments.find((candidate) => candidate.type === PT_DYNAMIC);
  if (!segment) return { needed: [], libraryPaths: [] };
  const lengthBytes = Math.min(segment.fileSizeBytes, MAX_DYNAMIC_BYTES);
  const fields = new Fields(
    await readPart(source, segment.offsetBytes, lengthBytes, 'dynamic section'),
    header.byteOrder === 'little',
  );
  const entries = dynamicEntries(fields, lengthBytes, header.bits === 64);
  const valueOf = (tag: number) => entries.find((entry) => entry.tag === tag)?.value;
  const neededOffsets = entries.filter((entry) => entry.tag === DT_NEEDED).map((entry) => entry.value);
  const sonameOffset = valueOf(DT_SONAME);
  const pathOffset = valueOf(DT_RUNPATH) ?? valueOf(DT_RPATH);
  if (neededOffsets.length === 0 && sonameOffset === undefined && pathOffset === undefined) {
    return { needed: [], libraryPaths: [] };
  }
  const strings = await readDynamicStrings(source, header, valueOf(DT_STRTAB), valueOf(DT_STRSZ));
  return {
    needed: neededOffsets.map((offset) => cString(strings, offset)),
    libraryPaths: pathOffset === undefined ? [] : cString(strings, pathOffset).split(':').filter(Boolean),
    ...(sonameOffset === undefined ? {} : { soname: cString(strings, sonameOffset) }),
  };
}

function dynamicEntries(
  fields: Fields,
  lengthBytes: number,
  is64: boolean,
): { tag: number; value: number }[] {
  const entries: { tag: number; value: number }[] = [];
  const step = is64 ? 16 : 8;
  for (let at = 0; at + step <= lengthBytes; at += step) {
    // Tags of processors and of the system are > 2^53 as unsigned 64-bit numbers only when forged.
    const tag = is64 ? fields.u64Loose(at) : fields.u32(at);
    if (tag === DT_NULL) break;
    entries.push({ tag, value: is64 ? fields.u64Loose(at + 8) : fields.u32(at + 4) });
  }
  return entries;
}

/** DT_STRTAB is an address in memory: the loaded segment that holds it says where it is in the file. */
async function readDynamicStrings(
  source: ByteSource,
  header: ElfHeader,
  address: number | undefined,
  sizeBytes: number | undefined,
): Promise<Uint8Array> {
  if (address === undefined || sizeBytes === undefined) {
    throw new SyntaxError('Cannot read ELF file: the dynamic section names no string table');
  }
  const segment = header.segments.find(
    (candidate) =>
      candidate.type === PT_LOAD &&
      address >= candidate.virtualAddress &&
      address < candidate.virtualAddress + candidate.fileSizeBytes,
  );
  if (!segment || sizeBytes > MAX_STRING_TABLE_BYTES) {
    throw new SyntaxError(
      'Cannot read ELF file: the dynamic string table is outside of every loaded segment',
    );
  }
  const offsetBytes = segment.offsetBytes + (address - segment.virtualAddress);
  return readPart(source, offsetBytes, sizeBytes, 'dynamic string table');
}

function cString(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  if (offset >= bytes.length || end < 0) {
    throw new SyntaxError('Cannot read ELF file: a string has no end');
  }
  return new TextDecoder().decode(bytes.subarray(offset, end));
}

export async function readPart(
  source: ByteSource,
  offsetBytes: number,
  lengthBytes: number,
  what: string,
): Promise<Uint8Array> {
  if (offsetBytes + lengthBytes > source.sizeBytes) {
    throw new SyntaxError(
      `Cannot read ELF file: its ${what} would end at byte ${offsetBytes + lengthBytes}, but the file ends at ${source.sizeBytes}`,
    );
  }
  return source.read(offsetBytes, lengthBytes);
}

/** Integers at byte offsets, in the file's byte order. */
class Fields {
  readonly #view: DataView;
  readonly #isLittle: boolean;

  constructor(bytes: Uint8Array, isLittle: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = isLittle;
  }

  u16(at: number): number {
    return this.#view.getUint16(at, this.#isLittle);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, this.#isLittle);
  }

  /** Rounds what a double cannot hold: for values that are only compared with small constants or bounds. */
  u64Loose(at: number): number {
    return Number(this.#view.getBigUint64(at, this.#isLittle));
  }

  u64(at: number): number {
    const value = this.u64Loose(at);
    if (!Number.isSafeInteger(value)) {
      throw new SyntaxError(`Cannot read ELF file: an offset or size of ${value} bytes`);
    }
    return value;
  }
}
