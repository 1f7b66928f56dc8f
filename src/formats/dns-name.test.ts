import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameDnsName } from './dns-name.ts';

test('sameDnsName ignores the case of ASCII letters only', () => {
  assert.ok(sameDnsName('Garden.Local', 'garden.local'));
  assert.ok(!sameDnsName('Ä.local', 'ä.local'));
});
