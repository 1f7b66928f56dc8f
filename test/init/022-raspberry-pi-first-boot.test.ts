// The first boot of a Raspberry Pi 3 from a card that was just flashed, whole: a clock that stands at its beginning, a blank
// /perm, Wi-Fi whose driver is a module, the port on the header, and a firmware that is content with its power supply.

import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { test } from 'node:test';
import {
  bootDevice,
  consoleLines,
  KERNEL_MOUNTS,
  PERM_MOUNT,
  prepareDevice,
  service,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { DEVICE_TREE, serialPort } from '../support/init/serial-port.ts';

const MODULES = `/lib/modules/${release()}`;
const DEP = 'brcmutil.ko:\nbrcmfmac.ko: brcmutil.ko\nbrcmfmac-cyw.ko: brcmfmac.ko brcmutil.ko\n';
const UART = '/soc/serial@7e215040';
/** How often the firmware is asked depends on when the screen is drawn and somebody looks at the status. */
const ASKS_FIRMWARE = /^firmware property 0x30046: 0$/;

function raspberryPi3(): RecordingSys {
  const sys = new RecordingSys({ firmwareProperty: () => 0 });
  const net = service('net', { kind: 'system', argv: ['/tsk/net'], dataDir: '/run/tsk/net' });
  prepareDevice(sys, {
    board: 'raspberry-pi',
    buildTimeSec: Date.UTC(2090, 0, 1) / 1000,
    services: [service('app'), net],
  });
  sys.file('/dev/vcio', '');
  sys.file('/proc/device-tree/model', 'Raspberry Pi 3 Model B Rev 1.2\0');
  serialPort(sys, 'ttyS0', UART);
  sys.file(`${DEVICE_TREE}/aliases/serial0`, `${UART}\0`);
  sys.file(`${MODULES}/modules.dep`, DEP);
  sys.file(`${MODULES}/modules.alias`, 'alias sdio:c*v02D0dA9A6* brcmfmac\n');
  sys.file('/proc/sys/kernel/modprobe', '/sbin/modprobe\n');
  sys.file('/sys/devices/platform/soc/mmc1/modalias', 'sdio:c00v02D0dA9A6\n');
  return sys;
}

test('golden log: the first boot of a Raspberry Pi', async () => {
  using sys = raspberryPi3();
  const { device } = await bootDevice(sys);
  assert.deepEqual(
    sys.log.filter((line) => !ASKS_FIRMWARE.test(line)),
    [
      ...KERNEL_MOUNTS,
      'catch ctrl-alt-del',
      'hostname garden',
      'clock 2090-01-01T00:00:00.000Z',
      'interface lo up',
      'spawn /tsk/net in /',
      // For modules, serial adapters and devices of apps.
      'listen to uevents',
      `load ${MODULES}/brcmutil.ko`,
      `load ${MODULES}/brcmfmac.ko roamoff=1 feature_disable=0x282000`,
      `load ${MODULES}/brcmfmac-cyw.ko`,
      'run /tsk/bin/mke2fs -q -t ext4 -L perm -m 10.0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard /dev/vda4 131068k -> 0',
      PERM_MOUNT,
      'spawn /user/app in /perm/home/app',
    ],
  );
  assert.deepEqual(consoleLines(sys), [
    'init: clock was before the build time: set to 2090-01-01T00:00:00.000Z',
    'init: net: started as process 100',
    'init: kernel module brcmfmac loaded (roamoff=1 feature_disable=0x282000), with brcmutil, brcmfmac_cyw',
    'init: formatting /dev/vda4, which is blank: 0.1 GiB',
    'init: /perm is on /dev/vda4: formatted',
    'init: app: started as process 101',
    'init: services started 1234 ms after the kernel',
  ]);
  assert.equal(readlinkSync(sys.path('/dev/serial0')), 'ttyS0');
  assert.deepEqual(device.status().warnings, []);
});
