// The firmware of a Raspberry Pi: trials by its tryboot flag. Its kernel knows no kexec.

import type { BootSwitch } from '../boot-switch.ts';
import { type BootSwitchParts, DeviceBootSwitch } from '../device-boot-switch.ts';
import { trybootWay } from './tryboot-way.ts';

export function openRaspberryPi(
  parts: Pick<BootSwitchParts, 'sys' | 'boot' | 'layout' | 'say'>,
): Promise<BootSwitch> {
  return DeviceBootSwitch.open({ ...parts, ways: [trybootWay(parts)] });
}
