// A trial by the boot loader's one-shot variable (systemd.io/BOOT_LOADER_INTERFACE): the loader deletes it before it
// starts the slot, so every other start is the committed slot's.

import { loaderEntryId } from '../../../shared/boot-loader/loader-entry.ts';
import { describeError } from '../../describe-error.ts';
import type { DiskPartition } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';
import type { TrialWay } from '../trial-way.ts';
import { type EfiVariables, loaderVariable } from './efi-variables.ts';
import { FirmwareMemory } from './firmware-memory.ts';
import { addFirmwareRetry } from './firmware-retry.ts';

const ONE_SHOT = loaderVariable('LoaderEntryOneShot');

export interface OneShotOptions {
  sys: Sys;
  boot: DiskPartition;
  /** undefined: they do not work. */
  variables: EfiVariables | undefined;
  say: (text: string) => void;
}

export function oneShotWay({ sys, boot, variables, say }: OneShotOptions): TrialWay {
  const memory = new FirmwareMemory(sys, variables);
  return {
    name: 'efi-variable',
    refusal: 'the firmware takes no variables',
    outlivesStarts: true,
    isUsable: (notes) => variables !== undefined && !memory.isKnownToFail(notes),
    async arm(slot, notes) {
      if (variables === undefined) throw new Error('The firmware has no variables');
      await addFirmwareRetry(variables, boot).catch((error: unknown) => {
        say(`a kernel that cannot be loaded will need a power cycle: ${describeError(error)}`);
      });
      // First: what fails here is not armed.
      const after = await memory.begin(notes);
      await variables.writeText(ONE_SHOT, loaderEntryId(slot));
      return after;
    },
    disarm: async () => variables?.remove(ONE_SHOT),
    restart: () => sys.power('restart'),
    recall: (notes) => memory.recall(notes),
  };
}
