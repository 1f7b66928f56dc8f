// systemd-boot on UEFI: trials by the loader's one-shot variable or, where the firmware keeps no variables, by kexec.

import { describeError } from '../../describe-error.ts';
import type { BootSwitch } from '../boot-switch.ts';
import { type BootSwitchParts, DeviceBootSwitch } from '../device-boot-switch.ts';
import { kexecWay } from '../kexec-way.ts';
import { EfiVariables, loaderVariable } from './efi-variables.ts';
import { oneShotWay } from './one-shot-way.ts';

/** Set by the loader at each start: where it is missing, variables do not work at all. */
const LOADER_INFO = loaderVariable('LoaderInfo');
/**
 * Wins over loader.conf. `bootctl set-default` writes it, and nothing of ours. Left there, it could make a device take
 * every start for a trial, and roll it back.
 */
const LOADER_DEFAULT = loaderVariable('LoaderEntryDefault');

export async function openSystemdBoot(
  parts: Pick<BootSwitchParts, 'sys' | 'boot' | 'layout' | 'say'>,
): Promise<BootSwitch> {
  const { sys, say } = parts;
  const all = new EfiVariables(sys);
  const variables = all.has(LOADER_INFO) ? all : undefined;
  const removeDefault = async (): Promise<void> => variables?.remove(LOADER_DEFAULT);
  await removeDefault().catch((error: unknown) => {
    say(`Cannot remove the variable "LoaderEntryDefault": ${describeError(error)}`);
  });
  const ways = [oneShotWay({ ...parts, variables }), kexecWay(parts)];
  return DeviceBootSwitch.open({ ...parts, ways, beforeCommit: removeDefault });
}
