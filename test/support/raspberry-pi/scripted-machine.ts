// A machine that does as it is told in place of QEMU, for tests of what happens from one start to the next.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceTree } from './device-tree.ts';
import type { PiMachine } from './pi-machines.ts';

/** One start: what it prints, and how it ends; undefined: it goes on until the power is cut. */
export interface ScriptedStart {
  console?: string;
  unknown?: string;
  ends?: 'guest-reset' | 'guest-shutdown' | 'host-error';
}

export interface ScriptedMachine extends PiMachine {
  /** Trees that the starts were given. */
  trees: DeviceTree[];
}

const PROGRAM = join(import.meta.dirname, '..', '..', 'fixtures', 'programs', 'scripted-qemu.mjs');

/** `directory`: for the script. After its last line the machine runs on. */
export function scriptedMachine(directory: string, starts: readonly ScriptedStart[]): ScriptedMachine {
  const script = join(directory, 'script.json');
  writeFileSync(script, JSON.stringify(starts));
  const trees: DeviceTree[] = [];
  return {
    program: process.execPath,
    console: 'ttyTEST0',
    words: ['word.of=machine'],
    trees,
    arguments: (run) => [PROGRAM, script, JSON.stringify(run)],
    deviceTree({ deviceTree }) {
      trees.push(deviceTree);
      return deviceTree;
    },
    sawTryboot: (unknown) => unknown.includes('0x00038064'),
  };
}
