// Ends a virtual machine that the registry knows, whoever started it, and what belonged to it.

import { rm } from 'node:fs/promises';
import { powerOff } from './virtual-machine.ts';
import { forgetVm, type VmRecord } from './vm-registry.ts';

/** More than init takes for its slowest service (docs/boot.md), also when it is emulated. */
const POWER_OFF_TIMEOUT_MS = 60 * 1000;

/** `ended` resolves when QEMU's process has gone. */
export async function stopVm(record: VmRecord, ended: Promise<void>): Promise<'powered-off' | 'killed'> {
  const how = await powerOff(record, ended, POWER_OFF_TIMEOUT_MS);
  await forgetVm(record);
  if (record.temporaryDiskPath !== null) await rm(record.temporaryDiskPath, { force: true });
  return how;
}
