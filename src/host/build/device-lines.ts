// What the named devices of apps (`sandbox.devices`) ask of the board: refused at their place in tskrazy.json where it does
// not have them; and lines for config.txt that switch them on, unless the instance has a line for that itself.

import type { Board } from '../../shared/board/boards.ts';
import { type DeviceName, isDeviceName, NAMED_DEVICES } from '../../shared/services/device-names.ts';
import type { InstanceConfig } from '../config/instance-config.ts';
import { type Instance, readConfigText } from '../config/instance.ts';
import { configMistake } from '../config/parse-config.ts';
import type { UserError } from '../user-error.ts';

export interface DeviceLine {
  text: string;
  device: DeviceName;
  /** The first app that has it. */
  app: string;
  /** Where it is named. */
  steps: readonly (string | number)[];
}

export interface DeviceLines {
  added: readonly DeviceLine[];
  /** For a person: what was added, and what was not because the instance has its own. */
  notes: readonly string[];
}

interface WithDevices extends Pick<Instance, 'configPath'> {
  config: Pick<InstanceConfig, 'apps' | 'bootloaderLines' | 'serialConsole'>;
}

/** Throws ConfigError for a device that the board does not have, or that is in use. */
export async function planDeviceLines(instance: WithDevices, board: Board): Promise<DeviceLines> {
  const added = new Map<string, DeviceLine>();
  const notes = new Set<string>();
  for (const named of namedDevices(instance.config)) {
    const problem = problemOf(named.device, instance.config, board);
    if (problem !== undefined) throw await mistakeAt(instance, named.steps, problem);
    const { line } = NAMED_DEVICES[named.device];
    if (line === undefined || board.boot.kind !== 'raspberry-pi-firmware') continue;
    const own = instance.config.bootloaderLines.find((text) => line.isMeantBy.test(text));
    const forWhom = `for device "${named.device}" of app "${named.app}"`;
    if (own !== undefined) notes.add(`config.txt: "${own.trim()}" of "bootloaderLines" stands ${forWhom}`);
    else if (!added.has(line.text)) {
      added.set(line.text, { ...named, text: line.text });
      notes.add(`config.txt: added "${line.text}" ${forWhom}`);
    }
  }
  return { added: [...added.values()], notes: [...notes] };
}

/**
 * Those of the build: ours come first, because what follows a filter of the instance holds for some models only. Overlays
 * are the last of ours, and the empty one ends what parameters the instance's lines would be for.
 */
export function withDeviceLines(added: readonly DeviceLine[], own: readonly string[]): string[] {
  const overlays = added.filter(({ text }) => text.startsWith('dtoverlay='));
  const parameters = added.filter((line) => !overlays.includes(line));
  const texts = [...parameters, ...overlays].map(({ text }) => text);
  return [...texts, ...(overlays.length > 0 && own.length > 0 ? ['dtoverlay='] : []), ...own];
}

export async function mistakeAt(
  { configPath }: Pick<Instance, 'configPath'>,
  steps: readonly (string | number)[],
  problem: string,
): Promise<UserError> {
  return configMistake(await readConfigText(configPath), configPath, steps, problem);
}

function namedDevices({ apps }: WithDevices['config']): Omit<DeviceLine, 'text'>[] {
  return apps.flatMap(({ name: app, sandbox }) =>
    (sandbox === 'off' ? [] : sandbox.devices).flatMap((device, index) =>
      isDeviceName(device) ? [{ device, app, steps: ['apps', app, 'sandbox', 'devices', index] }] : [],
    ),
  );
}

function problemOf(device: DeviceName, config: WithDevices['config'], board: Board): string | undefined {
  const { boots } = NAMED_DEVICES[device];
  if (boots !== undefined && !boots.includes(board.boot.kind))
    return `is "${device}", which board "${board.id}" does not have: it is at the header of a Raspberry Pi`;
  const console = config.serialConsole ?? board.serialConsole;
  if (device === 'serial0' && portOf(console) === portOf(board.serialConsole))
    return 'is "serial0", where the console is: add "serialConsole": "off", or name another port for it';
  return undefined;
}

function portOf(console: string): string | undefined {
  return console.split(',')[0];
}
