// Puts the parts of update supervision together for the device at hand. All of it is loaded after the control API is
// served, and what only a trial needs (live switch, health) when there is one.

import { BOARDS } from '../../../shared/board/boards.ts';
import type { Device } from '../device/device.ts';
import { steadyClock } from './trial-clock.ts';
import { Trials } from './trials.ts';
import type { TrialsOptions } from './trials-options.ts';

export type TrialParts = Pick<TrialsOptions, 'openBootSwitch' | 'openAppSwitch' | 'clock'>;
export type RestartControl = Pick<TrialsOptions, 'isShuttingDown' | 'restart'>;

export async function openTrials(
  device: Device,
  surroundings: RestartControl & Partial<TrialParts>,
): Promise<Trials> {
  const trials = new Trials({
    device,
    clock: steadyClock,
    openBootSwitch: async () => {
      const { openBootSwitch } = await import('./open-boot-switch.ts');
      return openBootSwitch(device.sys, BOARDS[device.config.board].boot, (text) => device.log.say(text));
    },
    openAppSwitch: async () => {
      const { LiveSwitch } = await import('./live-switch.ts');
      return new LiveSwitch(device);
    },
    ...surroundings,
  });
  await trials.begin();
  return trials;
}
