import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PC_LAYOUT } from '../../../test/support/boot-loader/pc-layout.ts';
import { PREFIX_LAYOUT } from '../../../test/support/boot-loader/prefix-loader.ts';
import { bootVolume } from '../../../test/support/formats/boot-volume.ts';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { type CmdlineOptions, formatCmdline } from '../../shared/board/cmdline.ts';
import { formatLoaderEntry, loaderEntryPath } from '../../shared/boot-loader/loader-entry.ts';
import { LoaderFiles } from './loader-files.ts';

async function entrySizeOf(boot: ByteSource): Promise<number | undefined> {
  return (await (await openFat(boot)).stat(loaderEntryPath('b')))?.sizeBytes;
}

function loaderOf(boot: ByteDevice, layout = PC_LAYOUT): LoaderFiles {
  return new LoaderFiles(layout, boot);
}

function cmdline(kernelArgs: readonly string[]): CmdlineOptions {
  return { rootPartitionGuid: 'guid-of-b', slot: 'b', kernelArgs };
}

test('a slot is committed and its start renewed by the description alone', async () => {
  for (const layout of [PC_LAYOUT, PREFIX_LAYOUT]) {
    const boot = await bootVolume({ layout, kernelArgs: ['ro', 'quiet'] });
    const loader = loaderOf(boot, layout);
    assert.equal(await loader.committed(), 'a');
    boot.log.length = 0;
    let isDropped = false;
    await loader.commit('b', () => (isDropped = true));
    assert.ok(isDropped);
    const writes = boot.log.filter((entry) => entry !== 'flush');
    assert.deepEqual(
      writes.map(({ bytes }) => bytes.length),
      [512],
    );
    assert.equal(await loader.committed(), 'b');
    assert.equal(await loader.startsWith(cmdline(['ro', 'quiet'])), true);
    assert.equal(await loader.startsWith(cmdline(['ro'])), false);
    assert.equal(await loader.renew(cmdline(['ro'])), true);
    assert.equal(await loader.startsWith(cmdline(['ro'])), true);
    assert.match((await loader.startOf('a')).cmdline, /guid-of-a .*quiet/);
  }
});

test('renew changes the arguments', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  const before = await entrySizeOf(boot);
  assert.equal(await loaderOf(boot).renew(cmdline(['ro', 'panic=5'])), true);
  assert.deepEqual(await loaderOf(boot).startOf('b'), {
    kernelPath: 'b/vmlinuz',
    cmdline: 'root=PARTUUID=guid-of-b tskrazy.slot=b ro panic=5',
  });
  assert.equal(await entrySizeOf(boot), before);
  assert.match((await loaderOf(boot).startOf('a')).cmdline, /guid-of-a .*quiet/);
});

test('renew writes nothing when nothing changes', async () => {
  const boot = await bootVolume({ kernelArgs: ['ro', 'quiet'] });
  assert.equal(await loaderOf(boot).renew(cmdline(['ro', 'quiet'])), false);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renew refuses what does not fit, and writes nothing then', async () => {
  const bare = formatCmdline(cmdline(['ro']));
  const bareBytes = formatLoaderEntry('b', bare).indexOf('#');
  const boot = await bootVolume({
    files: { 'loader/entries/b.conf': formatLoaderEntry('b', bare, bareBytes) },
  });
  await assert.rejects(loaderOf(boot).renew(cmdline(['ro', 'quiet'])), /there is room for/);
  assert.deepEqual(
    boot.log.filter((entry) => entry !== 'flush'),
    [],
  );
});

test('renew makes a damaged entry whole again', async () => {
  for (const damaged of ['?'.repeat(4096), formatLoaderEntry('b', 'root=/dev/sda3')]) {
    const boot = await bootVolume({ files: { 'loader/entries/b.conf': damaged } });
    assert.equal(await loaderOf(boot).renew(cmdline(['ro'])), true);
    const { cmdline: found } = await loaderOf(boot).startOf('b');
    assert.equal(found, 'root=PARTUUID=guid-of-b tskrazy.slot=b ro');
  }
});
