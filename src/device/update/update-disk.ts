// Opens the partitions that an update reads and writes: those of the disk that the device runs from. Whoever writes
// has the target's root alone: one that is still mounted (a live switch that left something behind) is not opened, and
// nobody can mount it meanwhile.

import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { readGpt } from '../../formats/gpt.ts';
import type { BootLoaderLayout } from '../../shared/boot-loader/boot-loader-layout.ts';
import { BOOT_PARTITION } from '../../shared/board/disk-layout.ts';
import { otherSlot, type Slot, SLOT_PARTITION, SLOTS } from '../../shared/board/slots.ts';
import { type BlockDeviceMode, openBlockDevice } from '../block-device.ts';
import { type DiskPartition, locateRootDisk, openPartition, partitionOf } from '../root-disk.ts';
import type { StorageSys } from '../sys/sys.ts';

/** The partitions of a device as an update sees them. */
export interface UpdateDisk {
  /** Slot that must not be written: it runs, or is what the device falls back to. */
  source: Slot;
  target: Slot;
  /** p1. `flush` reaches the medium. */
  boot: ByteDevice;
  /** What the boot loader needs on it. */
  layout: BootLoaderLayout;
  sourceRoot: ByteSource;
  /** The whole partition of the target's root. `flush` reaches the medium. */
  targetRoot: ByteDevice;
  /** The identity by the partition table. */
  rootGuid(slot: Slot): Promise<string>;
  /** Makes reads of `boot` and `targetRoot` from now on come from the medium and not from the page cache. */
  dropCaches(): Promise<void>;
}

export interface OpenUpdateDisk extends UpdateDisk, Disposable {}

/** `look`: nothing of it can be written. `note`: the boot partition alone. `write`: that, and the target's root. */
export type DiskUse = 'look' | 'note' | 'write';

/**
 * The slot whose root is `/` is the source, whatever the command line says. Throws when there is nothing to update, and
 * EBUSY when the target is to be written and in use.
 */
export function openUpdateDisk(sys: StorageSys, layout: BootLoaderLayout, use: DiskUse): OpenUpdateDisk {
  const disk = locateRootDisk(sys);
  const source = SLOTS.find((slot) => SLOT_PARTITION[slot] === disk.rootPartition);
  if (source === undefined) {
    throw new Error(`The root file system is on partition ${disk.rootPartition}, which belongs to no slot`);
  }
  const target = otherSlot(source);
  const bootPartition = partitionOf(disk, BOOT_PARTITION);
  const targetPartition = partitionOf(disk, SLOT_PARTITION[target]);
  using opened = new DisposableStack();
  const open = (partition: DiskPartition, mode: BlockDeviceMode) =>
    opened.use(openPartition(sys, partition, mode));
  const boot = open(bootPartition, use === 'look' ? 'r' : 'r+');
  const sourceRoot = open(partitionOf(disk, SLOT_PARTITION[source]), 'r');
  const targetRoot = open(targetPartition, use === 'write' ? 'r+ alone' : 'r');
  const all = opened.move();
  return {
    source,
    target,
    boot,
    layout,
    sourceRoot,
    targetRoot,
    async rootGuid(slot) {
      using whole = openBlockDevice(sys.path(disk.path), disk.sizeBytes, 'r');
      const number = SLOT_PARTITION[slot];
      const partition = (await readGpt(whole)).partitions[number - 1];
      if (!partition) throw new Error(`The partition table of "${disk.path}" has no partition ${number}`);
      return partition.guid;
    },
    async dropCaches() {
      // What is not on the medium yet cannot be dropped.
      await boot.flush();
      await targetRoot.flush();
      sys.dropBlockCache(sys.path(bootPartition.path));
      sys.dropBlockCache(sys.path(targetPartition.path));
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}
