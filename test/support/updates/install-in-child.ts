// A program: updates the disk whose parts are files in the directory argv[2], and prints by how many bytes its memory
// grew at most meanwhile, and what was written. Prepared by test/programs/slot-installer.test.ts.

import { openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockDevice, openBlockDevice } from '../../../src/device/block-device.ts';
import { openSlotInstaller } from '../../../src/device/update/slot-installer.ts';
import { numberChunks } from '../../../src/shared/manifest/chunk-index.ts';
import { MAX_CHUNK_BYTES } from '../../../src/formats/chunk-stream.ts';
import { parseManifest } from '../../../src/shared/manifest/parse-manifest.ts';
import { PC_LAYOUT } from '../boot-loader/pc-layout.ts';
import { rootGuidOf } from '../formats/boot-volume.ts';

const directory = process.argv[2]!;

function partition(name: string): BlockDevice {
  const path = join(directory, name);
  return openBlockDevice(path, statSync(path).size, 'r+');
}

const manifestBytes = readFileSync(join(directory, 'manifest.json'));
const manifest = parseManifest(manifestBytes);
const disk = {
  source: 'a',
  target: 'b',
  boot: partition('boot'),
  layout: PC_LAYOUT,
  sourceRoot: partition('root-a'),
  targetRoot: partition('root-b'),
  rootGuid: async () => rootGuidOf('b'),
  dropCaches: async () => {},
} as const;
const rootImage = openSync(join(directory, 'root.img'), 'r');
const kernel = openSync(join(directory, 'vmlinuz'), 'r');
const numbered = numberChunks(manifest);
const buffer = new Uint8Array(MAX_CHUNK_BYTES);

const before = process.memoryUsage.rss();
let most = before;
function measure(): void {
  most = Math.max(most, process.memoryUsage.rss());
}
const timer = setInterval(measure, 2);
const options = { disk, manifest, manifestBytes, signatureBytes: Buffer.from('signatures') };
const installer = await openSlotInstaller(options);
for (const index of installer.missing()) {
  const { file, offsetBytes, lengthBytes } = numbered[index]!;
  readSync(file ? kernel : rootImage, buffer, 0, lengthBytes, offsetBytes);
  await installer.receive(index, buffer.subarray(0, lengthBytes));
  measure();
}
const result = await installer.install(measure);
clearInterval(timer);
console.log(JSON.stringify({ ...result, grownBytes: most - before }));
