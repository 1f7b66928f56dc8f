// A library in place of one that a program is linked to and does not use: its name, its version and the functions that the
// program asks for, each of which returns 0. Without it the program does not start; with the real one it loads that and all that
// it needs in turn. And what a program asks a library for. 64-bit little-endian. System V ABI; Linux Standard Base, "Symbol
// Versioning".

const MACHINES: Readonly<Record<number, readonly number[]>> = {
  /** xor eax, eax; ret */
  62: [0x31, 0xc0, 0xc3],
  /** mov x0, #0; ret */
  183: [0x00, 0x00, 0x80, 0xd2, 0xc0, 0x03, 0x5f, 0xd6],
};

const PAGE_BYTES = 0x10000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SYMBOL_BYTES = 24;
/** Symbols of this number and below have no version. */
const VER_NDX_GLOBAL = 1;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;

export interface StubLibrary {
  /** 62: x86-64, 183: AArch64. */
  machine: number;
  soname: string;
  /** Of all its functions; undefined: they have none. */
  version: string | undefined;
  functions: readonly string[];
}

/** Of a library that a program needs: version of its symbols, and their names. */
export interface NeededSymbols {
  version: string | undefined;
  names: readonly string[];
}

export function encodeStubLibrary({ machine, soname, version, functions }: StubLibrary): Uint8Array {
  const returnZero = MACHINES[machine];
  if (returnZero === undefined) throw new RangeError(`Cannot make a stub for ELF machine ${machine}`);
  const strings = new Strings();
  const out = new Parts(HEADER_BYTES + 3 * SEGMENT_BYTES);
  const code = out.add(Uint8Array.from(returnZero), 16);
  const hash = out.add(hashTable(functions), 8);
  const symbols = out.add(symbolTable(functions, strings, code), 8);
  const versionTables = version === undefined ? [] : addVersions(out, soname, version, functions, strings);
  const sonameAt = strings.at(soname);
  const names = out.add(strings.bytes(), 8);
  const dynamic = [
    [14, sonameAt], // DT_SONAME
    [4, hash], // DT_HASH
    [5, names], // DT_STRTAB
    [6, symbols], // DT_SYMTAB
    [10, strings.bytes().length], // DT_STRSZ
    [11, SYMBOL_BYTES], // DT_SYMENT
    ...versionTables,
    [0, 0],
  ] as const;
  const table = records(dynamic.length, 16, (view, index) => {
    const [tag, value] = dynamic[index] ?? [0, 0];
    view.setBigUint64(0, BigInt(tag), true);
    view.setBigUint64(8, BigInt(value), true);
  });
  const dynamicAt = out.add(table, 8);
  const bytes = out.bytes();
  bytes.set(header(machine, 3));
  const segments = [
    segment({ type: 1, flags: 5, at: 0, sizeBytes: bytes.length, align: PAGE_BYTES }), // PT_LOAD, to be read and run
    segment({ type: 2, flags: 4, at: dynamicAt, sizeBytes: table.length, align: 8 }), // PT_DYNAMIC, to be read
    segment({ type: 0x6474e551, flags: 6, at: 0, sizeBytes: 0, align: 16 }), // PT_GNU_STACK, not to be run
  ];
  for (const [index, each] of segments.entries()) bytes.set(each, HEADER_BYTES + index * SEGMENT_BYTES);
  return bytes;
}

/** Entries of the dynamic section. */
function addVersions(
  out: Parts,
  soname: string,
  version: string,
  functions: readonly string[],
  strings: Strings,
): (readonly [tag: number, value: number])[] {
  const ofSymbols = records(functions.length + 1, 2, (view, index) =>
    view.setUint16(0, index === 0 ? 0 : 2, true),
  );
  return [
    [0x6ffffff0, out.add(ofSymbols, 8)], // DT_VERSYM
    [0x6ffffffc, out.add(versionDefinitions(soname, version, strings), 8)], // DT_VERDEF
    [0x6ffffffd, 2], // DT_VERDEFNUM
  ];
}

/** Elf64_Ehdr */
function header(machine: number, segmentCount: number): Uint8Array {
  return records(1, HEADER_BYTES, (view) => {
    new Uint8Array(view.buffer).set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(16, 3, true); // e_type: ET_DYN
    view.setUint16(18, machine, true);
    view.setUint32(20, 1, true); // e_version
    view.setBigUint64(32, BigInt(HEADER_BYTES), true); // e_phoff
    view.setUint16(52, HEADER_BYTES, true);
    view.setUint16(54, SEGMENT_BYTES, true);
    view.setUint16(56, segmentCount, true);
    view.setUint16(58, 64, true); // e_shentsize; there are no sections
  });
}

/** Elf64_Phdr. Addresses are offsets. */
function segment(of: {
  type: number;
  flags: number;
  at: number;
  sizeBytes: number;
  align: number;
}): Uint8Array {
  return records(1, SEGMENT_BYTES, (view) => {
    view.setUint32(0, of.type, true);
    view.setUint32(4, of.flags, true);
    for (const at of [8, 16, 24]) view.setBigUint64(at, BigInt(of.at), true);
    for (const at of [32, 40]) view.setBigUint64(at, BigInt(of.sizeBytes), true);
    view.setBigUint64(48, BigInt(of.align), true);
  });
}

/** Elf64_Sym: global functions. Their section is any that exists, as far as the linker looks. */
function symbolTable(functions: readonly string[], strings: Strings, code: number): Uint8Array {
  return records(functions.length + 1, SYMBOL_BYTES, (view, index) => {
    const name = functions[index - 1];
    if (name === undefined) return;
    view.setUint32(0, strings.at(name), true);
    view.setUint8(4, 0x12);
    view.setUint16(6, 1, true);
    view.setBigUint64(8, BigInt(code), true);
  });
}

/** nbucket, nchain, buckets, chains: one bucket a symbol. */
function hashTable(functions: readonly string[]): Uint8Array {
  const bucketCount = Math.max(1, functions.length);
  const buckets = Array.from({ length: bucketCount }, () => 0);
  const chains = Array.from({ length: functions.length + 1 }, () => 0);
  for (const [index, name] of functions.entries()) {
    const bucket = elfHash(name) % bucketCount;
    chains[index + 1] = buckets[bucket] ?? 0;
    buckets[bucket] = index + 1;
  }
  const words = [bucketCount, chains.length, ...buckets, ...chains];
  return records(words.length, 4, (view, index) => view.setUint32(0, words[index] ?? 0, true));
}

/** Elf64_Verdef, each with one Elf64_Verdaux: the library's own name, then the version of all its functions. */
function versionDefinitions(soname: string, version: string, strings: Strings): Uint8Array {
  return records(2, 28, (view, index) => {
    const name = index === 0 ? soname : version;
    view.setUint16(0, 1, true); // vd_version
    view.setUint16(2, index === 0 ? 1 : 0, true); // vd_flags: VER_FLG_BASE
    view.setUint16(4, index + 1, true); // vd_ndx
    view.setUint16(6, 1, true); // vd_cnt
    view.setUint32(8, elfHash(name), true);
    view.setUint32(12, 20, true); // vd_aux
    view.setUint32(16, index === 0 ? 28 : 0, true); // vd_next
    view.setUint32(20, strings.at(name), true); // vda_name
  });
}

/** System V ABI, figure 5-13. */
function elfHash(name: string): number {
  let hash = 0;
  for (const byte of new TextEncoder().encode(name)) {
    hash = ((hash << 4) + byte) >>> 0;
    const high = hash & 0xf0000000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}

/**
 * `library`: its bytes, by which symbols without a version are known as its own. Throws SyntaxError or RangeError for what is no
 * program with sections.
 */
export function readNeededSymbols(program: Uint8Array, soname: string, library?: Uint8Array): NeededSymbols {
  const { view, symbols, versionsAt, needsAt, textAt } = readSymbols(program);
  if (versionsAt === undefined || needsAt === undefined)
    throw new SyntaxError('Cannot read ELF file: it has no versions of symbols');
  const needed = versionsNeeded(view, needsAt, textAt, soname);
  const versionOf = ({ index }: ElfSymbol): number => view.getUint16(versionsAt + 2 * index, true) & 0x7fff;
  if (needed.size === 0 && library !== undefined) {
    const own = new Set(
      readSymbols(library).symbols.flatMap(({ name, section }) => (section === 0 ? [] : name)),
    );
    const unversioned = symbols.filter(
      (symbol) => symbol.section === 0 && versionOf(symbol) <= VER_NDX_GLOBAL,
    );
    const names = unversioned.map(({ name }) => name).filter((name) => name !== '' && own.has(name));
    return { version: undefined, names };
  }
  if (needed.size !== 1)
    throw new SyntaxError(`Cannot read ELF file: it asks for ${needed.size} versions of "${soname}", want 1`);
  const [[number, version]] = [...needed] as [[number, string]];
  return { version, names: symbols.filter((each) => versionOf(each) === number).map(({ name }) => name) };
}

interface ElfSymbol {
  index: number;
  name: string;
  /** 0: it is another file's. */
  section: number;
}

/** The dynamic ones, and where the tables of their versions lie. */
function readSymbols(file: Uint8Array): {
  view: DataView;
  symbols: ElfSymbol[];
  versionsAt: number | undefined;
  needsAt: number | undefined;
  textAt: (at: number) => string;
} {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sections = readSections(view);
  const placeOf = (type: number): SectionPlace | undefined => sections.find((each) => each.type === type);
  const table = placeOf(SHT_DYNSYM);
  const strings = sections[table?.link ?? 0];
  const textAt = (at: number): string => {
    const from = (strings?.at ?? 0) + at;
    return new TextDecoder().decode(file.subarray(from, file.indexOf(0, from)));
  };
  const symbols = Array.from({ length: (table?.sizeBytes ?? 0) / SYMBOL_BYTES }, (_, index) => {
    const at = (table?.at ?? 0) + SYMBOL_BYTES * index;
    return { index, name: textAt(view.getUint32(at, true)), section: view.getUint16(at + 6, true) };
  });
  const [versionsAt, needsAt] = [SHT_GNU_VERSYM, SHT_GNU_VERNEED].map((type) => placeOf(type)?.at);
  return { view, symbols, versionsAt, needsAt, textAt };
}

interface SectionPlace {
  type: number;
  at: number;
  sizeBytes: number;
  link: number;
}

/** Elf64_Shdr */
function readSections(view: DataView): SectionPlace[] {
  const table = Number(view.getBigUint64(40, true));
  return Array.from({ length: view.getUint16(60, true) }, (_, index) => {
    const at = table + 64 * index;
    return {
      type: view.getUint32(at + 4, true),
      at: Number(view.getBigUint64(at + 24, true)),
      sizeBytes: Number(view.getBigUint64(at + 32, true)),
      link: view.getUint32(at + 40, true),
    };
  });
}

/** Elf64_Verneed, each with its Elf64_Vernaux: names of versions by the numbers that symbols have. */
function versionsNeeded(
  view: DataView,
  from: number,
  textAt: (at: number) => string,
  library: string,
): Map<number, string> {
  const found = new Map<number, string>();
  for (let at = from; ; at += view.getUint32(at + 12, true)) {
    if (textAt(view.getUint32(at + 4, true)) === library) {
      let auxiliary = at + view.getUint32(at + 8, true);
      for (let count = view.getUint16(at + 2, true); count > 0; count--) {
        found.set(view.getUint16(auxiliary + 6, true), textAt(view.getUint32(auxiliary + 8, true)));
        auxiliary += view.getUint32(auxiliary + 12, true);
      }
    }
    if (view.getUint32(at + 12, true) === 0) return found;
  }
}

function records(count: number, bytes: number, write: (view: DataView, index: number) => void): Uint8Array {
  const out = new Uint8Array(count * bytes);
  for (let index = 0; index < count; index++) write(new DataView(out.buffer, index * bytes, bytes), index);
  return out;
}

class Strings {
  #text = '\0';

  at(text: string): number {
    const found = this.#text.indexOf(`\0${text}\0`);
    if (found >= 0) return found + 1;
    const at = this.#text.length;
    this.#text += `${text}\0`;
    return at;
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.#text);
  }
}

/** One after the other, behind the headers. */
class Parts {
  readonly #parts: { at: number; bytes: Uint8Array }[] = [];
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }

  /** Where it is. */
  add(bytes: Uint8Array, align: number): number {
    const at = Math.ceil(this.#end / align) * align;
    this.#parts.push({ at, bytes });
    this.#end = at + bytes.length;
    return at;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.#end);
    for (const { at, bytes } of this.#parts) out.set(bytes, at);
    return out;
  }
}
