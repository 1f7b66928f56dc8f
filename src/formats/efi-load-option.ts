// Boot options as UEFI firmware keeps them in its variables Boot0000, Boot0001, ...: EFI_LOAD_OPTION with a device
// path. Of device path nodes only the two that name a file on a GPT partition are understood; the others are kept
// as they are. Leaves out: device paths after the first one. UEFI specification 2.10, sections 3.1.3 and 10.

import { getGuid, GUID_BYTES, putGuid } from './guid.ts';

/** LOAD_OPTION_ACTIVE: the firmware tries it without being asked. */
export const LOAD_OPTION_ACTIVE = 0x1;

export interface LoadOption {
  attributes: number;
  /** Text for people, in the firmware's menu. */
  description: string;
  devicePath: readonly DevicePathNode[];
  optionalData: Uint8Array;
}

export type DevicePathNode =
  | {
      kind: 'gpt-partition';
      number: number;
      firstSector: bigint;
      sectorCount: bigint;
      guid: string;
    }
  /** Backslashes, from the root of the file system. */
  | { kind: 'file'; path: string }
  | { kind: 'other'; type: number; subtype: number; data: Uint8Array };

// EFI_LOAD_OPTION:
//   0   4  Attributes
//   4   2  FilePathListLength
//   6   n  Description, UTF-16LE with a NUL
//   ..     FilePathList
//   ..     OptionalData
const DESCRIPTION_OFFSET = 6;

// Device path node:
//   0   1  Type
//   1   1  SubType
//   2   2  Length, with this header
const NODE_HEADER_BYTES = 4;
const MEDIA = 0x04;
const MEDIA_HARD_DRIVE = 0x01;
const MEDIA_FILE_PATH = 0x04;
const END = 0x7f;
const END_ENTIRE = 0xff;

// Hard drive node, after the header:
//   0   4  PartitionNumber
//   4   8  PartitionStart, in logical blocks
//   12  8  PartitionSize
//   20 16  PartitionSignature: the partition's GUID
//   36  1  PartitionFormat: 2 = GPT
//   37  1  SignatureType: 2 = GUID
const HARD_DRIVE_BYTES = 38;
const FORMAT_GPT = 2;
const SIGNATURE_GUID = 2;

/** Throws TypeError for a GUID or a text that cannot be written. */
export function encodeLoadOption(option: LoadOption): Uint8Array {
  const description = encodeText(option.description);
  const path = Buffer.concat([...option.devicePath.map(encodeNode), encodeHeader(END, END_ENTIRE, 0)]);
  const head = Buffer.alloc(DESCRIPTION_OFFSET);
  head.writeUInt32LE(option.attributes, 0);
  head.writeUInt16LE(path.length, 4);
  return new Uint8Array(Buffer.concat([head, description, path, option.optionalData]));
}

function encodeNode(node: DevicePathNode): Buffer {
  if (node.kind === 'other') {
    return Buffer.concat([encodeHeader(node.type, node.subtype, node.data.length), node.data]);
  }
  if (node.kind === 'file') {
    const text = encodeText(node.path);
    return Buffer.concat([encodeHeader(MEDIA, MEDIA_FILE_PATH, text.length), text]);
  }
  const data = Buffer.alloc(HARD_DRIVE_BYTES);
  data.writeUInt32LE(node.number, 0);
  data.writeBigUInt64LE(node.firstSector, 4);
  data.writeBigUInt64LE(node.sectorCount, 12);
  putGuid(data, 20, node.guid);
  data[36] = FORMAT_GPT;
  data[37] = SIGNATURE_GUID;
  return Buffer.concat([encodeHeader(MEDIA, MEDIA_HARD_DRIVE, data.length), data]);
}

function encodeHeader(type: number, subtype: number, dataBytes: number): Buffer {
  const header = Buffer.from([type, subtype, 0, 0]);
  header.writeUInt16LE(NODE_HEADER_BYTES + dataBytes, 2);
  return header;
}

function encodeText(text: string): Buffer {
  if (text.includes('\0')) throw new TypeError('Cannot encode the boot option: there is a NUL in a text');
  return Buffer.from(`${text}\0`, 'utf16le');
}

/** Throws SyntaxError for what no firmware would take. */
export function decodeLoadOption(bytes: Uint8Array): LoadOption {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < DESCRIPTION_OFFSET) throw malformed('it is too short');
  const { text: description, lengthBytes } = decodeText(buffer.subarray(DESCRIPTION_OFFSET));
  const pathStart = DESCRIPTION_OFFSET + lengthBytes;
  const pathEnd = pathStart + buffer.readUInt16LE(4);
  if (pathEnd > buffer.length) throw malformed('its device path ends after it');
  return {
    attributes: buffer.readUInt32LE(0),
    description,
    devicePath: decodePath(buffer.subarray(pathStart, pathEnd)),
    optionalData: new Uint8Array(buffer.subarray(pathEnd)),
  };
}

function decodePath(buffer: Buffer): DevicePathNode[] {
  const nodes: DevicePathNode[] = [];
  for (let offset = 0; ;) {
    if (offset + NODE_HEADER_BYTES > buffer.length) throw malformed('its device path has no end');
    const type = buffer[offset]!;
    const length = buffer.readUInt16LE(offset + 2);
    const data = buffer.subarray(offset + NODE_HEADER_BYTES, offset + length);
    if (length !== NODE_HEADER_BYTES + data.length) throw malformed('a node of its device path is cut off');
    if (type === END) return nodes;
    nodes.push(decodeNode(type, buffer[offset + 1]!, data));
    offset += length;
  }
}

function decodeNode(type: number, subtype: number, data: Buffer): DevicePathNode {
  if (type === MEDIA && subtype === MEDIA_FILE_PATH) {
    const { text, lengthBytes } = decodeText(data);
    if (lengthBytes === data.length) return { kind: 'file', path: text };
  }
  const isGptPartition =
    type === MEDIA &&
    subtype === MEDIA_HARD_DRIVE &&
    data.length === HARD_DRIVE_BYTES &&
    data[36] === FORMAT_GPT &&
    data[37] === SIGNATURE_GUID;
  if (!isGptPartition) return { kind: 'other', type, subtype, data: new Uint8Array(data) };
  return {
    kind: 'gpt-partition',
    number: data.readUInt32LE(0),
    firstSector: data.readBigUInt64LE(4),
    sectorCount: data.readBigUInt64LE(12),
    guid: getGuid(data, HARD_DRIVE_BYTES - 2 - GUID_BYTES),
  };
}

/** Up to the first NUL; the length is with it. */
function decodeText(buffer: Buffer): { text: string; lengthBytes: number } {
  for (let end = 0; end + 2 <= buffer.length; end += 2) {
    if (buffer.readUInt16LE(end) !== 0) continue;
    return { text: buffer.toString('utf16le', 0, end), lengthBytes: end + 2 };
  }
  throw malformed('a text in it has no end');
}

function malformed(reason: string): SyntaxError {
  return new SyntaxError(`The boot option is malformed: ${reason}`);
}
