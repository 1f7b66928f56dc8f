import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootVolume } from '../../../test/support/formats/boot-volume.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { type CmdlineOptions, formatCmdline } from '../../shared/board/cmdline.ts';
import { formatLoaderEntry, loaderEntryPath } from '../../shared/boot-loader/loader-entry.ts';
import { readLoaderEntry, renewLoaderEntry } from './loader-entries.ts';

async function entrySizeOf(boot: ByteSource): Promise<number | undefined> {
  return (await (await openFat(boot)).stat(loaderEntryPath('b')))?.sizeBytes;
}

function cmdline(kernelArgs: readonly string[]): CmdlineOptions {
  return { rootPartitionGuid: 'guid-of-b', slot: 'b', kernelArgs };
}

test('renewLoaderEntry changes the arguments', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  const before = await entrySizeOf(boot);
  assert.equal(await renewLoaderEntry(boot, cmdline(['ro', 'panic=5'])), true);
  assert.deepEqual(await readLoaderEntry(boot, 'b'), {
    linux: 'b/vmlinuz',
    options: 'root=PARTUUID=guid-of-b tskrazy.slot=b ro panic=5',
  });
  assert.equal(await entrySizeOf(boot), before);
  assert.match((await readLoaderEntry(boot, 'a')).options, /guid-of-a .*quiet/);
});

test('renewLoaderEntry writes nothing when nothing changes', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  assert.equal(await renewLoaderEntry(boot, cmdline(['ro', 'quiet'])), false);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renewLoaderEntry refuses what does not fit, and writes nothing then', async () => {
  const bare = formatCmdline(cmdline(['ro']));
  const bareBytes = formatLoaderEntry('b', bare).indexOf('#');
  const boot = await bootVolume({
    files: { 'loader/entries/b.conf': formatLoaderEntry('b', bare, bareBytes) },
  });
  await assert.rejects(renewLoaderEntry(boot, cmdline(['ro', 'quiet'])), /there is room for/);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renewLoaderEntry makes a damaged entry whole again', async () => {
  for (const damaged of ['?'.repeat(4096), formatLoaderEntry('b', 'root=/dev/sda3')]) {
    const boot = await bootVolume({ files: { 'loader/entries/b.conf': damaged } });
    assert.equal(await renewLoaderEntry(boot, cmdline(['ro'])), true);
    const { options } = await readLoaderEntry(boot, 'b');
    assert.equal(options, 'root=PARTUUID=guid-of-b tskrazy.slot=b ro');
  }
});
