// Reference tools on a disk's state after a power cut: fsck.fat on the boot partition, e2fsck on /perm.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
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
 * As init checks it (device/init/perm/prepare-perm.ts). The later ones are for a superblock of which only the first of
 * its two sectors was written: ext4 does not do without the second, and e2fsck has copies.
 */
const CHECKS = [['-p'], ['-f', '-y'], ['-f', '-y']];
/** 1 = errors corrected, 2 = and the system should be rebooted, if it was mounted. */
const E2FSCK_CORRECTED = 3;

/** Afterwards nothing is left to be repaired, and the file is as it was. */
export async function checkPerm(
  disk: DiskState,
  perm: Extent,
  file: PermFile,
  scratchPath: string,
): Promise<void> {
  await savePerm(disk, perm, scratchPath);
  const { stdout } = await run(tool('debugfs'), ['-R', `cat ${file.path}`, scratchPath]);
  assert.equal(stdout, file.content, `content of ${file.path} in /perm`);
}

/** Of the file system in `imagePath`, into a directory of this computer; those that are not there are left out. */
export async function takeFiles(
  imagePath: string,
  paths: readonly string[],
  directory: string,
): Promise<void> {
  for (const path of paths) {
    const target = join(directory, basename(path));
    rmSync(target, { force: true });
    await run(tool('debugfs'), ['-R', `dump ${path} ${target}`, imagePath]);
  }
}

/** As a file, in which nothing is left to be repaired. */
export async function savePerm(disk: DiskState, perm: Extent, scratchPath: string): Promise<void> {
  disk.save(scratchPath, perm.offsetBytes, perm.lengthBytes);
  const said: string[] = [];
  for (const options of CHECKS) {
    const { exitCode, output } = await e2fsck(...options, scratchPath);
    if (exitCode <= E2FSCK_CORRECTED) break;
    said.push(output);
  }
  assert.ok(said.length < CHECKS.length, `e2fsck gives up: ${said.join('')}`);
  const { exitCode, output } = await e2fsck('-fn', scratchPath);
  assert.equal(exitCode, 0, `e2fsck finds damage after all: ${output}`);
}

async function e2fsck(...args: string[]): Promise<{ exitCode: number; output: string }> {
  try {
    return { exitCode: 0, output: (await run(tool('e2fsck'), args)).stdout };
  } catch (error) {
    const { code, stdout } = error as { code: unknown; stdout: string };
    if (typeof code !== 'number') throw error;
    return { exitCode: code, output: stdout };
  }
}

function tool(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`"${name}" is not installed`);
  return path;
}
