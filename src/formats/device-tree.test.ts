import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  cell,
  type DeviceTree,
  formatDeviceTree,
  text,
} from '../../test/support/raspberry-pi/device-tree.ts';
import { readTopNodeNames } from './device-tree.ts';

function treeOf(names: readonly string[]): Buffer {
  const child = { name: 'deep', properties: new Map([['x', cell(1)]]), children: [] };
  const tree: DeviceTree = {
    root: {
      name: '',
      properties: new Map([['compatible', text('odd')]]),
      children: names.map((name) => ({
        name,
        properties: new Map([['bcm2835', text('y')]]),
        children: [child],
      })),
    },
    reservations: Buffer.alloc(16),
    bootCpu: 0,
  };
  return formatDeviceTree(tree);
}

test('readTopNodeNames gives the names below the root, and none from deeper', () => {
  assert.deepEqual(readTopNodeNames(treeOf([])), []);
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z0-9_-]{1,31}$/)), (names) => {
      assert.deepEqual(readTopNodeNames(treeOf(names)), names);
    }),
    { seed: 3 },
  );
});

test('readTopNodeNames refuses what is none, and what is cut off', () => {
  const whole = treeOf(['w1-gpio']);
  assert.throws(() => readTopNodeNames(Buffer.from('no tree, but some forty characters of something')), {
    name: 'SyntaxError',
    message: 'device tree has no magic at its start',
  });
  for (let length = 0; length < whole.length - 'compatible.x.bcm2835.'.length - 4; length += 1) {
    assert.throws(() => readTopNodeNames(whole.subarray(0, length)), SyntaxError, `${length} bytes`);
  }
  const odd = Buffer.from(whole);
  odd.writeUInt32BE(7, odd.readUInt32BE(8));
  assert.throws(() => readTopNodeNames(odd), { message: /^device tree has token 7 at byte \d+$/ });
});
