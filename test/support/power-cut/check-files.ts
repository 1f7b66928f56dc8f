// Reference tools on a disk's state after a power cut: fsck.fat on the boot partition, e2fsck on /perm.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Extent } from '../../../src/formats/fat/tree.ts';
import { findTool } from '../require-tool.ts';
import type { DiskState } from './recorded-disk.ts';

const run = promisify(execFile);

/**
 * What fsck.fat says of a volume on which a change was cut off, and what is no damage: clusters that nobody refers to,
 * copies of the FAT that differ, and that FSInfo does not know how much is free.
 */
const HARMLESS = [
  /^fsck\.fat /,
  /^Free cluster summary uninitialized/,
  /: \d+ files, /,
  /^Reclaimed \d+ unused clusters? \(\d+ bytes\)/,
  /^FATs differ but appear to be intact\./,
  /^ {2}Using first FAT\./,
  /^Leaving filesystem unchanged\./,
  /^$/,
];

/** `scratchPath` is written and left behind. Throws at any damage. */
export async function checkWithFsckFat(disk: DiskState, boot: Extent, scratchPath: string): Promise<void> {
  disk.save(scratchPath, boot.offsetBytes, boot.lengthBytes);
  const { stdout } = await run(tool('fsck.fat'), ['-n', scratchPath]).catch(
    (error: { stdout: string }) => error,
  );
  const complaints = stdout.split('\n').filter((line) => !HARMLESS.some((pattern) => pattern.test(line)));
  assert.deepEqual(complaints, [], 'fsck.fat complains');
}

export interface PermFile {
  /** From the root of /perm. */
  path: string;
  content: string;
}

/**
 * Journal and orphans as the kernel works them off when it mounts, after which nothing is to be repaired, and the
 * file is as it was.
 */
export async function checkPerm(
  disk: DiskState,
  perm: Extent,
  file: PermFile,
  scratchPath: string,
): Promise<void> {
  disk.save(scratchPath, perm.offsetBytes, perm.lengthBytes);
  const settled = await run(tool('e2fsck'), ['-p', scratchPath]).catch(
    (error: { code: number; stdout: string }) => ({ ...error, isRepaired: error.code === 1 }),
  );
  assert.ok(!('isRepaired' in settled) || settled.isRepaired, `e2fsck -p: ${settled.stdout}`);
  await run(tool('e2fsck'), ['-fn', scratchPath]).catch((error: { stdout: string }) =>
    assert.fail(`e2fsck -fn finds damage: ${error.stdout}`),
  );
  const { stdout } = await run(tool('debugfs'), ['-R', `cat ${file.path}`, scratchPath]);
  assert.equal(stdout, file.content, `content of ${file.path} in /perm`);
}

function tool(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`"${name}" is not installed`);
  return path;
}
