// Firmware of a radio that the image has not, as the kernel's log tells of it: without it there is no interface that could say so.

import type { LogLine } from '../../shared/services/services.ts';

/** Of brcmfmac, by drivers/base/firmware_loader. A name with a comma is of one model, and a file for all is asked for next. */
const MISSING = /Direct firmware load for (brcm\/[^\s,]+\.(?:bin|txt)) failed with error -\d+/;

/** `warn` hears of the first one. */
export function tellOfMissingFirmware(warn: (text: string) => void): (line: LogLine) => void {
  let isTold = false;
  return ({ text }) => {
    const file = MISSING.exec(text)?.[1];
    if (file === undefined || isTold) return;
    isTold = true;
    warn(
      `Wi-Fi has no firmware: the radio asks for "${file}", or the one of its model, and the image has neither ` +
        '("components.wifi-firmware" can bring it)',
    );
  };
}
