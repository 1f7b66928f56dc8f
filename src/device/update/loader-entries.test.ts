import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootVolume } from '../../../test/support/boot-volume.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { formatCmdline } from '../../shared/cmdline.ts';
import { formatLoaderEntry, loaderEntryPath } from '../../shared/loader-entry.ts';
import { readLoaderEntry, renewLoaderEntry } from './loader-entries.ts';

async function entrySizeOf(boot: ByteSource): Promise<number | undefined> {
  return (await (await openFat(boot)).stat(loaderEntryPath('b')))?.sizeBytes;
}

test('renewLoaderEntry changes the arguments and keeps the root', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  const before = await entrySizeOf(boot);
  assert.equal(await renewLoaderEntry(boot, 'b', ['ro', 'panic=5']), true);
  assert.deepEqual(await readLoaderEntry(boot, 'b'), {
    linux: 'b/vmlinuz',
    options: 'root=PARTUUID=guid-of-b tskrazy.slot=b ro panic=5',
  });
  assert.equal(await entrySizeOf(boot), before);
  assert.match((await readLoaderEntry(boot, 'a')).options, /guid-of-a .*quiet/);
});

test('renewLoaderEntry writes nothing when nothing changes', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  assert.equal(await renewLoaderEntry(boot, 'b', ['ro', 'quiet']), false);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renewLoaderEntry refuses what does not fit, and writes nothing then', async () => {
  const cmdline = formatCmdline({ rootPartitionGuid: 'g', slot: 'b', kernelArgs: ['ro'] });
  const bareBytes = formatLoaderEntry('b', cmdline).indexOf('#');
  const boot = await bootVolume({
    files: { 'loader/entries/b.conf': formatLoaderEntry('b', cmdline, bareBytes) },
  });
  await assert.rejects(renewLoaderEntry(boot, 'b', ['ro', 'quiet']), /there is room for/);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renewLoaderEntry refuses an entry that does not name its root', async () => {
  const boot = await bootVolume({
    files: { 'loader/entries/b.conf': formatLoaderEntry('b', 'root=/dev/sda3') },
  });
  await assert.rejects(renewLoaderEntry(boot, 'b', []), /"loader\/entries\/b.conf" names no root partition/);
});
