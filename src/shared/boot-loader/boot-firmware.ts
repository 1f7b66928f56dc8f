// What the firmware that starts a board's boot loader tells of itself, where it does: the EEPROM of a Raspberry Pi. No I/O.

export interface BootFirmware {
  /** Day of its build, as in `2025-05-08`; null: it does not say. */
  version: string | null;
  /** `the SD card`, as the end of "started from"; null: it does not say. */
  startedFrom: string | null;
  /** Number of the oldest version that this very board works with, as its maker has set it; null: any. */
  leastVersion: number | null;
}

/** `EEPROM of 2025-05-08, started from the SD card`. */
export function describeBootFirmware({ version, startedFrom, leastVersion }: BootFirmware): string {
  return [
    version === null ? 'EEPROM of unknown age' : `EEPROM of ${version}`,
    startedFrom === null ? '' : `started from ${startedFrom}`,
    leastVersion === null ? '' : `the board asks for MFG_VER ${leastVersion} at least`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
