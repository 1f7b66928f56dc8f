// Makes small archives for tests: a zip as the Go module proxies serve it, a Debian package.

import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';

/** A zip file of deflated entries, in the given order. */
export function makeZip(files: Readonly<Record<string, Uint8Array | string>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const nameBytes = Buffer.from(name);
    const bytes = Buffer.from(content);
    const data = deflateRawSync(bytes);
    // Of both headers: version 20, flags (UTF-8 names), method 8, time, date, crc, sizes, name length, extra length.
    const shared = Buffer.alloc(26);
    for (const [at, value] of [
      [0, 20],
      [2, 0x800],
      [4, 8],
      [8, 0x21],
      [22, nameBytes.length],
    ] as const) {
      shared.writeUInt16LE(value, at);
    }
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, nameBytes, data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), shared, rest, nameBytes]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

export interface DebFile {
  bytes?: Uint8Array | string;
  mode?: number;
  symlink?: string;
  hardLink?: string;
}

/** A .deb with these files (by path without a leading slash) and no control data to speak of. */
export async function makeDeb(
  files: Readonly<Record<string, DebFile>>,
  compression: 'none' | 'gz' | 'zst' = 'gz',
): Promise<Uint8Array> {
  const data = await packTar(Object.entries(files).map(([path, file]) => tarEntry(path, file)));
  const control = gzipSync(await packTar([{ header: { name: './control', size: 0 }, body: '' }]));
  const compressed = { none: data, gz: gzipSync(data), zst: zstdCompressSync(data) }[compression];
  const name = compression === 'none' ? 'data.tar' : `data.tar.${compression}`;
  return makeAr({ 'debian-binary': Buffer.from('2.0\n'), 'control.tar.gz': control, [name]: compressed });
}

function tarEntry(path: string, file: DebFile): TarEntry {
  const name = `./${path}`;
  if (file.symlink !== undefined) {
    return { header: { name, size: 0, type: 'symlink', linkname: file.symlink } };
  }
  if (file.hardLink !== undefined) {
    return { header: { name, size: 0, type: 'link', linkname: `./${file.hardLink}` } };
  }
  const bytes = Buffer.from(file.bytes ?? '');
  return { header: { name, size: bytes.length, mode: file.mode ?? 0o644 }, body: bytes };
}

export function makeAr(members: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')];
  for (const [name, bytes] of Object.entries(members)) {
    const header = [
      name.padEnd(16),
      '0'.padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
      `${bytes.length}`.padEnd(10),
      '`\n',
    ];
    parts.push(Buffer.from(header.join('')), bytes);
    if (bytes.length % 2 === 1) parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}
