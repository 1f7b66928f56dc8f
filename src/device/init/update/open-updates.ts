// Puts the parts of update supervision together for the device at hand. All of it is loaded after the control API is
// served, and what only a trial needs (live switch, health) when there is one.

import type { Device } from '../device.ts';
import { systemClock } from './clock.ts';
import { Updates } from './updates.ts';
import type { UpdatesOptions } from './updates-options.ts';

export type UpdateParts = Pick<UpdatesOptions, 'openBootSwitch' | 'openAppSwitch' | 'clock'>;
export type UpdateSurroundings = Pick<UpdatesOptions, 'isShuttingDown' | 'restart'>;

export async function openUpdates(
  device: Device,
  surroundings: UpdateSurroundings & Partial<UpdateParts>,
): Promise<Updates> {
  const updates = new Updates({
    device,
    clock: systemClock,
    openBootSwitch: async () => {
      const { openBootSwitch } = await import('../../update/open-boot-switch.ts');
      return openBootSwitch(device.sys, (text) => device.log.say(text));
    },
    openAppSwitch: async () => {
      const { LiveSwitch } = await import('./live-switch.ts');
      return new LiveSwitch(device);
    },
    ...surroundings,
  });
  await updates.begin();
  return updates;
}
