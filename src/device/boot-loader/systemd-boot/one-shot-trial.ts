// A trial by the boot loader's one-shot variable (systemd.io/BOOT_LOADER_INTERFACE): the loader deletes it before it
// starts the slot, so every other start is the committed slot's.

import { loaderEntryId } from '../../../shared/boot-loader/loader-entry.ts';
import type { Slot } from '../../../shared/board/slots.ts';
import type { Sys } from '../../sys/sys.ts';
import { type EfiVariables, loaderVariable } from './efi-variables.ts';
import type { TrialStart } from '../trial-start.ts';

const ONE_SHOT = loaderVariable('LoaderEntryOneShot');

export function efiTrial(sys: Pick<Sys, 'power'>, variables: EfiVariables): TrialStart {
  return {
    arm: (slot: Slot) => variables.writeText(ONE_SHOT, loaderEntryId(slot)),
    disarm: () => variables.remove(ONE_SHOT),
    restart: () => sys.power('restart'),
  };
}
