// Serial adapters on USB, plugged in before the boot and after it, by names as udev gives them.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { test } from 'node:test';
import { AdapterLinks } from '../../src/device/init/serial/adapter-links.ts';
import { UeventFeed } from '../../src/device/init/uevents/uevent-feed.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const PI_4 = '/sys/devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1';
const PC = '/sys/devices/pci0000:00/0000:00:14.0/usb1';

interface Adapter {
  /** Where its USB device lies. */
  device: string;
  terminal: string;
  says: { manufacturer?: string; product?: string; serial?: string; idVendor?: string; idProduct?: string };
  interfaceNumber?: string;
  /** Of a converter; others are terminals by themselves (CDC ACM). */
  port?: string;
}

function subsystem(sys: RecordingSys, directory: string, bus: string): void {
  const target = sys.path(`/sys/bus/${bus}`);
  mkdirSync(target, { recursive: true });
  mkdirSync(sys.path(directory), { recursive: true });
  const link = sys.path(`${directory}/subsystem`);
  rmSync(link, { force: true });
  symlinkSync(relative(sys.path(directory), target), link);
}

/** What the kernel has of it in /sys and /dev; returns the path of its announcement. */
function plugIn(
  sys: RecordingSys,
  { device, terminal, says, interfaceNumber = '00', port }: Adapter,
): string {
  for (const [name, text] of Object.entries(says)) sys.file(`${device}/${name}`, `${text}\n`);
  const place = `${device}/${device.split('/').at(-1)}:1.${Number(interfaceNumber)}`;
  sys.file(`${place}/bInterfaceNumber`, `${interfaceNumber}\n`);
  const ofTerminal = port === undefined ? place : `${place}/${terminal}`;
  if (port !== undefined) {
    sys.file(`${ofTerminal}/port_number`, `${port}\n`);
    subsystem(sys, ofTerminal, 'usb-serial');
  }
  const directory = `${ofTerminal}/tty/${terminal}`;
  mkdirSync(sys.path(directory), { recursive: true });
  symlinkSync('../../', sys.path(`${directory}/device`));
  for (let above = place; above.includes('/usb'); above = dirname(above)) subsystem(sys, above, 'usb');
  const root = device.slice(0, device.indexOf('/usb1'));
  for (let above = root; above !== '/sys/devices'; above = dirname(above)) {
    const name = above.split('/').at(-1) ?? '';
    if (/^\d{4}:/.test(name)) subsystem(sys, above, 'pci');
    else if (/^(?:scb|fd500000.pcie)$/.test(name)) subsystem(sys, above, 'platform');
  }
  mkdirSync(sys.path('/sys/class/tty'), { recursive: true });
  symlinkSync(`../../${directory.slice('/sys/'.length)}`, sys.path(`/sys/class/tty/${terminal}`));
  sys.file(`/dev/${terminal}`, '');
  return directory.slice('/sys'.length);
}

function pullOut(sys: RecordingSys, { device, terminal }: Adapter): void {
  rmSync(sys.path(`/sys/class/tty/${terminal}`));
  rmSync(sys.path(device), { recursive: true });
  rmSync(sys.path(`/dev/${terminal}`));
}

function linksOf(sys: RecordingSys): Record<string, string> {
  const found = ['by-id', 'by-path'].flatMap((kind) =>
    readdirSync(sys.path(`/dev/serial/${kind}`)).map((name): [string, string] => [
      `${kind}/${name}`,
      readlinkSync(sys.path(`/dev/serial/${kind}/${name}`)),
    ]),
  );
  return Object.fromEntries(found);
}

const SONOFF: Adapter = {
  device: `${PI_4}/1-1.3`,
  terminal: 'ttyUSB0',
  port: '0',
  says: { manufacturer: 'ITead', product: 'Sonoff Zigbee 3.0 USB Dongle Plus', serial: '0a1b2c3d4e5f' },
};
const CONBEE: Adapter = {
  device: `${PC}/1-2`,
  terminal: 'ttyACM0',
  says: {
    manufacturer: 'dresden elektronik ingenieurtechnik GmbH',
    product: 'ConBee II',
    serial: 'DE2132111',
  },
};

function followAdapters(sys: RecordingSys, warn: (text: string) => void): void {
  new AdapterLinks({ sys, uevents: new UeventFeed(sys, warn), warn }).start();
}

test('adapters that are there have the names that udev gives them', () => {
  using sys = new RecordingSys();
  for (const adapter of [
    SONOFF,
    CONBEE,
    {
      device: `${PC}/1-3`,
      terminal: 'ttyACM1',
      says: {
        manufacturer: 'Texas Instruments',
        product: 'TI CC2531 USB CDC',
        serial: '__0X00124B0018E2A73A',
      },
    },
    // It says nothing of itself but numbers, and a serial number that is none.
    {
      device: `${PC}/1-4`,
      terminal: 'ttyUSB1',
      port: '1',
      interfaceNumber: '01',
      says: { idVendor: '1a86', idProduct: '7523', product: ' USB/Serial  Ünit ', serial: 'a,b' },
    },
  ])
    plugIn(sys, adapter);
  mkdirSync(sys.path('/sys/devices/virtual/tty/tty1'), { recursive: true });
  symlinkSync('../../devices/virtual/tty/tty1', sys.path('/sys/class/tty/tty1'));
  followAdapters(sys, assert.fail);
  assert.deepEqual(linksOf(sys), {
    'by-id/usb-1a86_USB_Serial_Ünit-if01-port1': '../../ttyUSB1',
    'by-id/usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_0a1b2c3d4e5f-if00-port0': '../../ttyUSB0',
    'by-id/usb-Texas_Instruments_TI_CC2531_USB_CDC___0X00124B0018E2A73A-if00': '../../ttyACM1',
    'by-id/usb-dresden_elektronik_ingenieurtechnik_GmbH_ConBee_II_DE2132111-if00': '../../ttyACM0',
    'by-path/pci-0000:00:14.0-usb-0:2:1.0': '../../ttyACM0',
    'by-path/pci-0000:00:14.0-usb-0:3:1.0': '../../ttyACM1',
    'by-path/pci-0000:00:14.0-usb-0:4:1.1-port1': '../../ttyUSB1',
    'by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0': '../../ttyUSB0',
  });
});

test('one that comes later is named, one that goes is not, and one that comes back as another is found by its name', () => {
  using sys = new RecordingSys();
  followAdapters(sys, assert.fail);
  const path = plugIn(sys, SONOFF);
  sys.announce(`add@${path}\0ACTION=add\0SUBSYSTEM=tty\0`);
  const byId = 'by-id/usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_0a1b2c3d4e5f-if00-port0';
  assert.equal(linksOf(sys)[byId], '../../ttyUSB0');
  pullOut(sys, SONOFF);
  sys.announce(`remove@${path}\0ACTION=remove\0SUBSYSTEM=tty\0`);
  assert.deepEqual(linksOf(sys), {});
  plugIn(sys, { ...SONOFF, terminal: 'ttyUSB3' });
  sys.loseAnnouncements();
  assert.equal(linksOf(sys)[byId], '../../ttyUSB3');
});

test('of two that say the same the first has the name, and the other takes it over when it has gone; what cannot be linked is told', () => {
  using sys = new RecordingSys();
  const [one, other] = [1, 2].map((number) => ({
    ...SONOFF,
    device: `${PC}/1-${number}`,
    terminal: `ttyUSB${number}`,
  })) as [Adapter, Adapter];
  for (const adapter of [one, other]) plugIn(sys, adapter);
  const warnings: string[] = [];
  followAdapters(sys, (text) => warnings.push(text));
  const byId = 'by-id/usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_0a1b2c3d4e5f-if00-port0';
  assert.equal(linksOf(sys)[byId], '../../ttyUSB1');
  pullOut(sys, one);
  sys.loseAnnouncements();
  assert.equal(linksOf(sys)[byId], '../../ttyUSB2');
  // Whatever number the kernel has for a copy that is plugged in later, and although it is a number before.
  plugIn(sys, { ...one, terminal: 'ttyACM9' });
  sys.loseAnnouncements();
  assert.equal(linksOf(sys)[byId], '../../ttyUSB2');
  assert.deepEqual(warnings, []);
  plugIn(sys, { ...CONBEE, says: { manufacturer: 'long '.repeat(25), product: 'Ü'.repeat(126) } });
  sys.loseAnnouncements();
  assert.match(warnings.join(), /^Cannot make the link \/dev\/serial\/by-id\/usb-long_.*ENAMETOOLONG/);
});

test('what an adapter says of itself neither steers a terminal nor hides in one, nor leads anywhere', () => {
  using sys = new RecordingSys();
  plugIn(sys, {
    ...CONBEE,
    says: {
      manufacturer: '../../../dev/sda',
      product: 'a\u009B2J\u202Eb\u200Bc\u2028d\u{E0041}\x1b[m',
      serial: '..',
    },
  });
  followAdapters(sys, assert.fail);
  assert.deepEqual(Object.keys(linksOf(sys)), [
    'by-id/usb-.._.._.._dev_sda_a_2J_b_c_d___m_..-if00',
    'by-path/pci-0000:00:14.0-usb-0:2:1.0',
  ]);
});
