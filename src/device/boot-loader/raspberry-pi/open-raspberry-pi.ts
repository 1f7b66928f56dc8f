// The firmware of a Raspberry Pi: trials by its tryboot flag. Its kernel knows no kexec.

import type { BootSwitch } from '../boot-switch.ts';
import { type BootSwitchParts, DeviceBootSwitch } from '../device-boot-switch.ts';
import { describeUnheardTrial, readEeprom } from './eeprom.ts';
import { trybootWay } from './tryboot-way.ts';

export function openRaspberryPi(
  parts: Pick<BootSwitchParts, 'sys' | 'boot' | 'layout' | 'say'>,
): Promise<BootSwitch> {
  const eeprom = readEeprom(parts.sys);
  const way = trybootWay({
    ...parts,
    isKnown: eeprom?.trialProblem === undefined,
    unheard: describeUnheardTrial(parts.sys, eeprom),
  });
  if (eeprom === null) return DeviceBootSwitch.open({ ...parts, ways: [way] });
  const { trialProblem, ...firmware } = eeprom;
  return DeviceBootSwitch.open({ ...parts, ways: [way], firmware, trialProblem });
}
