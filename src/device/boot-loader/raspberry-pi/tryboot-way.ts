// A trial by the firmware's tryboot flag: the firmware clears it before it starts anything, and reads tryboot.txt in place of
// config.txt that one time. So every start after that one, whatever ends it, is the committed slot's. While no trial is asked
// for, tryboot.txt holds what config.txt does: the flag may be set by others (`reboot "0 tryboot"`), at any time.
// Raspberry Pi documentation: "Raspberry Pi boot EEPROM", tryboot.

import { describeError } from '../../describe-error.ts';
import { type DiskPartition, openPartition } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';
import type { BootLoaderLayout } from '../../../shared/boot-loader/boot-loader-layout.ts';
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
  /** Whether this firmware knows the flag at all. */
  isKnown: boolean;
  unheard: string;
}

export function trybootWay(options: TrybootOptions): TrialWay {
  const { sys, isKnown, unheard } = options;
  let isFlagSet = false;
  /** Also after a failure: the firmware may have taken the flag nevertheless. */
  let mayBeSet = false;
  return {
    name: 'tryboot',
    refusal: 'the firmware takes no tryboot flag',
    // Each start clears the flag, but the file stays, and would name a slot that the next update writes.
    outlivesStarts: true,
    isUsable: () => isKnown,
    unheard,
    async arm(slot, notes) {
      await withFiles(options, (files, dropCaches) => files.writeTrial(slot, dropCaches));
      mayBeSet = true;
      isFlagSet = setFlag(sys, TRYBOOT);
      return notes;
    },
    async disarm() {
      isFlagSet = false;
      try {
        if (mayBeSet) setFlag(sys, 0);
        mayBeSet = false;
      } finally {
        // Then a flag that stays starts nothing else either.
        await withFiles(options, (files, dropCaches) => files.withdrawTrial(dropCaches));
      }
    },
    restart: () => (isFlagSet ? sys.power('restart') : sys.restartWith(RESTART_ARGUMENT)),
  };
}

async function withFiles(
  { sys, boot, layout }: TrybootOptions,
  use: (files: LoaderFiles, dropCaches: () => void) => Promise<void>,
): Promise<void> {
  using device = openPartition(sys, boot, 'r+');
  await use(new LoaderFiles(layout, device), () => sys.dropBlockCache(sys.path(boot.path)));
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
