import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName, nearestOfMany } from './nearest-name.ts';

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

test('nearestOfMany: of tens of thousands none is meant but by one slip in a long word', () => {
  const packages = ['dia', 'bip', 'netmate', 'perl', 'strace', 'tcpdump'];
  assert.equal(nearestOfMany('stracee', packages), 'strace');
  assert.equal(nearestOfMany('tcpudmp', packages), 'tcpdump');
  for (const command of ['dig', 'ip', 'netcat', 'perf'])
    assert.equal(nearestOfMany(command, packages), undefined);
});
