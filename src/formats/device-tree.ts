// Reads names out of flattened device trees (Devicetree Specification 0.4, chapter 5); what they mean is the kernel's and
// the firmware's.

const MAGIC = 0xd00dfeed;
/** Section 5.2: magic @0, totalsize @4, off_dt_struct @8. */
const HEADER_BYTES = 40;
/** Section 5.4.1. */
const [BEGIN_NODE, END_NODE, PROPERTY, NOP, END] = [1, 2, 3, 4, 9];

/** Names of the nodes right below the root. Throws SyntaxError for what is no device tree. */
export function readTopNodeNames(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES || buffer.readUInt32BE(0) !== MAGIC)
    throw new SyntaxError('device tree has no magic at its start');
  const names: string[] = [];
  let at = buffer.readUInt32BE(8);
  let depth = 0;
  for (;;) {
    const token = readWord(buffer, at);
    at += 4;
    switch (token) {
      case BEGIN_NODE: {
        const end = buffer.indexOf(0, at);
        if (end < 0) throw new SyntaxError('device tree ends in the name of a node');
        if (depth === 1) names.push(buffer.toString('latin1', at, end));
        depth += 1;
        at = aligned(end + 1);
        break;
      }
      case END_NODE:
        depth -= 1;
        break;
      case PROPERTY:
        // Length and offset of the name come before the value.
        at = aligned(at + 8 + readWord(buffer, at));
        break;
      case NOP:
        break;
      case END:
        return names;
      default:
        throw new SyntaxError(`device tree has token ${token} at byte ${at - 4}`);
    }
  }
}

function readWord(buffer: Buffer, at: number): number {
  if (at + 4 > buffer.length) throw new SyntaxError('device tree is cut off');
  return buffer.readUInt32BE(at);
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
