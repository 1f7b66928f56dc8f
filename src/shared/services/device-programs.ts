// The programs of ours that run on the device, each bundled into one file from src/device/NAME/main.ts.

import { INIT_PATH } from '../board/cmdline.ts';

interface DeviceProgramRow {
  name: string;
  /** Path on the device. */
  path: string;
  /** Started and watched by init. */
  isService: boolean;
  /** Has the page's files in its bundle, and is handed the sockets of the page. */
  servesPage: boolean;
}

export const DEVICE_PROGRAMS = [
  { name: 'init', path: INIT_PATH, isService: false, servesPage: false },
  { name: 'net', path: '/tsk/net.cjs', isService: true, servesPage: false },
  { name: 'web', path: '/tsk/web.cjs', isService: true, servesPage: true },
] as const satisfies readonly DeviceProgramRow[];

export type DeviceProgram = (typeof DEVICE_PROGRAMS)[number];
export type DeviceProgramName = DeviceProgram['name'];

export const SYSTEM_SERVICES = DEVICE_PROGRAMS.filter((program) => program.isService);
