import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { test } from 'node:test';
import { ModuleLoader } from '../../src/device/init/modules/module-loader.ts';
import { UeventFeed } from '../../src/device/init/uevents/uevent-feed.ts';
import { type Answers, RecordingSys } from '../support/init/recording-sys.ts';

const DIRECTORY = `/lib/modules/${release()}`;
const HELPER = '/proc/sys/kernel/modprobe';
const UVC = 'usb:v046Dp0825d0012dcEFdsc02dp01ic0Eisc01ip00in00';
const WIFI = 'sdio:c00v02D0dA9A6';

const DEP = `a/brcmutil.ko:
a/brcmfmac.ko: a/brcmutil.ko
a/brcmfmac-wcc.ko: a/brcmfmac.ko a/brcmutil.ko
a/brcmfmac-cyw.ko.xz: a/brcmfmac.ko a/brcmutil.ko
v/uvcvideo.ko: v/videobuf2-v4l2.ko v/videobuf2-common.ko
v/videobuf2-v4l2.ko: v/videobuf2-common.ko
v/videobuf2-common.ko:
v/lonely.ko: v/absent.ko
`;
const ALIAS = `alias usb:v*p*d*dc*dsc*dp*ic0Eisc01ip00in* uvcvideo
alias sdio:c*v02D0dA9A6* brcmfmac
alias pci:lonely lonely
`;

interface Loading {
  sys: RecordingSys;
  said: string[];
  warnings: string[];
  loader: ModuleLoader;
}

/** With devices that call themselves so. */
function prepare(
  modaliases: readonly string[],
  answers: Answers = {},
  words: [string, string][] = [],
): Loading {
  const sys = new RecordingSys(answers);
  sys.file(`${DIRECTORY}/modules.dep`, DEP);
  sys.file(`${DIRECTORY}/modules.alias`, ALIAS);
  sys.file(HELPER, '/sbin/modprobe\n');
  for (const [index, modalias] of modaliases.entries())
    sys.file(`/sys/devices/platform/soc/device${index}/modalias`, `${modalias}\n`);
  const [said, warnings]: string[][] = [[], []];
  const loader = new ModuleLoader({
    sys,
    uevents: new UeventFeed(sys, (text) => warnings!.push(text)),
    kernelArguments: new Map(words),
    say: (text) => said!.push(text),
    warn: (text) => warnings!.push(text),
  });
  return { sys, said: said!, warnings: warnings!, loader };
}

async function load(loading: Loading): Promise<void> {
  loading.loader.start();
  await loading.loader.settled();
}

const uvcChain = ['v/videobuf2-common.ko', 'v/videobuf2-v4l2.ko', 'v/uvcvideo.ko'].map(
  (path) => `load ${DIRECTORY}/${path}`,
);

test('what a device needs is loaded, dependencies first, and once however many ask', async () => {
  const loading = prepare([UVC, UVC.replace('0825', '0826'), 'platform:bcm2835-v4l2']);
  using sys = loading.sys;
  await load(loading);
  assert.deepEqual(sys.log, ['listen to uevents', ...uvcChain]);
  assert.deepEqual(loading.said, ['kernel module uvcvideo loaded, with videobuf2_common, videobuf2_v4l2']);
});

test('a device that comes later is met by the announcement of the kernel', async () => {
  const loading = prepare([]);
  using sys = loading.sys;
  await load(loading);
  sys.announce(`remove@/devices/usb1\0ACTION=remove\0MODALIAS=${UVC}\0`);
  sys.announce('add@/devices/usb1\0ACTION=add\0');
  await loading.loader.settled();
  assert.deepEqual(sys.log, ['listen to uevents']);
  sys.announce(`add@/devices/usb1\0ACTION=add\0MODALIAS=${UVC}\0`);
  await loading.loader.settled();
  assert.deepEqual(sys.log.slice(1), uvcChain);
});

test('announcements that were lost are made good by a look at all devices', async () => {
  const loading = prepare([]);
  using sys = loading.sys;
  await load(loading);
  sys.file('/sys/devices/pci0/usb1/modalias', `${UVC}\n`);
  sys.loseAnnouncements();
  await loading.loader.settled();
  assert.deepEqual(sys.log.slice(1), uvcChain);
});

test('Wi-Fi has its parameters, and its makers follow: in their turn, and offered to the kernel', async () => {
  const loading = prepare([WIFI], {}, [['brcmfmac.roamoff', '0']]);
  using sys = loading.sys;
  await load(loading);
  assert.deepEqual(sys.log.slice(1), [
    `load ${DIRECTORY}/a/brcmutil.ko`,
    `load ${DIRECTORY}/a/brcmfmac.ko roamoff=1 feature_disable=0x282000 roamoff=0`,
    `load ${DIRECTORY}/a/brcmfmac-wcc.ko`,
    `load ${DIRECTORY}/a/brcmfmac-cyw.ko.xz`,
  ]);
  assert.equal(readFileSync(sys.path(HELPER), 'utf8').trim(), '/tsk/bin/load-module');
  assert.equal(readlinkSync(sys.path('/run/tsk/modules/brcmfmac-wcc')), `${DIRECTORY}/a/brcmfmac-wcc.ko`);
  assert.throws(() => readlinkSync(sys.path('/run/tsk/modules/brcmfmac-cyw')));
});

test('a module that the kernel was told to refuse is not tried', async () => {
  const loading = prepare([UVC], {}, [['module_blacklist', 'other,uvcvideo']]);
  using sys = loading.sys;
  await load(loading);
  assert.deepEqual(sys.log, ['listen to uevents']);
});

test('an image without modules for its kernel costs no socket, and the kernel runs no helper', async () => {
  const loading = prepare([UVC]);
  using sys = loading.sys;
  sys.file(`${DIRECTORY}/modules.alias`, 'alias crypto-cmac cmac\n');
  await load(loading);
  assert.deepEqual(sys.log, []);
  assert.equal(readFileSync(sys.path(HELPER), 'utf8').split('\n')[0], '');
});

test('a module whose dependency is not in the image is told of, and others load', async () => {
  const loading = prepare(['pci:lonely', UVC]);
  using sys = loading.sys;
  await load(loading);
  assert.deepEqual(loading.warnings, [
    'Cannot load kernel module "lonely": it needs "v/absent.ko", which the image does not have',
  ]);
  assert.deepEqual(sys.log.slice(1), uvcChain);
});

for (const [code, warnings] of [
  ['ENODEV', []],
  ['ENOEXEC', ['Cannot load kernel module "uvcvideo": its "videobuf2_common" fails with ENOEXEC']],
  ['ETIMEDOUT', ['Cannot load kernel module "uvcvideo": its "videobuf2_common" has not come up within 30 s']],
] as const) {
  test(`a module that ends with ${code}`, async () => {
    const loading = prepare([UVC], { loadModules: async ([first]) => ({ path: first!.path, code }) });
    using _ = loading.sys;
    await load(loading);
    assert.deepEqual(loading.warnings, warnings);
  });
}

test('after three that hang nothing is loaded any more', async () => {
  const loading = prepare([], { loadModules: async ([first]) => ({ path: first!.path, code: 'ETIMEDOUT' }) });
  using sys = loading.sys;
  const names = ['one', 'two', 'three', 'four'];
  sys.file(`${DIRECTORY}/modules.dep`, names.map((name) => `${name}.ko:\n`).join(''));
  sys.file(`${DIRECTORY}/modules.alias`, names.map((name) => `alias pci:${name} ${name}\n`).join(''));
  for (const name of names) sys.file(`/sys/devices/${name}/modalias`, `pci:${name}\n`);
  await load(loading);
  assert.equal(sys.log.filter((line) => line.startsWith('load ')).length, 3);
  assert.match(loading.warnings.at(-1) ?? '', /; no more modules are loaded$/);
});
