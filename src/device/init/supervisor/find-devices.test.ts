import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { findDevices, findPwmChip } from './find-devices.ts';

const TREE = '/sys/firmware/devicetree/base';

/** Links to nodes that this computer has, in place of nodes, which only root makes. */
function put(sys: RecordingSys, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(sys.path(path)), { recursive: true });
    symlinkSync('/dev/null', sys.path(path));
  }
}

function find(sys: RecordingSys, device: string): string[] {
  return [...findDevices(sys, device).keys()];
}

test('findDevices finds what matches the last part of the pattern, and files are no devices', () => {
  using sys = new RecordingSys();
  put(sys, '/dev/ttyUSB0', '/dev/ttyUSB1', '/dev/ttyS0', '/dev/snd/pcmC0D0p');
  sys.file('/dev/ttyUSB2', '');
  assert.deepEqual(find(sys, '/dev/ttyUSB*'), ['/dev/ttyUSB0', '/dev/ttyUSB1']);
  assert.deepEqual(find(sys, '/dev/tty*0'), ['/dev/ttyS0', '/dev/ttyUSB0']);
  assert.deepEqual(find(sys, '/dev/snd/*'), ['/dev/snd/pcmC0D0p']);
  assert.deepEqual(find(sys, '/dev/ttyS0'), ['/dev/ttyS0']);
  assert.deepEqual(find(sys, '/dev/tty.S0'), []);
  assert.deepEqual(find(sys, '/dev/video/*'), []);
});

test('a directory stands for all devices in it, but no link leads out of /dev', () => {
  using sys = new RecordingSys();
  put(sys, '/dev/bus/usb/001/001', '/dev/bus/usb/001/002', '/dev/loop0', '/dev/pts/0', '/dev/stdin');
  put(sys, '/elsewhere/secret');
  symlinkSync(sys.path('/elsewhere'), sys.path('/dev/fd'));
  symlinkSync(sys.path('/elsewhere'), sys.path('/dev/bus/out'));
  const usb = ['/dev/bus/usb/001/001', '/dev/bus/usb/001/002'];
  assert.deepEqual(find(sys, '/dev/bus/usb'), usb);
  assert.deepEqual(find(sys, '/dev/*'), [...usb, '/dev/loop0']);
  for (const device of ['/dev/fd', '/dev/fd/*', '/dev/stdin', '/dev/pts/*', '/dev/bus/out'])
    assert.deepEqual(find(sys, device), [], device);
});

/** A chip of the tree, which the label names or not. */
function gpioChip(sys: RecordingSys, name: string, node: string): void {
  mkdirSync(sys.path(`${TREE}${node}`), { recursive: true });
  mkdirSync(sys.path('/sys/bus/gpio/devices'), { recursive: true });
  mkdirSync(sys.path(`/sys/devices/${name}`), { recursive: true });
  symlinkSync(sys.path(`${TREE}${node}`), sys.path(`/sys/devices/${name}/of_node`));
  symlinkSync(`../../../devices/${name}`, sys.path(`/sys/bus/gpio/devices/${name}`));
  put(sys, `/dev/${name}`);
}

test('"gpio" is the chip of the header, whatever its number', () => {
  using sys = new RecordingSys();
  gpioChip(sys, 'gpiochip0', '/soc/firmware/expgpio');
  gpioChip(sys, 'gpiochip4', '/axi/pcie@1000120000/rp1/gpio@d0000');
  // A tree without labels says of none that it is the header's.
  assert.deepEqual(find(sys, 'gpio'), []);
  sys.file(`${TREE}/__symbols__/gpio`, '/axi/pcie@1000120000/rp1/gpio@d0000\0');
  assert.deepEqual(find(sys, 'gpio'), ['/dev/gpiochip4']);
  assert.deepEqual(find(sys, '/dev/gpiochip*'), ['/dev/gpiochip0', '/dev/gpiochip4']);
});

test('"pwm" is the chip of the header, and not the one that drives the fan', () => {
  using sys = new RecordingSys();
  assert.equal(findPwmChip(sys), undefined);
  for (const [chip, node] of [
    ['pwmchip0', '/rp1/pwm@9c000'],
    ['pwmchip2', '/rp1/pwm@98000'],
  ] as const) {
    mkdirSync(sys.path(`${TREE}${node}`), { recursive: true });
    const device = `/sys/devices/${chip}.pwm`;
    mkdirSync(sys.path(`${device}/pwm/${chip}`), { recursive: true });
    symlinkSync(sys.path(`${TREE}${node}`), sys.path(`${device}/of_node`));
    mkdirSync(sys.path('/sys/class/pwm'), { recursive: true });
    symlinkSync(sys.path(`${device}/pwm/${chip}`), sys.path(`/sys/class/pwm/${chip}`));
  }
  sys.file(`${TREE}/__symbols__/pwm`, '/rp1/pwm@98000\0');
  assert.equal(findPwmChip(sys), sys.path('/sys/devices/pwmchip2.pwm/pwm/pwmchip2'));
  assert.deepEqual(find(sys, 'pwm'), []);
});

test('names stand for their nodes', () => {
  using sys = new RecordingSys();
  put(sys, '/dev/i2c-1', '/dev/i2c-10', '/dev/spidev0.0', '/dev/spidev0.1', '/dev/spidev10.0', '/dev/video0');
  assert.deepEqual(find(sys, 'i2c-1'), ['/dev/i2c-1']);
  assert.deepEqual(find(sys, 'spi0'), ['/dev/spidev0.0', '/dev/spidev0.1']);
  assert.deepEqual(find(sys, 'video'), ['/dev/video0']);
  assert.deepEqual(find(sys, '1-wire'), []);
});
