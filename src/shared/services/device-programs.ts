// The programs of ours that run on the device, each bundled into one file from src/device/NAME/main.ts.

import { INIT_PATH } from '../board/cmdline.ts';

interface DeviceProgramRow {
  name: string;
  /** Path on the device. */
  path: string;
  /** Started and watched by init. */
  isService: boolean;
}

export const DEVICE_PROGRAMS = [
  { name: 'init', path: INIT_PATH, isService: false },
  { name: 'net', path: '/tsk/net.cjs', isService: true },
  { name: 'web', path: '/tsk/web.cjs', isService: true },
] as const satisfies readonly DeviceProgramRow[];

export type DeviceProgramName = (typeof DEVICE_PROGRAMS)[number]['name'];

export const SYSTEM_SERVICES = DEVICE_PROGRAMS.filter((program) => program.isService);
