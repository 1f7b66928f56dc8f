// A trial without the firmware: the running kernel starts the other slot's. Nothing is written for it, so whatever
// resets the device afterwards, a panic too, goes through the firmware to the committed slot.

import { existsSync } from 'node:fs';
import { openFat } from '../../formats/fat/volume.ts';
import { KEXEC_START, START_PARAMETER } from '../../shared/board/cmdline.ts';
import type { BootLoaderLayout } from '../../shared/boot-loader/boot-loader-layout.ts';
import type { Slot } from '../../shared/board/slots.ts';
import { type DiskPartition, openPartition } from '../root-disk.ts';
import type { KernelImage, Sys } from '../sys/sys.ts';
import { LoaderFiles } from './loader-files.ts';
import type { TrialWay } from './trial-way.ts';

/** The file is there when the kernel can do kexec at all. */
const KEXEC_STATE = '/sys/kernel/kexec_loaded';

export interface KexecOptions {
  sys: Sys;
  boot: DiskPartition;
  layout: BootLoaderLayout;
}

export function kexecWay(options: KexecOptions): TrialWay {
  const { sys, boot } = options;
  const isThere = existsSync(sys.path(KEXEC_STATE));
  return {
    name: 'kexec',
    refusal: 'the kernel takes no other one',
    // A kernel in memory goes with the one that has loaded it.
    outlivesStarts: false,
    isUsable: () => isThere,
    async arm(slot, notes) {
      const { cmdline, extents } = await findKernel(options, slot);
      await sys.loadKernel({ device: sys.path(boot.path), extents }, cmdline);
      return notes;
    },
    disarm: () => sys.unloadKernel(),
    restart: () => sys.power('kexec'),
  };
}

async function findKernel(
  { sys, boot, layout }: KexecOptions,
  slot: Slot,
): Promise<{ cmdline: string; extents: KernelImage['extents'] }> {
  using device = openPartition(sys, boot, 'r');
  const { kernelPath, cmdline } = await new LoaderFiles(layout, device).startOf(slot);
  const extents = await (await openFat(device)).extents(kernelPath);
  // Ours go in front: what follows a `--` is not the kernel's.
  return { cmdline: `${START_PARAMETER}=${KEXEC_START} ${cmdline}`, extents };
}
