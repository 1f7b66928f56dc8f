import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUevent } from './uevent.ts';

test('parseUevent reads what the kernel announces', () => {
  const text = 'add@/devices/usb1/1-1:1.0\0ACTION=add\0SUBSYSTEM=usb\0MODALIAS=usb:v046Dp0825\0SEQNUM=7\0';
  assert.deepEqual(parseUevent(Buffer.from(text)), {
    action: 'add',
    path: '/devices/usb1/1-1:1.0',
    modalias: 'usb:v046Dp0825',
    devname: undefined,
  });
});

test('parseUevent knows the node of a device', () => {
  const text = 'remove@/devices/x/tty/ttyUSB0\0ACTION=remove\0DEVNAME=ttyUSB0\0';
  assert.equal(parseUevent(Buffer.from(text))?.devname, 'ttyUSB0');
});

test('parseUevent knows a device without a name for its driver', () => {
  assert.equal(parseUevent(Buffer.from('add@/devices/virtual/mem/null\0ACTION=add\0'))?.modalias, undefined);
});

for (const text of ['', 'libudev\0\xfe\xed\xca\xfe', 'add@', 'ADD@/x\0']) {
  test(`parseUevent takes ${JSON.stringify(text)} for none`, () => {
    assert.equal(parseUevent(Buffer.from(text, 'latin1')), undefined);
  });
}
