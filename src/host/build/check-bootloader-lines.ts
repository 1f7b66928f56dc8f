// Refuses lines for the boot loader that the board has no use for, and those that ask for an overlay which the kernel does
// not bring: firmware only notes that in a log which nobody sees, and starts without it. Each is shown in tskrazy.json, as
// the mistakes that are found without board and kernel are.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTopNodeNames } from '../../formats/device-tree.ts';
import type { Board, BoardBoot } from '../../shared/board/boards.ts';
import type { LinesProblem } from '../../shared/boot-loader/boot-loader-layout.ts';
import { type AskedOverlay, askedOverlays } from '../../shared/boot-loader/config-txt.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import type { Component } from '../components/component.ts';
import type { Instance } from '../config/instance.ts';
import { nearestName } from '../nearest-name.ts';
import { UserError } from '../user-error.ts';
import { type Components, componentOf } from './component-files.ts';
import { type DeviceLine, mistakeAt, withDeviceLines } from './device-lines.ts';

const ASKED: Readonly<Record<BoardBoot['kind'], (lines: readonly string[]) => AskedOverlay[]>> = {
  'systemd-boot': () => [],
  'raspberry-pi-firmware': askedOverlays,
};

const OVERLAY = /^overlays\/(.*)\.dtbo$/;
/** Nodes of this file are further names, of overlays that have another on some models, or had another once. */
const MAP_FILE = 'overlays/overlay_map.dtb';

type WithLines = Pick<Instance, 'configPath'> & { config: Pick<Instance['config'], 'bootloaderLines'> };

/** `added`: lines that devices of apps need, which share the room with those of the instance. */
export async function checkBootloaderLines(
  instance: WithLines,
  board: Board,
  added: readonly DeviceLine[] = [],
): Promise<void> {
  const layout = layoutOf(board.boot);
  const { bootloaderLines } = instance.config;
  const found = layout.linesProblem(bootloaderLines);
  if (found !== undefined) throw await inConfig(instance, found);
  const together = layout.linesProblem(withDeviceLines(added, bootloaderLines));
  if (together === undefined) return;
  const names = added.map(({ device }) => `"${device}"`).join(', ');
  const problem = `and what the devices ${names} of apps need ${together.problem}`;
  throw await inConfig(instance, { line: null, problem });
}

export async function checkOverlays(
  instance: WithLines,
  board: Board,
  components: Components,
  added: readonly DeviceLine[] = [],
): Promise<void> {
  const ask = ASKED[board.boot.kind];
  const askedForDevices = ask(added.map(({ text }) => text));
  const asked = ask(instance.config.bootloaderLines);
  if (asked.length + askedForDevices.length === 0) return;
  const kernel = componentOf(components, 'kernel');
  const names = await overlayNames(kernel);
  const isUnknown = ({ name }: AskedOverlay): boolean => !names.includes(name);
  const device = askedForDevices.find(isUnknown);
  if (device !== undefined) {
    const problem = `needs the overlay "${device.name}", which kernel ${kernel.version} does not have`;
    throw await mistakeAt(instance, added[device.line]!.steps, problem);
  }
  const unknown = asked.find(isUnknown);
  if (unknown === undefined) return;
  const { line, name } = unknown;
  const nearest = nearestName(name, names);
  const help = nearest === undefined ? '' : `: did you mean "${nearest}"?`;
  throw await inConfig(instance, {
    line,
    problem: `asks for the overlay "${name}", which kernel ${kernel.version} does not have${help}`,
  });
}

function inConfig(instance: WithLines, { line, problem }: LinesProblem): Promise<UserError> {
  return mistakeAt(instance, line === null ? ['bootloaderLines'] : ['bootloaderLines', line], problem);
}

async function overlayNames({ directory, files, version }: Component): Promise<string[]> {
  const names = files.flatMap(({ path }) => OVERLAY.exec(path)?.[1] ?? []);
  if (!files.some(({ path }) => path === MAP_FILE)) return names;
  try {
    return [...names, ...readTopNodeNames(await readFile(join(directory, MAP_FILE)))];
  } catch (cause) {
    throw new UserError(`Cannot use "${MAP_FILE}" of kernel ${version}: ${(cause as Error).message}`, {
      cause,
      hint: 'Correct the kernel in tskrazy.json, or run "tsk get -u"',
    });
  }
}
