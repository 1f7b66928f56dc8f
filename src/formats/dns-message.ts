// DNS messages (RFC 1035 section 4) as multicast DNS (RFC 6762) and service discovery (RFC 6763) use them. Records of
// classes other than IN are left out when decoding, and with them the EDNS options that some queriers add.

import { ipv4FromBytes, ipv4ToBytes } from './ipv4-address.ts';
import { formatIpv6, ipv6ToBytes } from './ipv6-address.ts';

/** Types without a name of their own are spelled as in RFC 3597 section 5. */
export type DnsType = 'A' | 'PTR' | 'TXT' | 'AAAA' | 'SRV' | 'NSEC' | 'ANY' | `TYPE${number}`;

export interface DnsQuestion {
  /** Labels with dots between; a dot or backslash within a label has a backslash before it. */
  name: string;
  type: DnsType;
  /** mDNS: may be answered to the querier alone (RFC 6762 section 5.4). */
  unicastResponse: boolean;
}

export type DnsData =
  | { type: 'A' | 'AAAA'; address: string }
  | { type: 'PTR'; target: string }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: string }
  /** Mostly `key=value`, RFC 6763 section 6. */
  | { type: 'TXT'; strings: readonly string[] }
  /** These types exist for the name, and no others (RFC 6762 section 6.1). */
  | { type: 'NSEC'; nextName: string; types: readonly DnsType[] }
  | { type: `TYPE${number}`; bytes: Uint8Array };

export interface DnsRecord {
  name: string;
  /** mDNS: these are all records of the name and type there are (RFC 6762 section 10.2). */
  cacheFlush: boolean;
  ttlSec: number;
  data: DnsData;
}

export interface DnsMessage {
  id: number;
  isResponse: boolean;
  isAuthoritative: boolean;
  isTruncated: boolean;
  opcode: number;
  responseCode: number;
  questions: readonly DnsQuestion[];
  answers: readonly DnsRecord[];
  authorities: readonly DnsRecord[];
  additionals: readonly DnsRecord[];
}

export const EMPTY_DNS_MESSAGE: DnsMessage = {
  id: 0,
  isResponse: false,
  isAuthoritative: false,
  isTruncated: false,
  opcode: 0,
  responseCode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

const TYPE_CODES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47, ANY: 255 } as const;
const TYPE_NAMES = new Map<number, DnsType>(
  Object.entries(TYPE_CODES).map(([name, code]) => [code, name as keyof typeof TYPE_CODES]),
);
const TEXT_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const HEADER_LENGTH = 12;
const CLASS_IN = 1;
const CLASS_ANY = 255;
/** Top bit of the class: unicast response of a question, cache flush of a record. */
const TOP_BIT = 0x8000;
const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200 } as const;
const POINTER = 0xc0;
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;
/** Offsets that a pointer can have. */
const MAX_POINTER = 0x3fff;

/** Names are equal whatever the case of their ASCII letters (RFC 6762 section 16). */
export function sameDnsName(a: string, b: string): boolean {
  return dnsNameKey(a) === dnsNameKey(b);
}

export function dnsNameKey(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** One label as it stands in a name: `Attic. East` is `Attic\. East`. */
export function escapeDnsLabel(label: string): string {
  return label.replaceAll(/[.\\]/g, String.raw`\$&`);
}

export function dnsTypeCode(type: DnsType): number {
  return type in TYPE_CODES ? TYPE_CODES[type as keyof typeof TYPE_CODES] : Number(type.slice('TYPE'.length));
}

export function encodeDnsMessage(message: DnsMessage): Uint8Array {
  const writer = new Writer();
  const sections = [message.answers, message.authorities, message.additionals];
  writer.uint16(message.id); //                                     0  2  ID
  writer.uint16(flagsOf(message)); //                               2  2  QR, opcode, AA, TC, RCODE
  writer.uint16(message.questions.length); //                       4  2  QDCOUNT
  for (const records of sections) writer.uint16(records.length); // 6  6  ANCOUNT, NSCOUNT, ARCOUNT
  for (const { name, type, unicastResponse } of message.questions) {
    writer.name(name);
    writer.uint16(dnsTypeCode(type));
    writer.uint16(CLASS_IN | (unicastResponse ? TOP_BIT : 0));
  }
  for (const record of sections.flat()) writeRecord(writer, record);
  return writer.bytes();
}

/** The data of a record without name compression: what records are compared by (RFC 6762 section 8.2). */
export function encodeDnsData(data: DnsData): Uint8Array {
  const writer = new Writer({ compress: false });
  writeData(writer, data);
  return writer.bytes();
}

/** Throws a SyntaxError when the message is cut off, refers to itself, or has a name that is no UTF-8. */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage {
  const reader = new Reader(bytes);
  if (bytes.length < HEADER_LENGTH) throw malformed('header', 0);
  const id = reader.uint16();
  const flags = reader.uint16();
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const;
  return {
    id,
    isResponse: (flags & FLAG.response) !== 0,
    isAuthoritative: (flags & FLAG.authoritative) !== 0,
    isTruncated: (flags & FLAG.truncated) !== 0,
    opcode: (flags >> 11) & 15,
    responseCode: flags & 15,
    questions: readQuestions(reader, counts[0]),
    answers: readRecords(reader, counts[1]),
    authorities: readRecords(reader, counts[2]),
    additionals: readRecords(reader, counts[3]),
  };
}

function flagsOf(message: DnsMessage): number {
  return (
    (message.isResponse ? FLAG.response : 0) |
    (message.opcode << 11) |
    (message.isAuthoritative ? FLAG.authoritative : 0) |
    (message.isTruncated ? FLAG.truncated : 0) |
    message.responseCode
  );
}

function writeRecord(writer: Writer, { name, cacheFlush, ttlSec, data }: DnsRecord): void {
  writer.name(name);
  writer.uint16(dnsTypeCode(data.type));
  writer.uint16(CLASS_IN | (cacheFlush ? TOP_BIT : 0));
  writer.uint32(ttlSec);
  writer.withLength(() => writeData(writer, data));
}

function writeData(writer: Writer, data: DnsData): void {
  switch (data.type) {
    case 'A':
      return writer.raw(ipv4ToBytes(data.address));
    case 'AAAA':
      return writer.raw(ipv6ToBytes(data.address));
    case 'PTR':
      return writer.name(data.target);
    case 'SRV':
      writer.uint16(data.priority);
      writer.uint16(data.weight);
      writer.uint16(data.port);
      return writer.name(data.target);
    case 'TXT':
      // No strings are written as one empty string (RFC 6763 section 6.1).
      for (const text of data.strings.length === 0 ? [''] : data.strings) writer.string(text, 255);
      return undefined;
    case 'NSEC':
      writer.name(data.nextName);
      return writer.raw(typeBitmap(data.types));
    default:
      return writer.raw(data.bytes);
  }
}

/** RFC 4034 section 4.1.2, restricted as in RFC 6762 section 6.1: block 0 only. */
function typeBitmap(types: readonly DnsType[]): Uint8Array {
  const codes = types.map(dnsTypeCode).filter((code) => code < 256);
  const bitmap = new Uint8Array((Math.max(0, ...codes) >> 3) + 1);
  for (const code of codes) bitmap[code >> 3] = (bitmap[code >> 3] ?? 0) | (0x80 >> (code & 7));
  return Uint8Array.of(0, bitmap.length, ...bitmap);
}

function readQuestions(reader: Reader, count: number): DnsQuestion[] {
  const questions: DnsQuestion[] = [];
  for (let index = 0; index < count; index++) {
    const name = reader.name();
    const type = typeName(reader.uint16());
    const classField = reader.uint16();
    const questionClass = classField & ~TOP_BIT;
    if (questionClass !== CLASS_IN && questionClass !== CLASS_ANY) continue;
    questions.push({ name, type, unicastResponse: (classField & TOP_BIT) !== 0 });
  }
  return questions;
}

function readRecords(reader: Reader, count: number): DnsRecord[] {
  const records: DnsRecord[] = [];
  for (let index = 0; index < count; index++) {
    const name = reader.name();
    const type = typeName(reader.uint16());
    const classField = reader.uint16();
    const ttlSec = reader.uint32();
    const data = reader.within(reader.uint16(), () => readData(reader, type));
    if ((classField & ~TOP_BIT) !== CLASS_IN) continue;
    records.push({ name, cacheFlush: (classField & TOP_BIT) !== 0, ttlSec, data });
  }
  return records;
}

function readData(reader: Reader, type: DnsType): DnsData {
  switch (type) {
    case 'A':
      return { type, address: ipv4FromBytes(reader.raw(4)) };
    case 'AAAA':
      return { type, address: formatIpv6(reader.raw(16)) };
    case 'PTR':
      return { type, target: reader.name() };
    case 'SRV':
      return {
        type,
        priority: reader.uint16(),
        weight: reader.uint16(),
        port: reader.uint16(),
        target: reader.name(),
      };
    case 'TXT':
      return readTexts(reader.raw(reader.remaining));
    case 'NSEC':
      return { type, nextName: reader.name(), types: readTypeBitmap(reader) };
    default:
      return { type: `TYPE${dnsTypeCode(type)}`, bytes: reader.raw(reader.remaining).slice() };
  }
}

/** Texts, mostly; any bytes are allowed, and then they stay as they are. */
function readTexts(bytes: Uint8Array): DnsData {
  const strings: string[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = offset + 1 + (bytes[offset] ?? 0);
    if (end > bytes.length) throw malformed('TXT record', offset);
    const text = decodeText(bytes.subarray(offset + 1, end));
    if (text === undefined) return { type: `TYPE${TYPE_CODES.TXT}`, bytes: bytes.slice() };
    if (text !== '') strings.push(text);
    offset = end;
  }
  return { type: 'TXT', strings };
}

function readTypeBitmap(reader: Reader): DnsType[] {
  const types: DnsType[] = [];
  while (reader.remaining > 0) {
    const block = reader.uint8();
    for (const [index, byte] of reader.raw(reader.uint8()).entries()) {
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & (0x80 >> bit)) !== 0) types.push(typeName(block * 256 + index * 8 + bit));
      }
    }
  }
  return types;
}

class Writer {
  #buffer = new Uint8Array(512);
  #length = 0;
  /** Offset at which each name, and each tail of one, was written; undefined: without compression. */
  readonly #names: Map<string, number> | undefined;

  constructor({ compress = true } = {}) {
    this.#names = compress ? new Map() : undefined;
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + bytes.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  uint16(value: number): void {
    this.raw(Uint8Array.of(value >> 8, value));
  }

  uint32(value: number): void {
    this.raw(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  }

  /** Length and bytes. */
  string(text: string, maxLength: number): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > maxLength) {
      throw new RangeError(
        `Cannot encode "${text}": ${bytes.length} bytes, at most ${maxLength} are possible`,
      );
    }
    this.raw(Uint8Array.of(bytes.length));
    this.raw(bytes);
  }

  /** Case is kept, also where an equal name of another case was written before. */
  name(name: string): void {
    const labels = splitName(name);
    for (const [index, label] of labels.entries()) {
      const tail = labels.slice(index).map(escapeDnsLabel).join('.');
      const known = this.#names?.get(tail);
      if (known !== undefined) return this.uint16((POINTER << 8) | known);
      if (this.#length <= MAX_POINTER) this.#names?.set(tail, this.#length);
      this.string(label, MAX_LABEL_BYTES);
    }
    return this.raw(Uint8Array.of(0));
  }

  /** Two bytes for the length of what `write` writes. */
  withLength(write: () => void): void {
    const start = this.#length;
    this.uint16(0);
    write();
    const length = this.#length - start - 2;
    this.#buffer[start] = length >> 8;
    this.#buffer[start + 1] = length;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  raw(length: number): Uint8Array {
    if (length > this.remaining) throw malformed('field', this.#offset);
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, start + length);
  }

  uint8(): number {
    return this.raw(1)[0] ?? 0;
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8();
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16();
  }

  /** What `read` reads is exactly the next `length` bytes. */
  within<T>(length: number, read: () => T): T {
    if (length > this.remaining) throw malformed('record', this.#offset);
    const outerEnd = this.#end;
    this.#end = this.#offset + length;
    const value = read();
    if (this.remaining > 0) throw malformed('record', this.#offset);
    this.#end = outerEnd;
    return value;
  }

  name(): string {
    const labels: string[] = [];
    let nameBytes = 1;
    let offset = this.#offset;
    let hasJumped = false;
    // A pointer leads to before the piece that it ends, so that there can be no circle.
    let pieceStart = offset;
    for (;;) {
      const limit = hasJumped ? this.#bytes.length : this.#end;
      const length = this.#bytes[offset];
      if (length === undefined || offset >= limit) throw malformed('name', offset);
      if (length === 0) break;
      if (length >= POINTER) {
        const low = this.#bytes[offset + 1];
        if (low === undefined || offset + 2 > limit) throw malformed('name', offset);
        if (!hasJumped) this.#offset = offset + 2;
        hasJumped = true;
        const target = ((length & ~POINTER) << 8) | low;
        if (target >= pieceStart || target < HEADER_LENGTH) throw malformed('name', offset);
        offset = pieceStart = target;
        continue;
      }
      nameBytes += length + 1;
      const end = offset + 1 + length;
      if (length > MAX_LABEL_BYTES || nameBytes > MAX_NAME_BYTES || end > limit)
        throw malformed('name', offset);
      const label = decodeText(this.#bytes.subarray(offset + 1, end));
      if (label === undefined) throw malformed('name', offset);
      labels.push(escapeDnsLabel(label));
      offset = end;
    }
    if (!hasJumped) this.#offset = offset + 1;
    return labels.join('.');
  }
}

function splitName(name: string): string[] {
  if (name === '') return [];
  const labels = name.match(/(?:\\.|[^.\\])+/gs) ?? [];
  if (labels.join('.') !== name)
    throw new RangeError(`Cannot encode the name "${name}": it has an empty label`);
  const plain = labels.map((label) => label.replaceAll(/\\(.)/gs, '$1'));
  const length = plain.reduce((sum, label) => sum + 1 + new TextEncoder().encode(label).length, 1);
  if (length > MAX_NAME_BYTES) throw new RangeError(`Cannot encode the name "${name}": it is too long`);
  return plain;
}

function typeName(code: number): DnsType {
  return TYPE_NAMES.get(code) ?? `TYPE${code}`;
}

/** `undefined` for what is no UTF-8 (RFC 6762 section 16): replacement characters would be longer when written again. */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return TEXT_DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

function malformed(what: string, offset: number): SyntaxError {
  return new SyntaxError(`Cannot decode DNS ${what}: wrong length, reference or text at byte ${offset}`);
}
