// A trial by the firmware's tryboot flag: the firmware clears it before it starts anything, and reads tryboot.txt in place of
// config.txt that one time. So every start after that one, whatever ends it, is the committed slot's.
// Raspberry Pi documentation: "Raspberry Pi boot EEPROM", tryboot.

import { describeError } from '../../describe-error.ts';
import { type DiskPartition, openPartition } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';
import type { BootLoaderLayout } from '../../../shared/boot-loader/boot-loader-layout.ts';
import type { Slot } from '../../../shared/board/slots.ts';
import { LoaderFiles } from '../loader-files.ts';
import type { TrialWay } from '../trial-way.ts';

/** Tags of the firmware's property interface. */
const GET_REBOOT_FLAGS = 0x0003_0064;
const SET_REBOOT_FLAGS = 0x0003_8064;
const TRYBOOT = 1;
/** The kernel sets the flag itself when it restarts with this argument (downstream drivers/firmware/raspberrypi.c). */
const RESTART_ARGUMENT = '0 tryboot';

export interface TrybootOptions {
  sys: Sys;
  boot: DiskPartition;
  layout: BootLoaderLayout;
}

export function trybootWay(options: TrybootOptions): TrialWay {
  const { sys } = options;
  let isFlagSet = false;
  return {
    name: 'tryboot',
    refusal: 'the firmware takes no tryboot flag',
    // Each start clears it.
    outlivesStarts: false,
    isUsable: () => true,
    async arm(slot, notes) {
      await writeTrialFile(options, slot);
      try {
        isFlagSet = setFlag(sys, TRYBOOT);
      } catch (error) {
        // The firmware may have taken the flag nevertheless, and the next start would be a trial that nobody asked for.
        clearFlag(sys);
        throw error;
      }
      return notes;
    },
    async disarm() {
      if (isFlagSet) setFlag(sys, 0);
      isFlagSet = false;
    },
    restart: () => (isFlagSet ? sys.power('restart') : sys.restartWith(RESTART_ARGUMENT)),
  };
}

async function writeTrialFile({ sys, boot, layout }: TrybootOptions, slot: Slot): Promise<void> {
  using device = openPartition(sys, boot, 'r+');
  const dropCache = (): void => sys.dropBlockCache(sys.path(boot.path));
  await new LoaderFiles(layout, device).writeTrial(slot, dropCache);
}

/** After a failure, which is what counts: another one says nothing new. */
function clearFlag(sys: Sys): void {
  try {
    sys.firmwareProperty(SET_REBOOT_FLAGS, 0);
  } catch {
    // The first error is thrown by the caller.
  }
}

/** False: this firmware, or this kernel, does not know the flag as a property. Throws when it was not taken. */
function setFlag(sys: Sys, flags: number): boolean {
  let isKnown: boolean;
  let found: number | undefined;
  try {
    isKnown = sys.firmwareProperty(SET_REBOOT_FLAGS, flags) !== undefined;
    found = sys.firmwareProperty(GET_REBOOT_FLAGS, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new Error(`Cannot set the flag "tryboot" of the firmware: ${describeError(error)}`, {
      cause: error,
    });
  }
  if (!isKnown) return false;
  // Firmware of before the reading tag is believed.
  if (found !== undefined && (found & TRYBOOT) !== flags) {
    throw new Error(`Cannot set the flag "tryboot" of the firmware: it says ${found} after ${flags} was set`);
  }
  return true;
}
