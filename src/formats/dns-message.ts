// DNS messages (RFC 1035 section 4) as multicast DNS (RFC 6762) and service discovery (RFC 6763) use them. Records of
// classes other than IN are left out when decoding, and with them the EDNS options that some queriers add.

import { decodeDnsText, DNS_HEADER_LENGTH, DnsReader, DnsWriter, malformedDns } from './dns-wire.ts';
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
const CLASS_IN = 1;
const CLASS_ANY = 255;
/** Top bit of the class: unicast response of a question, cache flush of a record. */
const TOP_BIT = 0x8000;
const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200 } as const;

export function dnsTypeCode(type: DnsType): number {
  return type in TYPE_CODES ? TYPE_CODES[type as keyof typeof TYPE_CODES] : Number(type.slice('TYPE'.length));
}

export function encodeDnsMessage(message: DnsMessage): Uint8Array {
  const writer = new DnsWriter();
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
  const writer = new DnsWriter({ compress: false });
  writeData(writer, data);
  return writer.bytes();
}

/** Throws a SyntaxError when the message is cut off, refers to itself, or has a name that is no UTF-8. */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage {
  const reader = new DnsReader(bytes);
  if (bytes.length < DNS_HEADER_LENGTH) throw malformedDns('header', 0);
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

function writeRecord(writer: DnsWriter, { name, cacheFlush, ttlSec, data }: DnsRecord): void {
  writer.name(name);
  writer.uint16(dnsTypeCode(data.type));
  writer.uint16(CLASS_IN | (cacheFlush ? TOP_BIT : 0));
  writer.uint32(ttlSec);
  writer.withLength(() => writeData(writer, data));
}

function writeData(writer: DnsWriter, data: DnsData): void {
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

function readQuestions(reader: DnsReader, count: number): DnsQuestion[] {
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

function readRecords(reader: DnsReader, count: number): DnsRecord[] {
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

function readData(reader: DnsReader, type: DnsType): DnsData {
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
    if (end > bytes.length) throw malformedDns('TXT record', offset);
    const text = decodeDnsText(bytes.subarray(offset + 1, end));
    if (text === undefined) return { type: `TYPE${TYPE_CODES.TXT}`, bytes: bytes.slice() };
    if (text !== '') strings.push(text);
    offset = end;
  }
  return { type: 'TXT', strings };
}

function readTypeBitmap(reader: DnsReader): DnsType[] {
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

function typeName(code: number): DnsType {
  return TYPE_NAMES.get(code) ?? `TYPE${code}`;
}
