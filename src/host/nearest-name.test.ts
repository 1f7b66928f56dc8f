import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from './nearest-name.ts';

const KEYS = ['hostname', 'board', 'apps', 'serialConsole', 'network', 'web'];

test('nearestName: a slip of the fingers finds its word', () => {
  assert.equal(nearestName('hostnam', KEYS), 'hostname');
  assert.equal(nearestName('hsotname', KEYS), 'hostname');
  assert.equal(nearestName('Board', KEYS), 'board');
  assert.equal(nearestName('app', KEYS), 'apps');
  assert.equal(nearestName('serial', KEYS), 'serialConsole');
  assert.equal(nearestName('wbe', KEYS), 'web');
});

test('nearestName: another word finds nothing', () => {
  assert.equal(nearestName('wibble', KEYS), undefined);
  assert.equal(nearestName('x', KEYS), undefined);
  assert.equal(nearestName('hostname', []), undefined);
});
