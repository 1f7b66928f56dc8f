import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootVolume } from '../../../test/support/formats/boot-volume.ts';
import { PC_LAYOUT } from '../../../test/support/boot-loader/pc-layout.ts';
import type { SparseDevice } from '../../../test/support/formats/sparse-device.ts';
import { FatReader } from '../../../test/support/raspberry-pi/fat-reader.ts';
import type { BootLoaderLayout } from '../../shared/boot-loader/boot-loader-layout.ts';
import { RASPBERRY_PI_LAYOUT } from '../../shared/boot-loader/raspberry-pi.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import { makeImage, makeKey } from '../../../test/support/updates/update-target.ts';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import { sha256Of } from './content-hash.ts';
import { renewSharedFiles, sharedChanges } from './renew-shared-files.ts';

const NAMES = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
const OLD = firmware('old');
const NEW = { ...firmware('new'), 'bootcode.bin': OLD['bootcode.bin']! };
const KEY = makeKey();

function firmware(version: string): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [name, `${version} ${name}`]));
}

function manifestWith(files: Record<string, string>): { manifest: Manifest; text: string } {
  const image = makeImage({ key: KEY, root: sampleBytes(4096, 1) });
  const bootFiles = Object.entries(files).map(([name, text]) => {
    const bytes = Buffer.from(text);
    const sha256 = sha256Of(bytes);
    const { length: sizeBytes } = bytes;
    const chunks = [{ lengthBytes: sizeBytes, sha256 }];
    return { path: `firmware/${name}`, sizeBytes, sha256, chunks };
  });
  const manifest = { ...image.manifest, bootFiles };
  return { manifest, text: JSON.stringify(manifest) };
}

/** The root has old firmware; slot a runs, and has what is given. */
async function cardWith(
  inSlot: Record<string, string>,
  more: Record<string, string> = {},
): Promise<SparseDevice> {
  return bootVolume({
    layout: RASPBERRY_PI_LAYOUT,
    files: {
      ...OLD,
      ...Object.fromEntries(Object.entries(inSlot).map(([name, text]) => [`a/firmware/${name}`, text])),
      'a/config.txt': 'as it is',
      'a/manifest.json': manifestWith(inSlot).text,
      ...more,
    },
  });
}

async function rootOf(boot: SparseDevice): Promise<Record<string, string>> {
  const files = await FatReader.open(boot, { number: 1, firstSector: 0, sectorCount: boot.sizeBytes / 512 });
  const texts = NAMES.map(async (name) => [name, (await files.readFile(name))?.toString()] as const);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

function renew(
  boot: SparseDevice,
  layout: BootLoaderLayout = RASPBERRY_PI_LAYOUT,
): Promise<readonly string[]> {
  return renewSharedFiles({ boot, layout, source: 'a', dropCaches: async () => {} });
}

test("renewSharedFiles: what differs becomes the running slot's, and nothing is written when nothing does", async () => {
  const boot = await cardWith(NEW);
  assert.deepEqual(await renew(boot), NAMES.slice(1));
  assert.deepEqual(await rootOf(boot), NEW);
  boot.log.length = 0;
  assert.deepEqual(await renew(boot), []);
  assert.deepEqual(boot.log, []);
});

test('renewSharedFiles: a power cut leaves firmware of one version, by a reader of another kind', async () => {
  const before = await cardWith(NEW);
  const after = before.clone();
  await renew(after);
  const disk = before.clone();
  const seen = new Set<string>();
  for (const entry of after.log) {
    if (entry !== 'flush') disk.replay(entry);
    seen.add(JSON.stringify(await rootOf(disk)));
  }
  assert.deepEqual(
    [...seen],
    [OLD, NEW].map((files) => JSON.stringify(files)),
  );
});

test('renewSharedFiles: a slot without firmware, or with rotten firmware, changes nothing', async () => {
  const without = await cardWith({});
  assert.deepEqual([await renew(without), await rootOf(without)], [[], OLD]);
  const rotten = await cardWith(NEW, { 'a/firmware/start4.elf': 'NEW start4.elf' });
  await assert.rejects(renew(rotten), {
    message: '"a/firmware/start4.elf" is not as it was installed',
  });
  assert.deepEqual(await rootOf(rotten), OLD);
  assert.deepEqual(await renew(await bootVolume(), PC_LAYOUT), []);
});

test('sharedChanges names what comes only after the trial', () => {
  const [old, next] = [manifestWith(OLD).manifest, manifestWith(NEW).manifest];
  assert.deepEqual(sharedChanges(RASPBERRY_PI_LAYOUT, old, next), NAMES.slice(1));
  assert.deepEqual(sharedChanges(RASPBERRY_PI_LAYOUT, old, old), []);
  assert.deepEqual(sharedChanges(RASPBERRY_PI_LAYOUT, undefined, next), NAMES);
  assert.deepEqual(sharedChanges(PC_LAYOUT, old, next), []);
});
