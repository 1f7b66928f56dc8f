import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREFIX_LAYOUT } from '../../../test/support/boot-loader/prefix-loader.ts';
import { LoaderFiles } from '../../device/boot-loader/loader-files.ts';
import { deviceOfBytes } from '../../formats/byte-source.ts';
import { BOARDS, type SystemdBoot } from '../../shared/board/boards.ts';
import { diskGuid } from '../../shared/board/disk-layout.ts';
import { SLOT_PARTITION, SLOTS } from '../../shared/board/slots.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import type { ComponentName } from '../components/component.ts';
import { bootKernelArgs, type BootOptions, loaderFiles, slotBootFiles } from './boot-files.ts';
import { writeBootPartition } from './boot-partition.ts';
import type { Components } from './component-files.ts';

const board = BOARDS['pc-amd64'];
const { packagePath } = board.boot as SystemdBoot;
const components = componentsWith(['boot-loader', [packagePath]], ['kernel', ['vmlinuz']]);
const layout = layoutOf(board.boot);
const options: BootOptions = {
  layout,
  settings: { bootloaderLines: [] },
  hostname: 'garden',
  kernelArgs: bootKernelArgs(board, 'ttyS0,115200', []),
};

function componentsWith(...all: [name: ComponentName, paths: string[]][]): Components {
  return new Map(
    all.map(([name, paths]) => [
      name,
      {
        name,
        version: '1',
        directory: `/cache/${name}`,
        files: paths.map((path) => ({ path, kind: 'file', mode: 0o644, sizeBytes: 1, sha256: name })),
      },
    ]),
  );
}

function textOf(path: string, changes: Partial<BootOptions> = {}): string {
  const file = loaderFiles({ ...options, ...changes }, components).find((each) => each.path === path);
  assert.equal(file?.content.kind, 'bytes');
  return Buffer.from(file.content.bytes).toString();
}

test('loaderFiles: the boot loader at the path that UEFI looks at, its configuration and an entry a slot', () => {
  const files = loaderFiles(options, components);
  assert.deepEqual(
    files.map(({ path }) => path),
    ['EFI/BOOT/BOOTX64.EFI', 'loader/loader.conf', 'loader/entries/a.conf', 'loader/entries/b.conf'],
  );
  assert.deepEqual(files[0]?.content, {
    kind: 'path',
    path: `/cache/boot-loader/${packagePath}`,
    sizeBytes: 1,
    sha256: 'boot-loader',
  });
});

test('loaderFiles: slot a is the default; one letter says so', () => {
  assert.equal(textOf('loader/loader.conf'), 'default a.conf\ntimeout 0\nconsole-mode keep\neditor no\n');
});

test('loaderFiles: each entry names its own kernel and its own root partition', () => {
  const a = textOf('loader/entries/a.conf');
  const b = textOf('loader/entries/b.conf');
  assert.match(a, /^title tskrazy a\nlinux \/a\/vmlinuz\noptions .*\n/);
  assert.match(b, /^title tskrazy b\nlinux \/b\/vmlinuz\noptions .*\n/);
  const partitions = [a, b].map((entry) => /root=PARTUUID=(\S+)/.exec(entry)?.[1]);
  assert.deepEqual(partitions, [diskGuid('garden', 2), diskGuid('garden', 3)]);
});

test('loaderFiles: consoles and extra arguments go into the command line, the extra ones last', () => {
  const kernelArgs = bootKernelArgs(board, 'ttyS0,115200', ['quiet', 'x=y']);
  const entry = textOf('loader/entries/a.conf', { kernelArgs });
  assert.match(entry, /console=tty0 console=ttyS0,115200/);
  assert.match(entry, /pci=nommconf.* quiet x=y/);
  const without = textOf('loader/entries/a.conf', { kernelArgs: bootKernelArgs(board, 'off', []) });
  assert.match(without, /console=tty0/);
  assert.doesNotMatch(without, /ttyS0/);
});

test('bootKernelArgs: more than a kernel reads is refused', () => {
  assert.throws(() => bootKernelArgs(board, 'off', ['x'.repeat(1900)]), {
    name: 'UserError',
    message:
      /^Cannot build for "pc-amd64": the kernel command line has \d+ characters together, more than 1900$/,
  });
});

test('loaderFiles: more than the boot loader leaves room for is refused', () => {
  const { boot } = BOARDS['raspberry-pi'];
  const firmware = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
  const long = { ...options, layout: layoutOf(boot), kernelArgs: ['x'.repeat(1000)] };
  assert.throws(() => loaderFiles(long, componentsWith(['firmware', firmware])), {
    name: 'UserError',
    message:
      /^Cannot build for "garden": the kernel command line has \d+ characters; there is room for 1023$/,
    hint: 'Look at kernel.extraArgs in tskrazy.json.',
  });
});

test('slotBootFiles: the kernel, relative to the slot', () => {
  assert.deepEqual(
    slotBootFiles(layout, options.settings, components).map(({ path }) => path),
    ['vmlinuz'],
  );
});

test('slotBootFiles: a kernel that brings a file which the build writes, as the card of another system does', () => {
  const piLayout = layoutOf(BOARDS['raspberry-pi'].boot);
  const { slotFiles, sharedFiles } = piLayout;
  const ofKernel = slotFiles.map(({ from }) => from);
  const brought = componentsWith(
    ['kernel', [...ofKernel, 'overlays/readme', 'overlays/w1-gpio.dtbo']],
    ['firmware', sharedFiles.map(({ from }) => from)],
  );
  const files = slotBootFiles(piLayout, options.settings, brought);
  const overlays = files.filter(({ path }) => path.startsWith('overlays/'));
  assert.deepEqual(
    overlays.map(({ path, content }) => [path, content.kind]),
    [
      ['overlays/w1-gpio.dtbo', 'path'],
      ['overlays/README', 'bytes'],
    ],
  );
});

test('a boot loader whose command lines lie in the slots: all is where its description says', async () => {
  const brought = componentsWith(
    ['boot-loader', ['firmware/start.bin']],
    ['kernel', ['vmlinuz', 'board.dtb']],
  );
  const ofLoader = loaderFiles({ ...options, layout: PREFIX_LAYOUT }, brought);
  assert.deepEqual(
    ofLoader.map(({ path }) => path),
    ['start.bin', 'config.txt', 'a/cmdline.txt', 'b/cmdline.txt'],
  );
  assert.deepEqual(
    slotBootFiles(PREFIX_LAYOUT, options.settings, brought).map(({ path }) => path),
    ['vmlinuz', 'trees/board.dtb'],
  );
  const device = deviceOfBytes(new Uint8Array(8 * 1024 * 1024));
  const kernel = { path: 'vmlinuz', content: { kind: 'bytes', bytes: Buffer.from('kernel') } } as const;
  const inMemory = ofLoader.filter(({ content }) => content.kind === 'bytes');
  const parts = { hostname: 'garden', timestampSec: 0, loaderFiles: inMemory, slotFiles: [kernel] };
  await writeBootPartition(parts, device, 8192);
  const loader = new LoaderFiles(PREFIX_LAYOUT, device);
  assert.equal(await loader.committed(), 'a');
  for (const slot of SLOTS) {
    const rootPartitionGuid = diskGuid('garden', SLOT_PARTITION[slot]);
    const { kernelArgs } = options;
    assert.ok(await loader.startsWith({ rootPartitionGuid, slot, kernelArgs }), `slot ${slot}`);
  }
});
