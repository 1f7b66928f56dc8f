// What updates need of the device around them. Types; no I/O.

import type { DeviceConfig } from '../../shared/services/services.ts';
import type { InstallOptions, SlotInstaller } from './slot-installer.ts';
import type { DiskUse, OpenUpdateDisk } from './update-disk.ts';

export interface UpdateSurroundings {
  config: DeviceConfig;
  /** Init's answers; refusals of its come out as they are. */
  init: { get<T>(path: string): Promise<T>; post<T>(path: string, body?: object): Promise<T> };
  isClockSet: () => boolean;
  openDisk: (use: DiskUse) => OpenUpdateDisk;
  openInstaller: (options: InstallOptions) => Promise<SlotInstaller>;
  idleMs: number;
  /** Names of apps that run and whose health URL does not answer as it should. */
  unhealthyApps: () => Promise<readonly string[]>;
}
