// What a staged disk of the power-cut rig needs so that Raspberry Pis start from it. Made when a test runs: dtc compiles trees.

import { gzipSync } from 'node:zlib';
import { RASPBERRY_PI_LAYOUT } from '../../../src/shared/boot-loader/raspberry-pi.ts';
import type { StagedFiles } from '../power-cut/staged-disk.ts';
import { fakeKernel, wholeCard } from './pi-card.ts';

/** Fewer than a real slot has, because each is one more that the power is cut in. */
const TREES = ['bcm2710-rpi-3-b.dtb', 'bcm2711-rpi-4-b.dtb', 'bcm2712-rpi-5-b.dtb'];
const OVERLAYS = ['overlays/README', 'overlays/bcm2712d0.dtbo'];

/** That of the first build is what the card was made with. */
function firmwareOf(build: string, bytes: Uint8Array): Uint8Array {
  return build === 'old' ? bytes : Buffer.concat([bytes, Buffer.from(` of ${build}`)]);
}

/** `trees`: of the builds after the first. */
export function stagedPi(trees = TREES): StagedFiles {
  const card = wholeCard();
  const bytesOf = (path: string): Uint8Array => Buffer.from(card[path] ?? '');
  const firmware = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
  const written = RASPBERRY_PI_LAYOUT.writtenSlotFiles({ bootloaderLines: [] });
  return {
    shared: new Map(firmware.map((path) => [path, bytesOf(path)])),
    ofBuild: (name) =>
      new Map([
        ['vmlinuz', gzipSync(Buffer.concat([fakeKernel(), Buffer.from(`kernel of ${name}`)]))],
        ...[...(name === 'old' ? TREES : trees), ...OVERLAYS].map(
          (path) => [path, bytesOf(`a/${path}`)] as const,
        ),
        ...written.map(({ path, text }) => [path, Buffer.from(text)] as const),
        ...firmware.map((path) => [`firmware/${path}`, firmwareOf(name, bytesOf(path))] as const),
      ]),
  };
}
