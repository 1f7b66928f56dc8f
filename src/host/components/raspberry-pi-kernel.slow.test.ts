// Kernels of Raspberry Pis as components: what they have to bring, and newer ones that bring something else.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sourceContext } from '../../../test/support/builds/component-context.ts';
import { type FileServer, startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeZip } from '../../../test/support/formats/make-archives.ts';
import { makeKernelHead } from '../../../test/support/formats/make-kernel.ts';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import {
  kernelFiles,
  kernelZip,
  type MadeUpKernel,
  NEEDED_TREES,
} from '../../../test/support/raspberry-pi/made-up-kernel.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { slotBootFiles } from '../build/boot-files.ts';
import { checkOverlays } from '../build/check-bootloader-lines.ts';
import type { Component, ComponentName } from './component.ts';
import { loadDirectory } from './component-override.ts';
import { loadComponents } from './load-components.ts';
import type { Lock } from './lock-file.ts';
import { resolveLock } from './resolve-lock.ts';

const BOARD = BOARDS['raspberry-pi'];
const MODULE = BOARD.kernelModule;

const OLD: MadeUpKernel = {
  release: '6.12.47-v8',
  trees: [...NEEDED_TREES, 'bcm2712d0-rpi-5-b.dtb'],
  overlays: ['bcm2712d0', 'disable-bt', 'w1-gpio', 'w1-gpio-pi5'],
  mapped: ['vc4-kms-v3d'],
  modules: ['brcmfmac', 'uvcvideo'],
};
/** With other steppings, models that nobody here has heard of, other overlays and other modules. */
const NEW: MadeUpKernel = {
  release: '6.18.34-v8',
  trees: [...NEEDED_TREES, 'bcm2712-d-rpi-5-b.dtb', 'bcm2713-rpi-6-b.dtb'],
  overlays: ['bcm2712d0', 'disable-bt', 'one-wire'],
  modules: ['brcmfmac', 'brcmfmac-wcc', 'rtw88'],
};

interface Shop {
  server: FileServer;
  lock(update: boolean, previous?: Lock): ReturnType<typeof resolveLock>;
  load(lock: Lock): Promise<Component>;
}

/** A module proxy that has just this kernel, as `version`. */
async function openShop(t: TestContext, version: string, kernel: MadeUpKernel): Promise<Shop> {
  const server = await startFileServer(t, {});
  const context = { ...(await sourceContext(t, { GOPROXY: server.url })), board: BOARD };
  const { board, report, environment } = context;
  const options = {
    board,
    report,
    environment,
    cacheDirectory: context.cache.directory,
    names: ['kernel'] as const,
  };
  offer(server, version, kernel);
  return {
    server,
    lock: (update, previous) =>
      resolveLock({ ...options, update, ...(previous === undefined ? {} : { previous }) }),
    load: async (lock) => (await loadComponents({ ...options, lock, offline: false })).get('kernel')!,
  };
}

function offer({ files }: FileServer, version: string, kernel: MadeUpKernel): void {
  files.set(`/${MODULE}/@v/list`, { bytes: Buffer.from(`${version}\n`) });
  files.set(`/${MODULE}/@v/${version}.zip`, { bytes: kernelZip(MODULE, version, kernel) });
}

/** With a tskrazy.json that has each of these in a line. */
function instanceWith(
  t: TestContext,
  bootloaderLines: readonly string[],
): Parameters<typeof checkOverlays>[0] {
  const configPath = join(mkdtempSync(join(tmpdir(), 'tsk-lines-')), 'tskrazy.json');
  t.after(() => rmSync(dirname(configPath), { recursive: true }));
  const lines = bootloaderLines.map((line) => JSON.stringify(line));
  writeFileSync(configPath, `{"bootloaderLines": [\n${lines.join(',\n')}]}`);
  return { configPath, config: { bootloaderLines } };
}

/** The files of a slot that a kernel brings, and what tskrazy writes itself. */
function slotPaths(kernel: Component): string[] {
  const layout = layoutOf(BOARD.boot);
  const ofKernel = {
    ...layout,
    sharedFiles: layout.sharedFiles.filter((file) => file.component === 'kernel'),
  };
  const components = new Map<ComponentName, Component>([['kernel', kernel]]);
  return slotBootFiles(ofKernel, { bootloaderLines: [] }, components).map(({ path }) => path);
}

test('a newer kernel with other device trees, overlays and modules takes the place of the old one', async (t) => {
  const shop = await openShop(t, 'v1.12.0', OLD);
  const { lock } = await shop.lock(false);
  const before = await shop.load(lock);
  assert.ok(slotPaths(before).includes('bcm2712d0-rpi-5-b.dtb'));
  offer(shop.server, 'v1.18.0', NEW);
  const updated = await shop.lock(true, lock);
  assert.deepEqual(updated.changes, [{ component: 'kernel', from: 'v1.12.0', to: 'v1.18.0' }]);
  const after = await shop.load(updated.lock);
  assert.deepEqual(
    slotPaths(after).toSorted(),
    [
      'vmlinuz',
      ...NEEDED_TREES,
      'bcm2712-d-rpi-5-b.dtb',
      ...['README', 'bcm2712d0.dtbo', 'disable-bt.dtbo', 'one-wire.dtbo', 'overlay_map.dtb'].map(
        (name) => `overlays/${name}`,
      ),
      'config.txt',
    ].toSorted(),
  );
  const modules = after.files.map(({ path }) => path).filter((path) => path.startsWith('lib/modules/'));
  assert.deepEqual(modules, [
    'lib/modules/6.18.34-v8/kernel/brcmfmac-wcc.ko',
    'lib/modules/6.18.34-v8/kernel/brcmfmac.ko',
    'lib/modules/6.18.34-v8/kernel/rtw88.ko',
    'lib/modules/6.18.34-v8/modules.dep',
  ]);
});

test('the kernel is packed on this computer, to the same bytes on any', async (t) => {
  const kernel = Buffer.concat([makeKernelHead('arm64'), sampleBytes(300_000)]);
  const packed: Buffer[] = [];
  for (const _run of [1, 2]) {
    const shop = await openShop(t, 'v1.12.0', OLD);
    const files = Object.entries({ ...kernelFiles(OLD), vmlinuz: kernel });
    const zip = makeZip(
      Object.fromEntries(files.map(([path, content]) => [`${MODULE}@v1.12.0/${path}`, content])),
    );
    shop.server.files.set(`/${MODULE}/@v/v1.12.0.zip`, { bytes: zip });
    const { directory } = await shop.load((await shop.lock(false)).lock);
    packed.push(readFileSync(join(directory, 'vmlinuz')));
  }
  const [first, second] = packed;
  assert.deepEqual(second, first);
  // RFC 1952, section 2.3: no time @4, the best compression @8, and @9 no system, which zlib would name.
  assert.equal(first?.toString('hex', 0, 10), '1f8b08000000000002ff');
  assert.ok(gunzipSync(first).equals(kernel));
});

test('lines may ask for the overlays of the kernel, and for names that its map has', async (t) => {
  const shop = await openShop(t, 'v1.12.0', OLD);
  const old = new Map([['kernel', await shop.load((await shop.lock(false)).lock)]] as const);
  const lines = [
    'dtparam=spi=on',
    'dtoverlay=w1-gpio,gpiopin=4',
    'dtoverlay=',
    '[pi5]',
    'dtoverlay=vc4-kms-v3d',
  ];
  const instance = instanceWith(t, lines);
  await checkOverlays(instance, BOARD, old);
  const typo = instanceWith(t, ['[all]', 'dtoverlay=w1-gpoi,gpiopin=4']);
  await assert.rejects(checkOverlays(typo, BOARD, old), {
    name: 'ConfigError',
    message: `Cannot use "${typo.configPath}": it has a mistake

${typo.configPath}:3:1: "bootloaderLines[1]" asks for the overlay "w1-gpoi", which kernel v1.12.0 does not have: did you mean "w1-gpio"?
    "dtoverlay=w1-gpoi,gpiopin=4"]}
    ${'^'.repeat(29)}`,
  });
  // A newer kernel that has lost one says so before it is on a device.
  offer(shop.server, 'v1.18.0', NEW);
  const fresh = new Map([['kernel', await shop.load((await shop.lock(true)).lock)]] as const);
  await assert.rejects(checkOverlays(instance, BOARD, fresh), {
    name: 'ConfigError',
    message:
      /:3:1: "bootloaderLines\[1\]" asks for the overlay "w1-gpio", which kernel v1\.18\.0 does not have\n/,
  });
});

function withoutTree(name: string): MadeUpKernel {
  return { ...OLD, trees: NEEDED_TREES.filter((path) => path !== name) };
}

const LACKING: readonly [kernel: MadeUpKernel, problem: string][] = [
  [withoutTree('bcm2711-rpi-400.dtb'), 'has no "bcm2711-rpi-400.dtb", which Raspberry Pi 400 needs'],
  [
    withoutTree('bcm2712-rpi-cm5-cm4io.dtb'),
    'has no "bcm2712-rpi-cm5-cm4io.dtb", which Raspberry Pi Compute Module 5 needs',
  ],
  [
    withoutTree('bcm2712-rpi-cm5l-cm5io.dtb'),
    'has no "bcm2712-rpi-cm5l-cm5io.dtb", which Raspberry Pi Compute Module 5 Lite needs',
  ],
  [
    withoutTree('bcm2712-rpi-cm5l-cm4io.dtb'),
    'has no "bcm2712-rpi-cm5l-cm4io.dtb", which Raspberry Pi Compute Module 5 Lite needs',
  ],
  [{ ...OLD, overlays: [] }, 'has nothing in "overlays/"'],
  [
    { ...OLD, overlays: ['disable-bt'] },
    'has no "overlays/bcm2712d0.dtbo", which Raspberry Pi 5 Model B with a processor of stepping D0 needs',
  ],
];

test('a kernel that lacks a file without which a model does not start, or all overlays, is refused', async (t) => {
  for (const [kernel, problem] of LACKING) {
    const shop = await openShop(t, 'v1.12.0', kernel);
    const { lock } = await shop.lock(false);
    await assert.rejects(shop.load(lock), {
      name: 'UserError',
      message: `Cannot use component kernel for board raspberry-pi: ${MODULE}@v1.12.0 ${problem}`,
      hint: 'Correct the component in tskrazy.json, or restore the version in tskrazy.lock.json',
    });
    const { cache } = await sourceContext(t);
    for (const [path, content] of Object.entries(kernelFiles(kernel))) {
      mkdirSync(dirname(join(cache.directory, path)), { recursive: true });
      writeFileSync(join(cache.directory, path), content);
    }
    await assert.rejects(loadDirectory('kernel', cache.directory, BOARD), {
      name: 'UserError',
      message: `Cannot use "${cache.directory}" as component kernel: it ${problem}`,
    });
  }
});
