// The larger changes that bench/update.ts measures.

import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { readLockFile, writeLockFile } from '../src/host/components/lock-file.ts';
import { openInstance } from '../src/host/config/instance.ts';
import { HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import type { UpdateLab } from '../test/support/updates/update-lab.ts';

/** A release of another month than that of the lock. */
const OTHER_NODE = '26.9.0';

export async function changeNode(lab: UpdateLab): Promise<void> {
  const { lockPath } = await openInstance(lab.directory);
  const lock = await readLockFile(lockPath);
  const node = lock?.boards[HOST_BOARD_ID]?.node;
  if (!lock || node?.source !== 'npm') throw new Error('The lock pins no Node.js from npm');
  const spec = `${node.package}@${OTHER_NODE}`;
  const integrity = execFileSync('npm', ['view', spec, 'dist.integrity'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  Object.assign(node, { version: OTHER_NODE, integrity });
  await writeLockFile(lockPath, lock);
}

/** The same kernel compressed anew, so that nothing of its file is as before and it still starts. */
export async function changeKernel(lab: UpdateLab): Promise<void> {
  const vmlinuz = recompress(await lab.readBootFile('vmlinuz'));
  const directory = lab.componentDirectory('kernel', { vmlinuz });
  lab.configure({ components: { kernel: { directory } } });
}

/** Offsets in a bzImage (Linux documentation, arch/x86/boot.rst). */
const SETUP_SECTORS = 0x1f1;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const ZSTD_MAGIC = 0xfd2fb528;
/** Behind the frame, the size of what is in it. */
const SIZE_BYTES = 4;

function recompress(kernel: Buffer): Uint8Array {
  const start = (kernel[SETUP_SECTORS]! + 1) * 512 + kernel.readUInt32LE(PAYLOAD_OFFSET);
  const lengthBytes = kernel.readUInt32LE(PAYLOAD_LENGTH) - SIZE_BYTES;
  if (kernel.readUInt32LE(start) !== ZSTD_MAGIC) throw new Error('The kernel is not compressed with zstd');
  const frame = kernel.subarray(start, start + lengthBytes);
  const params = {
    [constants.ZSTD_c_compressionLevel]: 22,
    [constants.ZSTD_c_windowLog]: 27,
    [constants.ZSTD_c_searchLog]: 8,
  };
  const anew = zstdCompressSync(zstdDecompressSync(frame), { params });
  if (anew.length > lengthBytes)
    throw new Error(`It would have ${anew.length} bytes instead of ${lengthBytes}`);
  const changed = Buffer.from(kernel);
  // The kernel passes over what is behind the frame.
  changed.fill(0, start, start + lengthBytes);
  changed.set(anew, start);
  return changed;
}

/** A library of 60 kB in the app's bundle. */
export function addDependency(lab: UpdateLab): void {
  const name = 'valibot';
  const from = join(import.meta.dirname, '..', 'node_modules', name);
  cpSync(from, join(lab.directory, 'node_modules', name), { recursive: true });
  lab.speak({ word: 'five', first: `import * as v from '${name}';\nconsole.log(Object.keys(v).length);` });
}
