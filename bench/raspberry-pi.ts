// What a Raspberry Pi costs, as far as QEMU shows it: the image by part and what updates send and write, beside this computer's
// own board, without a machine; what is read from the card until the page answers, in the machine `virt` with the memory of a
// Zero 2 W, and the memory that is left; the time that `raspi3b` takes. Seconds are QEMU's and mean little; seconds of a card are
// bytes at a card's speed.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sliceDevice } from '../src/formats/byte-source.ts';
import { openFat } from '../src/formats/fat/volume.ts';
import { FileDevice } from '../src/host/files/file-device.ts';
import type { BoardId } from '../src/shared/board/boards.ts';
import { BOOT_PARTITION, layOutDisk, SECTOR_BYTES } from '../src/shared/board/disk-layout.ts';
import type { Manifest } from '../src/shared/manifest/manifest.ts';
import { HOST_BOARD_ID, UNGUARDED } from '../test/support/machines/host-board.ts';
import { ScriptContext } from '../test/support/script-context.ts';
import { UpdateLab } from '../test/support/updates/update-lab.ts';
import { readMiB } from './boot.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import { type Figures, type Row, say } from './figures.ts';
import { measureRoot } from './image-sizes.ts';
import { measureInstalls } from './installed-updates.ts';
import { measureRaspi3b } from './raspi3b.ts';

/** What an ordinary card reads in a second. */
const CARD_READ_BYTES = 20e6;
/** A Zero 2 W has 512 MiB, of which its firmware keeps 64. */
const SMALL_MEMORY = 'mem=448M';
/** After the page is there, until the device has nothing left to do. */
const SETTLE_MS = 20_000;
const MIB = 2 ** 20;
const BOOTS = ['first', 'second'] as const;

/** Of the boot partition, by the first pattern that fits; slot a alone, because the other holds nothing at first. */
const BOOT_PARTS: readonly (readonly [figure: string, path: RegExp])[] = [
  ['bootKernelBytes', /^a\/vmlinuz$/],
  ['bootDeviceTreesBytes', /^a\/[^/]+\.dtb$/],
  ['bootOverlaysBytes', /^a\/overlays\//],
  ['bootManifestBytes', /^a\/manifest\./],
  ['bootFirmwareBytes', /^[^/]+\.(?:bin|elf|dat)$/],
  ['bootSlotFirmwareBytes', /^a\/firmware\//],
];
/** What the firmware of a Pi 3 B reads of them. */
const READ_BY_FIRMWARE =
  /^(?:bootcode\.bin|start\.elf|fixup\.dat|config\.txt|a\/(?:vmlinuz|cmdline\.txt|bcm2710-rpi-3-b\.dtb))$/;

export async function benchRaspberryPi(): Promise<Figures> {
  return withLabs(async (make) => {
    const { figures } = await sizesOf((await make('raspberry-pi')).diskPath);
    say(JSON.stringify(figures));
    const updates: Row[] = [];
    for (const board of ['raspberry-pi', HOST_BOARD_ID] as const)
      updates.push(...(await measureInstalls(await make(board))));
    return { ...figures, updates };
  });
}

export async function benchPiInVirt(): Promise<Figures> {
  return withLabs(async (make) => {
    const lab = await make('raspberry-pi');
    const { firmwareBytes } = await sizesOf(lab.diskPath);
    const boots: Row[] = [];
    for (const boot of BOOTS) {
      boots.push(await measureBoot(lab, boot, firmwareBytes));
      await lab.powerOff();
    }
    return { boots };
  });
}

export async function benchPiInRaspi3b(): Promise<Figures> {
  return withLabs(async (make, context) => {
    const lab = await make('raspberry-pi');
    const boots = await measureRaspi3b(context, lab, (boot) => say(JSON.stringify(boot)));
    return { boots: boots.map((figures, index) => ({ boot: `raspi3b, ${BOOTS[index]}`, ...figures })) };
  });
}

async function withLabs(
  measure: (make: (board: BoardId) => Promise<UpdateLab>, context: ScriptContext) => Promise<Figures>,
): Promise<Figures> {
  const context = new ScriptContext(say);
  try {
    const options = { kernelArgs: [SMALL_MEMORY, ...UNGUARDED] };
    return await measure((board) => UpdateLab.make(context, board, options), context);
  } finally {
    await context.end();
  }
}

async function measureBoot(lab: UpdateLab, boot: string, firmwareBytes: number): Promise<Row> {
  const started = performance.now();
  await lab.boot();
  const { pid, qmpSocketPath } = lab.machine;
  const pageSeconds = (performance.now() - started) / 1000;
  const cpuSeconds = cpuSecondsOf(pid);
  const kernelReadsMiB = await readMiB(qmpSocketPath);
  const firmwareReadsMiB = firmwareBytes / MIB;
  await delay(SETTLE_MS);
  const { memory } = (await lab.status()).usage;
  const [totalMiB, leftMiB] = [memory.totalBytes / MIB, memory.availableBytes / MIB];
  const row = {
    boot: `virt, ${boot}`,
    pageSeconds,
    cpuSeconds,
    kernelReadsMiB,
    firmwareReadsMiB,
    cardSeconds: ((firmwareReadsMiB + kernelReadsMiB) * MIB) / CARD_READ_BYTES,
    totalMiB,
    usedMiB: totalMiB - leftMiB,
    leftMiB,
  };
  say(JSON.stringify(row));
  return row;
}

async function sizesOf(diskPath: string): Promise<{ figures: Figures; firmwareBytes: number }> {
  const disk = await FileDevice.open(diskPath, 'r');
  try {
    const partitions = layOutDisk(disk.sizeBytes).partitions.map(({ firstSector, sectorCount }) =>
      sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES),
    );
    const boot = await openFat(partitions[BOOT_PARTITION - 1]!);
    const manifest = Buffer.from(await boot.readFile('a/manifest.json')).toString();
    const { root } = JSON.parse(manifest) as Manifest;
    const files: { path: string; sizeBytes: number }[] = [];
    for (const directory of ['', 'a', 'a/overlays', 'a/firmware']) {
      for (const { name, sizeBytes } of await boot.list(directory))
        files.push({ path: join(directory, name), sizeBytes });
    }
    const sum = (pattern: RegExp): number =>
      files.filter(({ path }) => pattern.test(path)).reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    const parts = BOOT_PARTS.map(([figure, pattern]) => [figure, sum(pattern)] as const);
    return {
      figures: { ...(await measureRoot(partitions[1]!, root.sizeBytes)), ...Object.fromEntries(parts) },
      firmwareBytes: sum(READ_BY_FIRMWARE),
    };
  } finally {
    await disk.close();
  }
}
