import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readBoard } from '../read-board.ts';
import { readBootDisk, readFan, readProcessorSensor } from './hardware.ts';

/** A made-up root with these files. */
function fakeRoot(t: TestContext, files: Record<string, string | Uint8Array>): string {
  const root = mkdtempSync(join(tmpdir(), 'tsk-hardware-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

function boardOf(root: string): ReturnType<typeof readBoard> {
  return readBoard({ proc: join(root, 'proc'), sys: join(root, 'sys') });
}

test('readBoard: a Raspberry Pi tells by its device tree', (t) => {
  const root = fakeRoot(t, {
    'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.5\0',
    'proc/device-tree/serial-number': '10000000abcdef01\0',
    'proc/device-tree/system/linux,revision': Uint8Array.of(0x00, 0xc0, 0x31, 0x15),
    'proc/cpuinfo': 'processor\t: 0\nRevision\t: c03115\n',
  });
  assert.deepEqual(boardOf(root), {
    model: 'Raspberry Pi 4 Model B Rev 1.5',
    processor: null,
    revision: 'c03115',
    serialNumber: '10000000abcdef01',
  });
});

test('readBoard: a PC tells by DMI, where its maker has filled it', (t) => {
  const dmi = (serial: string): ReturnType<typeof readBoard> =>
    boardOf(
      fakeRoot(t, {
        'sys/class/dmi/id/sys_vendor': 'LENOVO\n',
        'sys/class/dmi/id/product_name': '10NUS1\n',
        'sys/class/dmi/id/product_version': 'ThinkCentre M710q\n',
        'sys/class/dmi/id/product_serial': `${serial}\n`,
        'proc/cpuinfo': 'model name\t: Intel(R) Core(TM) i3-7100T\n',
      }),
    );
  assert.deepEqual(dmi('PC0ABCDE'), {
    model: 'LENOVO 10NUS1',
    processor: 'Intel(R) Core(TM) i3-7100T',
    revision: 'ThinkCentre M710q',
    serialNumber: 'PC0ABCDE',
  });
  for (const filler of [
    '',
    'Default string',
    'To be filled by O.E.M.',
    'None',
    '0000000',
    'System Serial Number',
  ])
    assert.equal(dmi(filler).serialNumber, null, filler);
});

test('readBoard: what tells nothing has nothing', (t) => {
  const nothing = { model: null, processor: null, revision: null, serialNumber: null };
  assert.deepEqual(boardOf(fakeRoot(t, {})), nothing);
});

/** The disk `name` with a root on its second partition. */
function rootOn(t: TestContext, name: string, partition: string, device: Record<string, string>) {
  const block = `sys/devices/bus/block/${name}`;
  const root = fakeRoot(t, {
    [`${block}/size`]: '62333952\n',
    [`${block}/${partition}/partition`]: '2\n',
    ...Object.fromEntries(
      Object.entries(device).map(([file, text]) => [`${block}/device/${file}`, `${text}\n`]),
    ),
  });
  for (const [link, target] of [
    ['sys/dev/block/179:2', `${block}/${partition}`],
    [`sys/class/block/${name}`, block],
  ] as const) {
    mkdirSync(dirname(join(root, link)), { recursive: true });
    symlinkSync(join(root, target), join(root, link));
  }
  return { path: (path: string) => join(root, path), rootDevice: () => '179:2' };
}

const sizeBytes = 62_333_952 * 512;

test('readBootDisk: an SD card tells its name and its age', (t) => {
  const card = { name: 'SC32G', type: 'SD', date: '08/2023', manfid: '0x000003' };
  assert.deepEqual(readBootDisk(rootOn(t, 'mmcblk0', 'mmcblk0p2', card)), {
    path: '/dev/mmcblk0',
    kind: 'SD card',
    name: 'SC32G',
    madeIn: '08/2023',
    sizeBytes,
    wearPercent: null,
  });
});

test('readBootDisk: eMMC tells its wear, NVMe and USB their models, and virtio nothing', (t) => {
  const emmc = readBootDisk(
    rootOn(t, 'mmcblk0', 'mmcblk0p2', { name: 'BJTD4R', type: 'MMC', life_time: '0x01 0x03' }),
  );
  assert.deepEqual([emmc?.kind, emmc?.wearPercent], ['eMMC', 30]);
  const nvme = readBootDisk(rootOn(t, 'nvme0n1', 'nvme0n1p2', { model: 'Samsung SSD 980' }));
  assert.deepEqual([nvme?.kind, nvme?.name], ['NVMe', 'Samsung SSD 980']);
  const usb = readBootDisk(rootOn(t, 'sda', 'sda2', { vendor: 'JMicron ', model: 'Tech' }));
  assert.deepEqual([usb?.kind, usb?.name], ['disk', 'JMicron Tech']);
  const virtio = readBootDisk(rootOn(t, 'vda', 'vda2', { vendor: '0x1af4' }));
  assert.deepEqual([virtio?.kind, virtio?.name], ['disk', null]);
});

test('readBootDisk: a root that is on no disk', (t) => {
  const root = fakeRoot(t, {});
  assert.equal(readBootDisk({ path: (path) => join(root, path), rootDevice: () => '0:22' }), null);
});

test('fan and processor of a PC are found by what their monitors are called', (t) => {
  const sys = join(
    fakeRoot(t, {
      'sys/class/hwmon/hwmon0/name': 'acpitz\n',
      'sys/class/hwmon/hwmon0/temp1_input': '27800\n',
      'sys/class/hwmon/hwmon1/name': 'coretemp\n',
      'sys/class/hwmon/hwmon1/temp1_input': '45000\n',
      'sys/class/hwmon/hwmon2/name': 'pwmfan\n',
      'sys/class/hwmon/hwmon2/fan1_input': '2874\n',
    }),
    'sys',
  );
  assert.equal(readFan(sys), 2874);
  assert.equal(readProcessorSensor(sys), 45);
  assert.equal(readFan('/nowhere'), null);
  assert.equal(readProcessorSensor('/nowhere'), null);
});
