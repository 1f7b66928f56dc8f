// A trial without the firmware: the running kernel starts the other slot's. Nothing is written for it, so whatever
// resets the device afterwards, a panic too, goes through the firmware to the committed slot.

import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { KEXEC_START, START_PARAMETER } from '../../shared/cmdline.ts';
import type { Slot } from '../../shared/slots.ts';
import type { Sys } from '../sys/sys.ts';
import { readLoaderEntry } from './loader-entries.ts';
import type { TrialStart } from './trial-start.ts';

/**
 * Mounting the boot partition instead would save the copy (17 MB; arm64 59 MB), but an app that starts meanwhile
 * takes the mount into its own namespace, and with it what the kernel remembers of the files then.
 */
const KERNEL_COPY = '/run/tsk/next-kernel';
const CHUNK_BYTES = 1024 * 1024;

/** `withBoot` gives the boot partition, read from the medium. */
export function kexecTrial(
  sys: Pick<Sys, 'path' | 'power' | 'loadKernel' | 'unloadKernel'>,
  withBoot: <T>(use: (boot: ByteDevice) => Promise<T>) => Promise<T>,
): TrialStart {
  return {
    async arm(slot) {
      const copy = sys.path(KERNEL_COPY);
      await mkdir(dirname(copy), { recursive: true });
      try {
        const cmdline = await withBoot((boot) => copyKernel(boot, slot, copy));
        await sys.loadKernel(copy, cmdline);
      } finally {
        await rm(copy, { force: true });
      }
    },
    disarm: () => sys.unloadKernel(),
    restart: () => sys.power('kexec'),
  };
}

/** Returns its command line. */
async function copyKernel(boot: ByteSource, slot: Slot, path: string): Promise<string> {
  const { linux, options } = await readLoaderEntry(boot, slot);
  const kernel = await (await openFat(boot)).openFile(linux);
  const file = await open(path, 'w', 0o600);
  try {
    for (let offset = 0; offset < kernel.sizeBytes; offset += CHUNK_BYTES) {
      await file.write(await kernel.read(offset, Math.min(CHUNK_BYTES, kernel.sizeBytes - offset)));
    }
  } finally {
    await file.close();
  }
  // In front: what follows a `--` is not the kernel's.
  return `${START_PARAMETER}=${KEXEC_START} ${options}`;
}
