// Messages of a WebSocket (RFC 6455) as its client has them: what it sends, and what it takes off a stream of bytes, which it
// may hand on.
// Only what the inspector of Node.js speaks: no extensions, and texts alone.

import { randomBytes } from 'node:crypto';

const FIN = 0x80;
const MASKED = 0x80;
const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const MAX_CONTROL_BYTES = 125;

export type SentMessage = 'text' | 'close' | 'pong';

export interface ReceivedMessage {
  kind: 'text' | 'close' | 'ping' | 'pong';
  payload: Uint8Array;
}

/** One frame, masked as a client's have to be (section 5.3). */
export function encodeClientFrame(kind: SentMessage, payload: Uint8Array): Uint8Array {
  const [marker, extended] = lengthOf(payload.length);
  const mask = randomBytes(4);
  const head = Buffer.from([FIN | OPCODES[kind], MASKED | marker, ...extended, ...mask]);
  const body = Buffer.from(payload);
  for (let at = 0; at < body.length; at++) body[at] = (body[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return Buffer.concat([head, body]);
}

/** One frame as a server sends it: whole, and not masked. */
export function encodeServerFrame(kind: ReceivedMessage['kind'], payload: Uint8Array): Uint8Array {
  const [marker, extended] = lengthOf(payload.length);
  return Buffer.concat([Buffer.from([FIN | OPCODES[kind], marker, ...extended]), payload]);
}

function lengthOf(length: number): [marker: number, extended: Uint8Array] {
  if (length < 126) return [length, new Uint8Array()];
  const extended = Buffer.alloc(length < 0x10000 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  else extended.writeBigUInt64BE(BigInt(length));
  return [extended.length === 2 ? 126 : 127, extended];
}

interface FrameHead {
  isLast: boolean;
  opcode: number;
  bytes: number;
  length: number;
}

/** Takes what comes in pieces of any size, and holds no more than one message of it. */
export class ServerFrames {
  readonly #maxBytes: number;
  /** Not looked at yet. */
  #pieces: Uint8Array[] = [];
  #pending = 0;
  /** Payloads of the message that is not complete. */
  #fragments: Uint8Array[] | undefined;
  #fragmentBytes = 0;

  constructor(maxMessageBytes: number) {
    this.#maxBytes = maxMessageBytes;
  }

  /** Messages that are complete with this piece. Throws SyntaxError for what no server sends, or a message that is too long. */
  take(piece: Uint8Array): ReceivedMessage[] {
    this.#pieces.push(piece);
    this.#pending += piece.length;
    const messages: ReceivedMessage[] = [];
    for (let head = this.#readHead(); head !== undefined; head = this.#readHead()) {
      if (this.#pending < head.bytes + head.length) break;
      const payload = this.#cut(head.bytes + head.length).subarray(head.bytes);
      const message = this.#complete(head, payload);
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  #readHead(): FrameHead | undefined {
    const start = this.#peek(10);
    const [first = 0, second = 0] = start;
    if (start.length < 2) return undefined;
    if ((first & 0x70) !== 0) throw new SyntaxError('Cannot read a frame: it uses an extension');
    if ((second & MASKED) !== 0) throw new SyntaxError('Cannot read a frame: a server has masked it');
    const marker = second & 0x7f;
    const bytes = marker === 127 ? 10 : marker === 126 ? 4 : 2;
    if (start.length < bytes) return undefined;
    const view = Buffer.from(start.buffer, start.byteOffset, start.length);
    const length =
      marker === 127 ? Number(view.readBigUInt64BE(2)) : marker === 126 ? view.readUInt16BE(2) : marker;
    const opcode = first & 0x0f;
    const isControl = opcode >= 8;
    if (isControl && (length > MAX_CONTROL_BYTES || (first & FIN) === 0))
      throw new SyntaxError('Cannot read a frame: a control frame is too long, or comes in parts');
    if (!isControl && this.#fragmentBytes + length > this.#maxBytes)
      throw new SyntaxError(`Cannot read a message: it is longer than ${this.#maxBytes} bytes`);
    return { isLast: (first & FIN) !== 0, opcode, bytes, length };
  }

  #complete({ isLast, opcode }: FrameHead, payload: Uint8Array): ReceivedMessage | undefined {
    switch (opcode) {
      case OPCODES.close:
        return { kind: 'close', payload };
      case OPCODES.ping:
        return { kind: 'ping', payload };
      case OPCODES.pong:
        return { kind: 'pong', payload };
      case OPCODES.text:
        if (this.#fragments !== undefined)
          throw new SyntaxError('Cannot read a message: another begins in the middle of it');
        this.#fragments = [];
        break;
      case OPCODES.continuation:
        if (this.#fragments === undefined)
          throw new SyntaxError('Cannot read a message: it goes on without having begun');
        break;
      default:
        throw new SyntaxError(`Cannot read a frame: it is of kind ${opcode}`);
    }
    this.#fragments.push(payload);
    this.#fragmentBytes += payload.length;
    if (!isLast) return undefined;
    const whole = this.#fragments.length === 1 ? payload : Buffer.concat(this.#fragments);
    this.#fragments = undefined;
    this.#fragmentBytes = 0;
    return { kind: 'text', payload: whole };
  }

  #peek(count: number): Uint8Array {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    const taken: Uint8Array[] = [];
    let bytes = 0;
    for (const piece of this.#pieces) {
      if (bytes >= count) break;
      taken.push(piece.subarray(0, count - bytes));
      bytes += Math.min(piece.length, count - bytes);
    }
    return Buffer.concat(taken);
  }

  #cut(count: number): Uint8Array {
    const all =
      this.#pieces.length === 1 ? (this.#pieces[0] ?? new Uint8Array()) : Buffer.concat(this.#pieces);
    this.#pieces = all.length === count ? [] : [all.subarray(count)];
    this.#pending = all.length - count;
    return all.subarray(0, count);
  }
}
