// A trial without the firmware: the running kernel starts the other slot's. Nothing is written for it, so whatever
// resets the device afterwards, a panic too, goes through the firmware to the committed slot.

import type { ByteSource } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { KEXEC_START, START_PARAMETER } from '../../shared/board/cmdline.ts';
import type { Slot } from '../../shared/board/slots.ts';
import type { KernelImage, Sys } from '../sys/sys.ts';
import { readLoaderEntry } from './loader-entries.ts';
import type { TrialStart } from './trial-start.ts';

export interface KexecOptions {
  sys: Pick<Sys, 'power' | 'loadKernel' | 'unloadKernel'>;
  /** Path of the boot partition's device. */
  device: string;
  withBoot: <T>(use: (boot: ByteSource) => Promise<T>) => Promise<T>;
}

export function kexecTrial({ sys, device, withBoot }: KexecOptions): TrialStart {
  return {
    async arm(slot) {
      const { cmdline, extents } = await withBoot((boot) => findKernel(boot, slot));
      await sys.loadKernel({ device, extents }, cmdline);
    },
    disarm: () => sys.unloadKernel(),
    restart: () => sys.power('kexec'),
  };
}

async function findKernel(
  boot: ByteSource,
  slot: Slot,
): Promise<{ cmdline: string; extents: KernelImage['extents'] }> {
  const { linux, options } = await readLoaderEntry(boot, slot);
  const extents = await (await openFat(boot)).extents(linux);
  // In front: what follows a `--` is not the kernel's.
  return { cmdline: `${START_PARAMETER}=${KEXEC_START} ${options}`, extents };
}
