import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDeviceJson } from './device-json.ts';

test('parseDeviceJson makes texts visible, in names too', () => {
  assert.deepEqual(parseDeviceJson(String.raw`{"a\u001b": ["b\u202ec", 1, null]}`), {
    'a\\x1b': [String.raw`b\u202ec`, 1, null],
  });
});

test('parseDeviceJson takes no answer whose values are nested without end', () => {
  const depth = 200_000;
  assert.throws(() => parseDeviceJson('['.repeat(depth) + ']'.repeat(depth)), SyntaxError);
});
