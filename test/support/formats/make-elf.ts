// Makes small ELF files for tests: 64-bit, little-endian, with the parts that our reader and stripper look at.

export interface ElfSpec {
  machine: number;
  interpreter?: string;
  needed?: readonly string[];
  soname?: string;
  runPath?: string;
  /** What the program is made of; loaded into memory. */
  text?: Uint8Array;
  /** Adds .symtab, .strtab, .debug_info and .comment behind what is loaded. */
  hasSymbols?: boolean;
}

const BASE_ADDRESS = 0x400000;
const PT = { load: 1, dynamic: 2, interp: 3 };
const SHT = { progbits: 1, symtab: 2, strtab: 3, dynamic: 6 };
const SHF_ALLOC = 2;

interface Section {
  name: string;
  type: number;
  flags: number;
  offset: number;
  size: number;
  link: number;
}

export function makeElf(spec: ElfSpec): Uint8Array {
  const hasDynamic = spec.needed !== undefined || spec.soname !== undefined || spec.runPath !== undefined;
  const segmentCount = 1 + (spec.interpreter === undefined ? 0 : 1) + (hasDynamic ? 1 : 0);
  const out = new Bytes(64 + segmentCount * 56);
  const segments: { type: number; offset: number; size: number }[] = [];
  const sections: Section[] = [{ name: '', type: 0, flags: 0, offset: 0, size: 0, link: 0 }];
  const addSection = (name: string, type: number, flags: number, content: Uint8Array, link = 0) => {
    const offset = out.append(content, 8);
    sections.push({ name, type, flags, offset, size: content.length, link });
    return offset;
  };

  addSection('.text', SHT.progbits, SHF_ALLOC, spec.text ?? new Uint8Array([0xc3]));
  if (spec.interpreter !== undefined) {
    const bytes = cString(spec.interpreter);
    segments.push({
      type: PT.interp,
      offset: addSection('.interp', SHT.progbits, SHF_ALLOC, bytes),
      size: bytes.length,
    });
  }
  if (hasDynamic) {
    const { strings, entries } = dynamicEntries(spec);
    const stringsOffset = addSection('.dynstr', SHT.strtab, SHF_ALLOC, strings);
    const dynamic = new DataView(new ArrayBuffer((entries.length + 3) * 16));
    const all = [...entries, [5, BASE_ADDRESS + stringsOffset], [10, strings.length], [0, 0]] as const;
    for (const [index, [tag, value]] of all.entries()) {
      dynamic.setBigUint64(index * 16, BigInt(tag), true);
      dynamic.setBigUint64(index * 16 + 8, BigInt(value), true);
    }
    const bytes = new Uint8Array(dynamic.buffer);
    const offset = addSection('.dynamic', SHT.dynamic, SHF_ALLOC, bytes, sections.length - 1);
    segments.push({ type: PT.dynamic, offset, size: bytes.length });
  }
  segments.unshift({ type: PT.load, offset: 0, size: out.length });

  if (spec.hasSymbols) {
    addSection('.comment', SHT.progbits, 0, cString('made by a test'));
    addSection('.debug_info', SHT.progbits, 0, new Uint8Array(3000).fill(0xdb));
    addSection('.symtab', SHT.symtab, 0, new Uint8Array(24 * 40).fill(0x51), sections.length + 1);
    addSection('.strtab', SHT.strtab, 0, cString('a\0symbol\0names'));
  }
  const names = [...sections.map((section) => section.name), '.shstrtab'].join('\0');
  addSection('.shstrtab', SHT.strtab, 0, cString(names));
  writeHeaders(out, spec, segments, sections, names);
  return out.bytes();
}

function dynamicEntries(spec: ElfSpec): { strings: Uint8Array; entries: [number, number][] } {
  const entries: [number, number][] = [];
  let strings = '\0';
  const add = (tag: number, text: string) => {
    entries.push([tag, Buffer.byteLength(strings)]);
    strings += `${text}\0`;
  };
  for (const name of spec.needed ?? []) add(1, name);
  if (spec.soname !== undefined) add(14, spec.soname);
  if (spec.runPath !== undefined) add(29, spec.runPath);
  return { strings: Buffer.from(strings), entries };
}

function writeHeaders(
  out: Bytes,
  spec: ElfSpec,
  segments: readonly { type: number; offset: number; size: number }[],
  sections: readonly Section[],
  names: string,
): void {
  const tableOffset = out.append(new Uint8Array(sections.length * 64), 8);
  const bytes = out.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, spec.machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(tableOffset), true);
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, segments.length],
    [58, 64],
    [60, sections.length],
    [62, sections.length - 1],
  ] as const) {
    view.setUint16(at, value, true);
  }
  for (const [index, segment] of segments.entries()) {
    const at = 64 + index * 56;
    view.setUint32(at, segment.type, true);
    view.setUint32(at + 4, 5, true);
    view.setBigUint64(at + 8, BigInt(segment.offset), true);
    view.setBigUint64(at + 16, BigInt(BASE_ADDRESS + segment.offset), true);
    view.setBigUint64(at + 32, BigInt(segment.size), true);
    view.setBigUint64(at + 40, BigInt(segment.size), true);
  }
  for (const [index, section] of sections.entries()) {
    const at = tableOffset + index * 64;
    view.setUint32(at, section.name === '' ? 0 : names.indexOf(`\0${section.name}`) + 1, true);
    view.setUint32(at + 4, section.type, true);
    view.setBigUint64(at + 8, BigInt(section.flags), true);
    view.setBigUint64(at + 24, BigInt(section.offset), true);
    view.setBigUint64(at + 32, BigInt(section.size), true);
    view.setUint32(at + 40, section.link, true);
    view.setBigUint64(at + 48, 8n, true);
  }
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** Bytes that grow. */
class Bytes {
  #bytes: Uint8Array;

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  get length(): number {
    return this.#bytes.length;
  }

  append(content: Uint8Array, alignment: number): number {
    const offset = Math.ceil(this.#bytes.length / alignment) * alignment;
    const grown = new Uint8Array(offset + content.length);
    grown.set(this.#bytes);
    grown.set(content, offset);
    this.#bytes = grown;
    return offset;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}
