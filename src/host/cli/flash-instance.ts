// The two things that `tsk flash` does: list disks; check, ask, build, write.

import { createInterface } from 'node:readline';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { flashDisk } from '../deploy/flash-disk.ts';
import { openInstance } from '../config/instance.ts';
import { checkUpdateKey } from '../config/instance-secrets.ts';
import { type Disk, findDisk, listDisks } from '../deploy/list-disks.ts';
import { UserError } from '../user-error.ts';
import { withBuiltImage } from './built-image.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';

export async function listFlashableDisks({ output }: Session): Promise<void> {
  const disks = await listDisks();
  const rows = disks.map((disk) => [
    disk.path,
    formatBytes(disk.sizeBytes),
    disk.model,
    disk.refusal === null ? `tsk flash ${disk.path}` : `no: ${disk.refusal}`,
  ]);
  const text =
    disks.length === 0
      ? 'This computer has no disks.'
      : formatTable([['DISK', 'SIZE', 'MODEL', 'FLASH'], ...rows]);
  output.result({ disks }, text);
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
      hint: 'Run "tsk flash" to see the disks that can be written.',
    });
  }
  if (!options.yes) await askOnce(disk, signal);
  const { offline, newKey } = options;
  await withBuiltImage(session, { offline, newKey }, async (image) => {
    // The build may have taken minutes: whether the disk is still the same and free is looked up again.
    const now = await findDisk(target);
    if (now.sizeBytes !== disk.sizeBytes || now.model !== disk.model) {
      throw new UserError(`Cannot flash "${disk.path}": another disk has taken its place since the question`);
    }
    await flashDisk(image, now, { report: output.progress, signal });
    const value = { disk: now.path, buildId: image.manifest.buildId, hostname: image.hostname };
    output.result(
      value,
      `Wrote ${image.hostname} (build ${shortBuildId(image.manifest.buildId)}) to ${now.path}.`,
    );
  });
}

async function askOnce(disk: Disk, signal: AbortSignal): Promise<void> {
  const description = `${disk.path} (${[disk.model, formatBytes(disk.sizeBytes)].filter(Boolean).join(', ')})`;
  if (!process.stdin.isTTY) {
    throw new UserError(`Cannot ask whether to overwrite ${description}: standard input is not a terminal`, {
      hint: 'Add --yes if you are sure.',
    });
  }
  const answer = await readAnswer(`Overwrite all data on ${description}? [y/N] `, signal);
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new UserError(`Left ${disk.path} as it is`);
}

/** One line from the terminal; '' for Ctrl-D. */
async function readAnswer(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // A terminal in raw mode sends a character and no signal.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  signal.addEventListener('abort', () => terminal.close());
  const answer = await new Promise<string>((resolve) => {
    terminal.once('line', resolve);
    terminal.once('close', () => resolve(''));
    terminal.setPrompt(question);
    terminal.prompt();
  });
  terminal.close();
  signal.throwIfAborted();
  return answer;
}
