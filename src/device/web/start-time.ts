// How long this start of the device took, noted once by the first `web` after it: a later one, started again, would only
// know of itself.

import { readFileSync, writeFileSync } from 'node:fs';
import type { StartTime } from '../../shared/api/web-api.ts';

export const START_TIME_PATH = '/run/tsk/start-time.json';

/**
 * Of systemd-boot (systemd.io/BOOT_LOADER_INTERFACE): microseconds from the reset of the machine until the kernel was
 * started, as digits in UTF-16 after four bytes of attributes. It does not tell in virtual machines, whose counter of time may be the host's.
 */
const LOADER_TIME = '/sys/firmware/efi/efivars/LoaderTimeExecUSec-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const ATTRIBUTES_BYTES = 4;
/** No firmware takes longer; a counter that was not reset would say anything. */
const LONGEST_FIRMWARE_SEC = 600;

/** To be called when the page can be answered. `places`: for tests. */
export function noteStart({ path = START_TIME_PATH, loaderTime = LOADER_TIME } = {}): void {
  const time: StartTime = {
    beforeKernelSec: readLoaderTime(loaderTime),
    untilPageSec: Number(process.hrtime.bigint() / 1_000_000n) / 1000,
  };
  try {
    writeFileSync(path, JSON.stringify(time), { flag: 'wx' });
  } catch {
    // An earlier one has noted it. Where it cannot be noted it is not known, and the page matters more.
  }
}

function readLoaderTime(path: string): number | null {
  try {
    const digits = readFileSync(path).subarray(ATTRIBUTES_BYTES).toString('utf16le').replace(/\0.*$/s, '');
    const seconds = /^\d+$/.test(digits) ? Number(digits) / 1_000_000 : 0;
    return seconds > 0 && seconds < LONGEST_FIRMWARE_SEC ? seconds : null;
  } catch {
    // Another boot loader, or a machine without such variables.
    return null;
  }
}
