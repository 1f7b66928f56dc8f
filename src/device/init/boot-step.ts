// Boot is a list of steps. Each says whether the device can live without it.

import { describeError } from '../describe-error.ts';
import type { Device } from './device/device.ts';

export interface BootStep {
  /** What it does, as a person would say it: it stands in messages. */
  name: string;
  run: (device: Device) => void | Promise<void>;
  /** `fatal`: the device restarts (and starts the other slot, if this one is on trial). */
  onFailure: 'fatal' | 'warn';
}

export async function runBootSteps(steps: readonly BootStep[], device: Device): Promise<void> {
  for (const step of steps) {
    try {
      await step.run(device);
    } catch (error) {
      if (step.onFailure === 'fatal') throw new Error(`Cannot ${step.name}`, { cause: error });
      device.warn(`Cannot ${step.name}: ${describeError(error)}`);
    }
  }
}
