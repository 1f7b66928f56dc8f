// The stand-in for a Raspberry Pi's firmware, rule by rule, on cards that reference tools have made.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkModels } from '../support/raspberry-pi/check-models.ts';
import { FirmwareStop } from '../support/raspberry-pi/firmware-stop.ts';
import {
  canMakeCards,
  type CardFiles,
  type CardOptions,
  CONFIG,
  deviceTree,
  fakeKernel,
  FIRST_SECTOR,
  makeCard,
  MBR_BOOT,
  MBR_PROTECTIVE,
  wholeCard,
} from '../support/raspberry-pi/pi-card.ts';
import { startFrom } from '../support/raspberry-pi/pi-firmware.ts';
import { PI_MODELS, piModel } from '../support/raspberry-pi/pi-models.ts';

for (const fatBits of [16, 32] as const) {
  test(`every model starts slot a of a whole card, slot b when it is told so: FAT${fatBits}`, async (t) => {
    if (!canMakeCards(t)) return;
    const card = await makeCard(t, wholeCard(), { fatBits });
    for (const [isTryboot, prefix] of [
      [false, 'a/'],
      [true, 'b/'],
    ] as const) {
      const reports = await checkModels(card, { isTryboot });
      assert.deepEqual(
        reports.map(({ model, start, problems }) => [model, start?.osPrefix, start?.kernelPath, problems]),
        PI_MODELS.map(({ id }) => [id, prefix, `${prefix}vmlinuz`, []]),
      );
    }
  });
}

const NO_GPT: CardOptions = { mbr: [MBR_BOOT], hasGpt: false };

/** Which cards start nothing, and what is said then. Default: a Pi 3 B. */
const STOPS: {
  name: string;
  model?: string;
  /** Made when the test runs, because dtc may be missing. */
  files?: CardFiles | (() => CardFiles);
  options?: CardOptions;
  isTryboot?: true;
  says: RegExp;
}[] = [
  {
    name: 'a Pi 3 finds no partition in the MBR of a GPT alone',
    options: { mbr: [] },
    says: /ROM finds no FAT partition in the MBR/,
  },
  {
    name: 'a Pi 3 does not take an EFI system partition in the MBR',
    options: { mbr: [MBR_BOOT.replace('type=c', 'type=ef'), MBR_PROTECTIVE] },
    says: /ROM finds no FAT partition in the MBR/,
  },
  {
    name: 'MBR and GPT name two boot partitions',
    model: '5-b',
    options: { mbr: [MBR_BOOT.replace(`start=${FIRST_SECTOR}`, 'start=9216'), MBR_PROTECTIVE] },
    says: /MBR says .* sector 9216, the GPT says 8192/,
  },
  {
    name: 'a firmware file is missing',
    model: '4-b',
    files: { 'fixup4.dat': undefined },
    says: /firmware file "fixup4\.dat" is missing/,
  },
  {
    name: 'gpu_mem of 16 asks for the cut-down firmware',
    model: '4-b',
    files: { 'config.txt': `${CONFIG}gpu_mem=16\n` },
    says: /firmware file "start4cd\.elf" is missing/,
  },
  {
    name: 'bootcode.bin knows no filters, so that start_x for a Pi 4 is one for a Pi 3',
    files: { 'config.txt': `${CONFIG}[pi4]\nstart_x=1\n` },
    says: /firmware file "start_x\.elf" is missing/,
  },
  { name: 'there is no config.txt', files: { 'config.txt': undefined }, says: /there is no config\.txt/ },
  {
    name: 'the flag is set, and there is no tryboot.txt',
    files: { 'tryboot.txt': undefined },
    isTryboot: true,
    says: /there is no tryboot\.txt/,
  },
  {
    name: 'tryboot.txt is all that holds when it is read',
    files: { 'tryboot.txt': 'os_prefix=b/\n' },
    isTryboot: true,
    says: /arm_64bit is not set/,
  },
  { name: 'an autoboot.txt', files: { 'autoboot.txt': 'boot_partition=2\n' }, says: /autoboot\.txt/ },
  {
    name: 'the kernel is missing below os_prefix and in the root',
    files: { 'a/vmlinuz': undefined },
    says: /no kernel vmlinuz below "a\/", and no system in the root/,
  },
  {
    name: 'the device tree of the model is missing',
    model: '400',
    files: { 'a/bcm2711-rpi-400.dtb': undefined },
    says: /no device tree bcm2711-rpi-400\.dtb/,
  },
  {
    name: 'os_prefix without its slash is none',
    files: { 'config.txt': CONFIG.replace('a/', 'a') },
    says: /no kernel vmlinuz below "a"/,
  },
  {
    name: 'device_tree= turns device trees off',
    files: { 'config.txt': `${CONFIG}device_tree=\n` },
    says: /device_tree= is empty/,
  },
  {
    name: 'a kernel that is none',
    files: { 'a/vmlinuz': gzipSync(Buffer.alloc(4096)) },
    says: /no kernel for arm64/,
  },
  {
    name: 'a kernel whose beginning is damaged',
    files: { 'a/vmlinuz': Buffer.concat([Buffer.from('1f8b0800', 'hex'), Buffer.alloc(4096, 0xff)]) },
    says: /GZIPed kernel too large or corrupted/,
  },
  {
    name: 'a device tree that is none',
    files: { 'a/bcm2710-rpi-3-b.dtb': 'no tree' },
    says: /"a\/bcm2710-rpi-3-b\.dtb" is no device tree/,
  },
  {
    name: 'a Pi 5 checks that the tree is for its processor',
    model: '500',
    files: () => ({ 'a/bcm2712-rpi-5-b.dtb': deviceTree('bcm2711') }),
    says: /os_check finds none of bcm2712-rpi-5-b\.dtb/,
  },
  {
    name: 'a CM5 checks one of its own trees',
    model: 'cm5l-cm4io',
    files: { 'a/bcm2712-rpi-cm5-cm5io.dtb': undefined, 'a/bcm2712-rpi-cm5l-cm5io.dtb': undefined },
    says: /os_check finds none of bcm2712-rpi-cm5-cm5io\.dtb, bcm2712-rpi-cm5l-cm5io\.dtb/,
  },
  {
    name: 'a Pi 5 of the D0 stepping needs its overlay',
    model: '5-b-d0',
    files: { 'a/overlays/bcm2712d0.dtbo': undefined },
    says: /overlay "bcm2712d0" is missing/,
  },
];

for (const { name, model = '3-b', files, options, isTryboot, says } of STOPS) {
  test(`nothing starts: ${name}`, async (t) => {
    if (!canMakeCards(t)) return;
    const card = await makeCard(t, wholeCard(typeof files === 'function' ? files() : files), options);
    await assert.rejects(startFrom(card, piModel(model), { isTryboot: isTryboot ?? false }), (error) => {
      assert.ok(error instanceof FirmwareStop, String(error));
      assert.match(error.message, says);
      return true;
    });
  });
}

test('a disk without a GPT starts all models, one without an MBR the later ones at most', async (t) => {
  if (!canMakeCards(t)) return;
  const reports = await checkModels(await makeCard(t, wholeCard(), NO_GPT));
  assert.deepEqual(
    reports.filter(({ start }) => start === undefined),
    [],
  );
  const protective = await checkModels(await makeCard(t, wholeCard(), { mbr: [] }));
  const stopped = protective.filter(({ start }) => start === undefined).map(({ model }) => model);
  assert.deepEqual(stopped, ['3-b', '3-b-plus', 'zero-2-w']);
});

test('a kernel that breaks off is found when it is unpacked whole', async (t) => {
  if (!canMakeCards(t)) return;
  const packed = gzipSync(fakeKernel());
  const card = await makeCard(t, wholeCard({ 'a/vmlinuz': packed.subarray(0, packed.length - 9) }));
  for (const { model, problems } of await checkModels(card))
    assert.match(problems.join(), /GZIPed kernel too large or corrupted/, model);
});

test('a plain kernel starts, too, and other names of kernels and trees count', async (t) => {
  if (!canMakeCards(t)) return;
  const files = {
    'a/vmlinuz': fakeKernel(),
    'other.img': fakeKernel(),
    'a/bcm2710-rpi-zero-2-w.dtb': undefined,
    'a/kernel8.img': fakeKernel(),
  };
  const [three, zero] = [piModel('3-b'), piModel('zero-2-w')];
  const usual = await makeCard(t, wholeCard(files));
  assert.equal((await startFrom(usual, three)).kernelPath, 'a/vmlinuz');
  assert.equal((await startFrom(usual, zero)).deviceTreePath, 'a/bcm2710-rpi-zero-2.dtb');
  const absolute = `${CONFIG}kernel=/other.img\n`;
  assert.equal(
    (await startFrom(await makeCard(t, wholeCard({ ...files, 'config.txt': absolute })), three)).kernelPath,
    'other.img',
  );
  const unnamed = 'arm_64bit=1\nos_prefix=a/\n';
  assert.equal(
    (await startFrom(await makeCard(t, wholeCard({ ...files, 'config.txt': unnamed })), three)).kernelPath,
    'a/kernel8.img',
  );
});

test('os_prefix is dropped as a whole when kernel or tree is missing there', async (t) => {
  if (!canMakeCards(t)) return;
  const files = {
    'a/bcm2710-rpi-3-b.dtb': undefined,
    'bcm2710-rpi-3-b.dtb': deviceTree('bcm2710'),
    vmlinuz: fakeKernel(),
    'cmdline.txt': 'rescue\n',
  };
  const start = await startFrom(await makeCard(t, wholeCard(files)), piModel('3-b'));
  assert.deepEqual([start.osPrefix, start.kernelPath, start.cmdlinePath], ['', 'vmlinuz', 'cmdline.txt']);
  assert.match(start.warnings.join(), /os_prefix "a\/" is ignored/);
});

test('the words of the device tree come first, the watchdog last; serial0 and blanks stay', async (t) => {
  if (!canMakeCards(t)) return;
  const config = `${CONFIG}kernel_watchdog_timeout=60\n`;
  const start = await startFrom(await makeCard(t, wholeCard({ 'config.txt': config })), piModel('4-b'));
  assert.equal(
    start.cmdline,
    'coherent_pool=1M cgroup_disable=memory console=serial0,115200 tskrazy.slot=a    watchdog.open_timeout=60',
  );
  assert.deepEqual(start.warnings, []);
});

test('a command line that leaves the firmware no room is told, and one that is missing', async (t) => {
  if (!canMakeCards(t)) return;
  const long = { 'a/cmdline.txt': `${'x'.repeat(1650)}\nsecond line\n` };
  const start = await startFrom(await makeCard(t, wholeCard(long)), piModel('4-b'));
  assert.match(start.warnings.join(), /command line has 16\d\d characters/);
  assert.ok(!start.cmdline.includes('second'));
  const none = await startFrom(await makeCard(t, wholeCard({ 'a/cmdline.txt': undefined })), piModel('4-b'));
  assert.match(none.warnings.join(), /"a\/cmdline\.txt" is missing or empty/);
});

test('overlays: by map, by model, with parameters in scope, and only beside their README', async (t) => {
  if (!canMakeCards(t)) return;
  const lines = [
    'dtoverlay=w1-gpio,gpiopin=4',
    'dtparam=audio=on,i2c_arm',
    'dtoverlay=',
    'dtparam=gpiopin=5',
    'dtoverlay=old-name',
    'dtoverlay=gone',
    'dtoverlay=only-pi4',
    'dtoverlay=vc4-kms-v3d',
    'dtoverlay=not-there',
    'dtoverlay=broken',
  ];
  const config = `${CONFIG}${lines.join('\n')}\n`;
  const files = { 'config.txt': config, 'a/overlays/broken.dtbo': 'no overlay' };
  const start = await startFrom(await makeCard(t, wholeCard(files)), piModel('5-b'));
  assert.deepEqual(
    start.overlays.applied.map(({ path }) => path),
    ['a/overlays/w1-gpio.dtbo', 'a/overlays/w1-gpio.dtbo', 'a/overlays/vc4-kms-v3d-pi5.dtbo'],
  );
  assert.deepEqual(start.overlays.parameters, ['gpiopin=4', 'audio=on', 'i2c_arm']);
  assert.deepEqual(start.warnings, [
    "Unknown dtparam 'gpiopin' - ignored",
    "overlay 'old-name' has been renamed 'w1-gpio'",
    "overlay 'gone' is deprecated: use w1-gpio",
    "Failed to resolve overlay 'gone'",
    "overlay 'only-pi4' is not supported on the 'bcm2712' platform",
    "Failed to resolve overlay 'only-pi4'",
    "Failed to load overlay 'not-there'",
    "Failed to load overlay 'broken'",
  ]);
  const bare = { 'config.txt': `${CONFIG}dtoverlay=w1-gpio\n`, 'a/overlays/README': undefined };
  const shared = await startFrom(await makeCard(t, wholeCard(bare)), piModel('3-b'));
  assert.deepEqual([shared.overlays.applied, shared.warnings], [[], ["Failed to load overlay 'w1-gpio'"]]);
});
