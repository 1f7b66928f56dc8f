// /perm: the one place where data stays. Its partition is grown, formatted when blank, checked when it asks
// for it, and mounted. If none of that helps, /perm is in memory, and everybody is told so.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { PROBE_BYTES, identifyContent, type PartitionContent } from './partition-content.ts';
import { RESERVE_USER } from '../../../shared/services/sandbox.ts';
import type { Sys } from '../../sys/sys.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device/device.ts';
import { openBlockDevice } from '../../block-device.ts';
import {
  decodeExt4Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_COPY_OFFSETS_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
} from './ext4-superblock.ts';
import { FORMAT_MARK_BYTES, isFormatUnfinished, markFormat, unmarkFormat } from './format-mark.ts';
import { growPermPartition } from './grow-partition.ts';
import { locatePerm, type PermPartition } from './locate-perm.ts';

const MOUNT_POINT = '/perm';
const FORMAT_LIMIT_MS = 5 * 60_000;
const CHECK_LIMIT_MS = 60 * 60_000;
/** e2fsck(8): 1 = errors corrected, 2 = and the system should be rebooted, if it was mounted. */
const E2FSCK_CORRECTED = 3;
/** Less than a block group (128 MiB) may not be usable: it is not tried at every boot. */
const MIN_GROWTH_BYTES = 128 * 1024 * 1024;
/** Logs that are kept take half of it at most; the rest is for the state of updates, and what comes. */
const RESERVE_BYTES = 16 * 1024 * 1024;
/** mke2fs takes a percentage. A larger /perm than 1.6 GiB has 1 %, and a small one is not for the reserve alone. */
const RESERVE_PERCENT = { least: 1, most: 10 };

/** Somebody else's data, which every build leaves alone. */
class ForeignPermError extends Error {}

export async function preparePerm(device: Device): Promise<void> {
  const { sys, log } = device;
  let located: PermPartition | undefined;
  try {
    located = locatePerm(sys);
    const notes = await preparePartition(device, located);
    const note = notes.length > 0 ? notes.join(', ') : null;
    device.perm = { state: 'mounted', device: located.partition, note };
    log.say(`/perm is on ${located.partition}${note === null ? '' : `: ${note}`}`);
  } catch (error) {
    const reason = describeError(error);
    sys.mount({
      source: 'tmpfs',
      target: MOUNT_POINT,
      type: 'tmpfs',
      flags: ['nosuid', 'nodev'],
      options: 'mode=755',
    });
    device.perm = { state: 'tmpfs', device: located?.partition ?? null, note: reason };
    device.isPermLost = located !== undefined && !(error instanceof ForeignPermError);
    device.warn(`/PERM IS IN MEMORY: WHAT IS WRITTEN THERE IS LOST AT THE NEXT REBOOT (${reason})`);
  }
}

/** Returns what had to be done, for a person. */
async function preparePartition(device: Device, located: PermPartition): Promise<string[]> {
  const { sys } = device;
  const notes: string[] = [];
  if (isReadOnly(sys, located.partition))
    throw new Error(`"${located.partition}" cannot be written: its medium is read-only`);
  const perm = await growPermPartition(sys, located).catch((error: unknown) => {
    device.warn(`Cannot grow "${located.partition}": ${describeError(error)}`);
    return located;
  });
  const content = await probe(sys, perm);
  if (content.kind === 'other') {
    const what = content.name ?? 'data of an unknown kind';
    throw new ForeignPermError(`"${perm.partition}" holds ${what}, which is left alone`);
  }
  if (content.kind === 'blank') {
    const gibibytes = (perm.lengthBytes / 1024 ** 3).toFixed(1);
    device.log.say(`formatting ${perm.partition}, which is blank: ${gibibytes} GiB`);
    await format(sys, perm);
    notes.push('formatted');
  } else if (content.superblock.wantsCheck) {
    notes.push(await check(device, perm.partition));
  }
  await mountOrRepair(device, perm.partition, notes);
  if (content.kind === 'ext4') await growFileSystem(device, perm, notes);
  return notes;
}

/** A card whose switch is set, or one that has had its day. What e2fsck says of it would be misleading. */
function isReadOnly(sys: Sys, partition: string): boolean {
  try {
    return readFileSync(sys.path(`/sys/class/block/${basename(partition)}/ro`), 'latin1').trim() === '1';
  } catch {
    return false;
  }
}

async function probe(sys: Sys, perm: PermPartition): Promise<PartitionContent> {
  using partition = openBlockDevice(sys.path(perm.partition), perm.lengthBytes, 'r');
  const content = identifyContent(await partition.read(0, Math.min(PROBE_BYTES, perm.lengthBytes)));
  const isMarked = content.kind !== 'blank' && (await isFormatUnfinished(partition));
  // The power was cut when all was done but this. Later the mark would be a lie.
  if (isMarked && content.kind === 'ext4') await unmark(sys, perm);
  if (content.kind !== 'other' || content.name !== undefined) return content;
  if (isMarked) return { kind: 'blank' };
  // An ext4 whose beginning was overwritten: e2fsck restores it from a copy.
  for (const offset of SUPERBLOCK_COPY_OFFSETS_BYTES) {
    if (offset + SUPERBLOCK_BYTES > perm.lengthBytes) continue;
    const copy = decodeExt4Superblock(await partition.read(offset, SUPERBLOCK_BYTES));
    if (copy !== undefined) return { kind: 'ext4', superblock: { ...copy, wantsCheck: true } };
  }
  return content;
}

async function unmark(sys: Sys, perm: PermPartition): Promise<void> {
  using partition = openBlockDevice(sys.path(perm.partition), perm.lengthBytes, 'r+');
  await unmarkFormat(partition);
}

async function format(sys: Sys, { partition, lengthBytes }: PermPartition): Promise<void> {
  using device = openBlockDevice(sys.path(partition), lengthBytes, 'r+');
  await markFormat(device);
  // Lazy: the kernel writes the inode tables later, so that a disk of any size is ready in a moment. No -F:
  // should it hold something after all, mke2fs refuses.
  const options = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard';
  const { least, most } = RESERVE_PERCENT;
  const reserve = Math.min(most, Math.max(least, (RESERVE_BYTES / lengthBytes) * 100)).toFixed(1);
  const argv = ['/tsk/bin/mke2fs', '-q', '-t', 'ext4', '-L', 'perm', '-m', reserve, '-E', options];
  const size = `${Math.floor((lengthBytes - FORMAT_MARK_BYTES) / 1024)}k`;
  const { exitCode, output } = await sys.run([...argv, sys.path(partition), size], FORMAT_LIMIT_MS);
  if (exitCode !== 0) throw new Error(`Cannot format "${partition}": ${output.trim()}`);
  await unmarkFormat(device);
}

const REPAIRED = 'repaired: look into /perm/lost+found';
/**
 * Automatic repairs first; if they are not enough all of them, because nobody is there to be asked. Twice: with
 * a superblock restored from a copy, e2fsck gives up after the journal and goes on from there the next time.
 */
const CHECKS = [
  { options: ['-p'], note: 'checked' },
  { options: ['-f', '-y'], note: REPAIRED },
  { options: ['-f', '-y'], note: REPAIRED },
] as const;

async function check(device: Device, partition: string): Promise<string> {
  const { sys, log } = device;
  log.say(`checking ${partition}`);
  for (const { options, note } of CHECKS) {
    const argv = ['/tsk/bin/e2fsck', ...options, sys.path(partition)];
    const { exitCode, output } = await sys.run(argv, CHECK_LIMIT_MS);
    for (const line of output.split('\n')) if (line.trim() !== '') log.say(`e2fsck: ${line}`);
    if (exitCode !== null && exitCode <= E2FSCK_CORRECTED) return note;
  }
  throw new Error(`"${partition}" is damaged beyond what e2fsck can repair`);
}

async function mountOrRepair(device: Device, partition: string, notes: string[]): Promise<void> {
  try {
    mountExt4(device.sys, partition);
  } catch (error) {
    device.warn(`Cannot mount "${partition}": ${describeError(error)}`);
    notes.push(await check(device, partition));
    mountExt4(device.sys, partition);
  }
}

function mountExt4(sys: Sys, partition: string): void {
  sys.mount({
    source: partition,
    target: MOUNT_POINT,
    type: 'ext4',
    flags: ['nosuid', 'nodev', 'noatime'],
    // Damage must not spread; the next boot then checks the file system.
    // What is reserved is for init and the programs of tskrazy, and not for apps, whoever they run as.
    options: `errors=remount-ro,resuid=${RESERVE_USER}`,
  });
}

/** Completes what an earlier boot began, too. The kernel grows the file system while that is in use. */
async function growFileSystem(device: Device, perm: PermPartition, notes: string[]): Promise<void> {
  const { sys } = device;
  try {
    using partition = openBlockDevice(sys.path(perm.partition), perm.lengthBytes, 'r');
    const superblock = decodeExt4Superblock(await partition.read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
    if (superblock === undefined) return;
    const blockCount = Math.floor(perm.lengthBytes / superblock.blockBytes);
    if ((blockCount - superblock.blockCount) * superblock.blockBytes < MIN_GROWTH_BYTES) return;
    sys.resizeExt4(sys.path(MOUNT_POINT), blockCount);
    notes.push('grown to the end of the disk');
  } catch (error) {
    device.warn(`Cannot grow the file system of "${perm.partition}": ${describeError(error)}`);
  }
}
