// A flattened device tree as a tree that can be looked at and changed, and back. Devicetree Specification 0.4, chapter 5.
// dtc says in a test that what comes out is what went in.

const MAGIC = 0xd00dfeed;
const [BEGIN_NODE, END_NODE, PROPERTY, NOP, END] = [1, 2, 3, 4, 9];
const HEADER_BYTES = 40;
const VERSION = 17;
const LAST_COMPATIBLE_VERSION = 16;

export interface TreeNode {
  name: string;
  properties: Map<string, Buffer>;
  children: TreeNode[];
}

export interface DeviceTree {
  root: TreeNode;
  /** The memory reservation block, with its end mark. */
  reservations: Buffer;
  bootCpu: number;
}

/** Section 5.2: magic @0, totalsize @4, off_dt_struct @8, off_dt_strings @12, off_mem_rsvmap @16, version @20, boot_cpuid @28. */
export function parseDeviceTree(bytes: Uint8Array): DeviceTree {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES || buffer.readUInt32BE(0) !== MAGIC)
    throw new SyntaxError('This is no device tree: its magic is missing');
  if (buffer.readUInt32BE(4) > buffer.length) throw new SyntaxError('The device tree is cut off');
  const strings = buffer.readUInt32BE(12);
  let at = buffer.readUInt32BE(8);
  const next = (): number => {
    at += 4;
    return buffer.readUInt32BE(at - 4);
  };
  const take = (length: number): Buffer => {
    const taken = buffer.subarray(at, at + length);
    at += Math.ceil(length / 4) * 4;
    return taken;
  };
  const parents: TreeNode[] = [{ name: '', properties: new Map(), children: [] }];
  for (let token = next(); token !== END; token = next()) {
    if (token === BEGIN_NODE) {
      const name = take(buffer.indexOf(0, at) - at + 1)
        .toString('latin1')
        .replace(/\0$/, '');
      const node: TreeNode = { name, properties: new Map(), children: [] };
      parents.at(-1)!.children.push(node);
      parents.push(node);
    } else if (token === END_NODE) {
      parents.pop();
    } else if (token === PROPERTY) {
      const [length, nameAt] = [next(), strings + next()];
      const name = buffer.toString('latin1', nameAt, buffer.indexOf(0, nameAt));
      parents.at(-1)!.properties.set(name, Buffer.from(take(length)));
    } else if (token !== NOP) {
      throw new SyntaxError(`The device tree has the token ${token} at ${at - 4}`);
    }
  }
  const root = parents[0]!.children[0];
  if (!root) throw new SyntaxError('The device tree has no root');
  const reservations = buffer.readUInt32BE(16);
  let end = reservations;
  while (buffer.readBigUInt64BE(end + 8) !== 0n) end += 16;
  return {
    root,
    reservations: Buffer.from(buffer.subarray(reservations, end + 16)),
    bootCpu: buffer.readUInt32BE(28),
  };
}

export function formatDeviceTree({ root, reservations, bootCpu }: DeviceTree): Buffer {
  const names = new Map<string, number>();
  let stringBytes = 0;
  const parts: Buffer[] = [];
  const put = (...numbers: number[]): void => void parts.push(...numbers.map(cell));
  const putPadded = (bytes: Buffer): void =>
    void parts.push(bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4));
  const putNode = (node: TreeNode): void => {
    put(BEGIN_NODE);
    putPadded(text(node.name));
    for (const [name, value] of node.properties) {
      if (!names.has(name)) {
        names.set(name, stringBytes);
        stringBytes += name.length + 1;
      }
      put(PROPERTY, value.length, names.get(name)!);
      putPadded(value);
    }
    for (const child of node.children) putNode(child);
    put(END_NODE);
  };
  putNode(root);
  put(END);
  const structure = Buffer.concat(parts);
  const strings = Buffer.concat([...names.keys()].map(text));
  const structureAt = HEADER_BYTES + reservations.length;
  const stringsAt = structureAt + structure.length;
  const header = [
    MAGIC,
    stringsAt + strings.length,
    structureAt,
    stringsAt,
    HEADER_BYTES,
    VERSION,
    LAST_COMPATIBLE_VERSION,
    bootCpu,
    strings.length,
    structure.length,
  ];
  return Buffer.concat([...header.map(cell), reservations, structure, strings]);
}

/** Undefined: there is no such node. */
export function findNode(tree: DeviceTree, path: string): TreeNode | undefined {
  let node: TreeNode | undefined = tree.root;
  for (const name of namesOf(path)) node = node?.children.find((child) => child.name === name);
  return node;
}

/** Makes what is missing of the path. */
export function makeNode(tree: DeviceTree, path: string): TreeNode {
  let node = tree.root;
  for (const name of namesOf(path)) {
    let child = node.children.find((each) => each.name === name);
    if (!child) node.children.push((child = { name, properties: new Map(), children: [] }));
    node = child;
  }
  return node;
}

/** Strings of a property; none when there is no such property. */
export function stringsOf(node: TreeNode | undefined, name: string): readonly string[] {
  const value = node?.properties.get(name);
  return value === undefined || value.length === 0
    ? []
    : value.toString('latin1').replace(/\0$/, '').split('\0');
}

export function cell(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'latin1');
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
