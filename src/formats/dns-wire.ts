// The fields of DNS messages, written and read: numbers, texts, and names, whose end may be a pointer to where it stood
// before (RFC 1035 section 4.1.4). What the fields mean is in dns-message.ts.

import { escapeDnsLabel, MAX_DNS_NAME_BYTES, splitDnsName } from './dns-name.ts';

/** No name stands before the end of the header. */
export const DNS_HEADER_LENGTH = 12;

const TEXT_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const POINTER = 0xc0;
const MAX_LABEL_BYTES = 63;
/** Offsets that a pointer can have. */
const MAX_POINTER = 0x3fff;

export class DnsWriter {
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
    const labels = splitDnsName(name);
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

export class DnsReader {
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
    if (length > this.remaining) throw malformedDns('field', this.#offset);
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
    if (length > this.remaining) throw malformedDns('record', this.#offset);
    const outerEnd = this.#end;
    this.#end = this.#offset + length;
    const value = read();
    if (this.remaining > 0) throw malformedDns('record', this.#offset);
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
      if (length === undefined || offset >= limit) throw malformedDns('name', offset);
      if (length === 0) break;
      if (length >= POINTER) {
        const low = this.#bytes[offset + 1];
        if (low === undefined || offset + 2 > limit) throw malformedDns('name', offset);
        if (!hasJumped) this.#offset = offset + 2;
        hasJumped = true;
        const target = ((length & ~POINTER) << 8) | low;
        if (target >= pieceStart || target < DNS_HEADER_LENGTH) throw malformedDns('name', offset);
        offset = pieceStart = target;
        continue;
      }
      nameBytes += length + 1;
      const end = offset + 1 + length;
      if (length > MAX_LABEL_BYTES || nameBytes > MAX_DNS_NAME_BYTES || end > limit)
        throw malformedDns('name', offset);
      const label = decodeDnsText(this.#bytes.subarray(offset + 1, end));
      if (label === undefined) throw malformedDns('name', offset);
      labels.push(escapeDnsLabel(label));
      offset = end;
    }
    if (!hasJumped) this.#offset = offset + 1;
    return labels.join('.');
  }
}

/** `undefined` for what is no UTF-8 (RFC 6762 section 16): replacement characters would be longer when written again. */
export function decodeDnsText(bytes: Uint8Array): string | undefined {
  try {
    return TEXT_DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

export function malformedDns(what: string, offset: number): SyntaxError {
  return new SyntaxError(`Cannot decode DNS ${what}: wrong length, reference or text at byte ${offset}`);
}
