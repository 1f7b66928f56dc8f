// The two things that `tsk flash` does: list disks; check, ask, build, write.

import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { flashDisk } from '../deploy/flash-disk.ts';
import { openInstance } from '../config/instance.ts';
import { checkUpdateKey } from '../config/instance-secrets.ts';
import { describeKind, type Disk } from '../deploy/disk.ts';
import { findDisk, listDisks } from '../deploy/list-disks.ts';
import { unmountMacDisk } from '../deploy/mac-disks.ts';
import { UserError } from '../user-error.ts';
import { askLine } from './ask-line.ts';
import { withBuiltImage } from './built-image.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';

export async function listFlashableDisks({ output }: Session): Promise<void> {
  const disks = await listDisks();
  const rows = disks.map((disk) => [
    disk.path,
    formatBytes(disk.sizeBytes),
    describeKind(disk),
    disk.model,
    disk.refusal === null ? `tsk flash ${disk.path}` : `no: ${disk.refusal}`,
  ]);
  const text =
    disks.length === 0
      ? 'This computer has no disks.'
      : formatTable([['DISK', 'SIZE', 'KIND', 'MODEL', 'FLASH'], ...rows]);
  output.result({ disks }, text);
  if (disks.every(({ refusal }) => refusal !== null))
    output.say('None of them can be written: put a card or disk in, and run "tsk flash" again.');
}

export async function flashInstance(
  session: Session,
  target: string,
  options: { yes: boolean; offline: boolean; newKey: boolean },
): Promise<void> {
  const { output, signal } = session;
  // Whatever can be refused is refused before the question and the build.
  const instance = await openInstance(session.instanceDirectory);
  await checkUpdateKey(instance, { for: 'device', newKey: options.newKey });
  const disk = await findDisk(target);
  if (disk.refusal !== null) {
    throw new UserError(`Cannot flash "${disk.path}": ${disk.refusal}`, {
      topic: 'flash-refused',
      hint: disk.remedy ?? 'Run "tsk flash" to see the disks that can be written.',
    });
  }
  if (!options.yes) await askOnce(disk, signal);
  const { offline, newKey } = options;
  await withBuiltImage(session, { offline, newKey, writesDisk: true }, async (image) => {
    // The build may have taken minutes: whether the disk is still the same and free is looked up again.
    const now = await findDisk(target);
    if (now.sizeBytes !== disk.sizeBytes || now.model !== disk.model) {
      throw new UserError(`Cannot flash "${disk.path}": another disk has taken its place since the question`);
    }
    // A card that macOS can read is mounted there as soon as it is put in.
    if (now.rawPath !== undefined) await unmountMacDisk(now.path);
    await flashDisk(image, now, { report: output.progress, signal });
    const value = { disk: now.path, buildId: image.manifest.buildId, hostname: image.hostname };
    output.result(
      value,
      `Wrote ${image.hostname} (build ${shortBuildId(image.manifest.buildId)}) to ${now.path}.`,
    );
  });
}

async function askOnce(disk: Disk, signal: AbortSignal): Promise<void> {
  const description = `${disk.path} (${[disk.model, describeKind(disk), formatBytes(disk.sizeBytes)].filter(Boolean).join(', ')})`;
  if (!process.stdin.isTTY) {
    throw new UserError(`Cannot ask whether to overwrite ${description}: standard input is not a terminal`, {
      hint: 'Add --yes if you are sure.',
    });
  }
  const answer = await askLine(`Overwrite all data on ${description}? [y/N] `, signal);
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new UserError(`Left ${disk.path} as it is`);
}
