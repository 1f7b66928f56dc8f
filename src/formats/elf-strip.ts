// Plans how to drop symbols and debugging data from an ELF program or library, as `strip` does: the parts of the
// old file and the new bytes that together make the new file. 64-bit little-endian, which is what boards run.
// Everything that a segment maps stays byte for byte where it is, so the result loads exactly like the original;
// only the sections behind and the section header table are rewritten. System V ABI, "Sections".

import { type ByteSource, sourceOfBytes } from './byte-source.ts';
import { readElfHeader, readPart } from './elf.ts';

const SHT_NULL = 0;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_RELA = 4;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const SHT_GROUP = 17;
const SHT_SYMTAB_SHNDX = 18;
const SHF_ALLOC = 2n;
const ET_REL = 1;
const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
/** Names in a section name table are short; a bigger table is a forgery. */
const MAX_NAME_TABLE_BYTES = 16 * 1024 * 1024;

/** Bytes `fromBytes` to `fromBytes + lengthBytes` of the old file, or new ones. */
export type StripPart =
  | { kind: 'copy'; fromBytes: number; lengthBytes: number }
  | { kind: 'bytes'; bytes: Uint8Array };

export interface StripPlan {
  sizeBytes: number;
  parts: readonly StripPart[];
  /** Names of what is left out, for messages and tests. */
  dropped: readonly string[];
}

interface Section {
  index: number;
  name: string;
  /** The 64 bytes of Elf64_Shdr; a copy, changed in place. */
  header: DataView;
  type: number;
  isAllocated: boolean;
  offsetBytes: number;
  sizeBytes: number;
}

/** Throws a SyntaxError for what is no well-formed ELF file, a TypeError for a kind that is not handled. */
export async function planElfStrip(input: ByteSource | Uint8Array): Promise<StripPlan> {
  const source = input instanceof Uint8Array ? sourceOfBytes(input) : input;
  const elf = await readElfHeader(source);
  if (elf.bits !== 64 || elf.byteOrder !== 'little' || elf.type === ET_REL) {
    throw new TypeError('Cannot strip ELF file: it is no 64-bit little-endian program or library');
  }
  const sections = await readSections(source, elf.sectionHeaders);
  const nameSection = sections[elf.sectionHeaders.nameTableIndex];
  // Some linkers keep symbol names and section names in one table; it is written anew, so it may stay.
  const dropped = sections.filter((section) => section !== nameSection && isDroppable(section, sections));
  if (dropped.length === 0) return { sizeBytes: source.sizeBytes, parts: [wholeOf(source)], dropped: [] };

  const kept = sections.filter((section) => !dropped.includes(section));
  const layout = new Layout(
    Math.max(HEADER_BYTES, ...elf.segments.map((s) => s.offsetBytes + s.fileSizeBytes)),
  );
  if (layout.sizeBytes > source.sizeBytes) {
    throw new SyntaxError(
      `Cannot strip ELF file: its segments reach to byte ${layout.sizeBytes}, but the file ends at ${source.sizeBytes}`,
    );
  }
  const mappedBytes = layout.sizeBytes;
  const names = nameTable(kept, nameSection);
  for (const section of kept) placeSection(section, names, layout, mappedBytes);
  const tableOffsetBytes = layout.align(8);
  renumber(kept);
  for (const section of kept) layout.add(viewBytes(section.header));

  const header = Uint8Array.from(await source.read(0, HEADER_BYTES));
  const view = new DataView(header.buffer);
  view.setBigUint64(40, BigInt(tableOffsetBytes), true); // e_shoff
  view.setUint16(60, kept.length, true); // e_shnum
  view.setUint16(
    62,
    kept.findIndex((section) => section === names.section),
    true,
  ); // e_shstrndx
  return {
    sizeBytes: layout.sizeBytes,
    parts: [
      { kind: 'bytes', bytes: header },
      { kind: 'copy', fromBytes: HEADER_BYTES, lengthBytes: mappedBytes - HEADER_BYTES },
      ...layout.parts,
    ],
    dropped: dropped.map((section) => section.name),
  };
}

function wholeOf(source: ByteSource): StripPart {
  return { kind: 'copy', fromBytes: 0, lengthBytes: source.sizeBytes };
}

async function readSections(
  source: ByteSource,
  table: { offsetBytes: number; count: number; entryBytes: number; nameTableIndex: number },
): Promise<Section[]> {
  if (table.count === 0) return [];
  if (table.entryBytes !== SECTION_HEADER_BYTES) {
    throw new SyntaxError(`Cannot strip ELF file: section headers of ${table.entryBytes} bytes, want 64`);
  }
  // A copy by `from`: `slice` of a Buffer would be the caller's own memory.
  const bytes = Uint8Array.from(
    await readPart(source, table.offsetBytes, table.count * SECTION_HEADER_BYTES, 'section headers'),
  );
  // Elf64_Shdr: sh_name @0 u32, sh_type @4 u32, sh_flags @8 u64, sh_addr @16 u64, sh_offset @24 u64,
  //   sh_size @32 u64, sh_link @40 u32, sh_info @44 u32, sh_addralign @48 u64, sh_entsize @56 u64
  const sections = Array.from({ length: table.count }, (_, index): Section => {
    const header = new DataView(bytes.buffer, index * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES);
    const type = header.getUint32(4, true);
    const offsetBytes = Number(header.getBigUint64(24, true));
    const sizeBytes = Number(header.getBigUint64(32, true));
    if (type !== SHT_NULL && type !== SHT_NOBITS && offsetBytes + sizeBytes > source.sizeBytes) {
      throw new SyntaxError(
        `Cannot strip ELF file: section ${index} reaches to byte ${offsetBytes + sizeBytes}`,
      );
    }
    const isAllocated = (header.getBigUint64(8, true) & SHF_ALLOC) !== 0n;
    return { index, name: '', header, type, isAllocated, offsetBytes, sizeBytes };
  });
  const nameTable = sections[table.nameTableIndex];
  if (!nameTable || nameTable.type !== SHT_STRTAB || nameTable.sizeBytes > MAX_NAME_TABLE_BYTES) {
    throw new SyntaxError('Cannot strip ELF file: it has no table of section names');
  }
  const names = await source.read(nameTable.offsetBytes, nameTable.sizeBytes);
  for (const section of sections) section.name = nameAt(names, section.header.getUint32(0, true));
  return sections;
}

function nameAt(names: Uint8Array, offset: number): string {
  const end = names.indexOf(0, offset);
  if (offset >= names.length || end < 0)
    throw new SyntaxError('Cannot strip ELF file: a section name has no end');
  return new TextDecoder().decode(names.subarray(offset, end));
}

/** Symbols, their names, debugging data, and what refers to them; nothing that is loaded. */
function isDroppable(section: Section, sections: readonly Section[]): boolean {
  if (section.isAllocated || section.type === SHT_NULL) return false;
  if ([SHT_SYMTAB, SHT_SYMTAB_SHNDX, SHT_REL, SHT_RELA, SHT_GROUP].includes(section.type)) return true;
  if (section.type === SHT_STRTAB) {
    return sections.some(
      (other) =>
        other.type === SHT_SYMTAB && !other.isAllocated && other.header.getUint32(40, true) === section.index,
    );
  }
  return /^\.(z?debug|gdb_index|gnu_debug|line|stab)/.test(section.name);
}

interface NameTable {
  section: Section | undefined;
  bytes: Uint8Array;
  offsets: ReadonlyMap<Section, number>;
}

function nameTable(kept: readonly Section[], section: Section | undefined): NameTable {
  const offsets = new Map<Section, number>();
  let text = '\0';
  for (const each of kept) {
    offsets.set(each, each.name === '' ? 0 : text.length);
    if (each.name !== '') text += `${each.name}\0`;
  }
  return { section, bytes: new TextEncoder().encode(text), offsets };
}

/** Sections within the mapped part stay; others move up to follow it. */
function placeSection(section: Section, names: NameTable, layout: Layout, mappedBytes: number): void {
  section.header.setUint32(0, names.offsets.get(section) ?? 0, true);
  if (section === names.section) {
    section.header.setBigUint64(24, BigInt(layout.sizeBytes), true);
    section.header.setBigUint64(32, BigInt(names.bytes.length), true);
    layout.add(names.bytes);
    return;
  }
  const hasBytes = section.type !== SHT_NULL && section.type !== SHT_NOBITS;
  if (!hasBytes || section.offsetBytes + section.sizeBytes <= mappedBytes) return;
  if (section.isAllocated) {
    throw new SyntaxError(`Cannot strip ELF file: section "${section.name}" is loaded but in no segment`);
  }
  const alignment = Number(section.header.getBigUint64(48, true));
  const offsetBytes = layout.align(alignment <= 4096 ? Math.max(1, alignment) : 1);
  section.header.setBigUint64(24, BigInt(offsetBytes), true);
  layout.copy(section.offsetBytes, section.sizeBytes);
}

/** sh_link always names a section; sh_info does for relocations, or where SHF_INFO_LINK says so. */
function renumber(kept: readonly Section[]): void {
  const SHF_INFO_LINK = 0x40n;
  const newIndex = new Map(kept.map((section, index) => [section.index, index]));
  for (const section of kept) {
    section.header.setUint32(40, newIndex.get(section.header.getUint32(40, true)) ?? 0, true);
    const isRelocation = section.type === SHT_REL || section.type === SHT_RELA;
    if (isRelocation || (section.header.getBigUint64(8, true) & SHF_INFO_LINK) !== 0n) {
      section.header.setUint32(44, newIndex.get(section.header.getUint32(44, true)) ?? 0, true);
    }
  }
}

function viewBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The parts that follow the mapped ones, and where the next one goes. */
class Layout {
  readonly parts: StripPart[] = [];
  sizeBytes: number;

  constructor(startBytes: number) {
    this.sizeBytes = startBytes;
  }

  align(alignment: number): number {
    const padding = (alignment - (this.sizeBytes % alignment)) % alignment;
    if (padding > 0) this.add(new Uint8Array(padding));
    return this.sizeBytes;
  }

  add(bytes: Uint8Array): void {
    this.parts.push({ kind: 'bytes', bytes });
    this.sizeBytes += bytes.length;
  }

  copy(fromBytes: number, lengthBytes: number): void {
    this.parts.push({ kind: 'copy', fromBytes, lengthBytes });
    this.sizeBytes += lengthBytes;
  }
}
