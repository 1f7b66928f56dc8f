// An initramfs: cpio's format `newc` (kernel's Documentation, driver-api/early-userspace/buffer-format).

export type CpioEntry =
  | { path: string; kind: 'file'; mode: number; bytes: Uint8Array }
  | { path: string; kind: 'symlink'; target: string }
  | { path: string; kind: 'directory' };

const TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** Directories above an entry are made where nobody names them. */
export function encodeCpio(entries: readonly CpioEntry[]): Buffer {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!byPath.has(path)) byPath.set(path, { path, kind: 'directory' });
    }
    byPath.set(entry.path, entry);
  }
  const sorted = [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const records = sorted.map((entry, index) => {
    const data =
      entry.kind === 'file' ? entry.bytes : Buffer.from(entry.kind === 'symlink' ? entry.target : '');
    const mode = TYPE[entry.kind] | (entry.kind === 'file' ? entry.mode : 0o755);
    return record(entry.path, index + 1, mode, data);
  });
  return Buffer.concat([...records, record('TRAILER!!!', 0, 0, Buffer.alloc(0))]);
}

function record(path: string, inode: number, mode: number, data: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, user, group, links, time, size, device twice, device of a node twice, length of the name, checksum
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${numbers.map((each) => each.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([head, name, padding(head.length + name.length), data, padding(data.length)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
