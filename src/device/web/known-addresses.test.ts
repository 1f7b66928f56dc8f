import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';

import { KnownAddresses } from './known-addresses.ts';

suite('KnownAddresses', () => {
  let perm: string;
  let path: string;
  beforeEach(() => {
    perm = mkdtempSync(join(tmpdir(), 'tsk-known-'));
    mkdirSync(join(perm, 'tskrazy'));
    path = join(perm, 'tskrazy', 'known-addresses.json');
  });
  afterEach(() => rmSync(perm, { recursive: true, force: true }));

  test('outlive a restart', () => {
    new KnownAddresses(path).add('192.0.2.1');
    const next = new KnownAddresses(path);
    assert.deepEqual([next.has('192.0.2.1'), next.has('192.0.2.2')], [true, false]);
  });

  test('are bounded, and the latest stay', () => {
    const known = new KnownAddresses(path);
    for (let last = 1; last <= 70; last++) {
      known.add('198.51.100.1');
      known.add(`192.0.2.${last}`);
    }
    for (const each of [known, new KnownAddresses(path)]) {
      assert.deepEqual(
        ['198.51.100.1', '192.0.2.70', '192.0.2.8', '192.0.2.7'].map((address) => each.has(address)),
        [true, true, true, false],
      );
    }
  });

  test('are found when /perm comes late, and what came before it is kept', () => {
    new KnownAddresses(path).add('192.0.2.1');
    const text = readFileSync(path, 'utf8');
    rmSync(join(perm, 'tskrazy'), { recursive: true });
    const known = new KnownAddresses(path);
    assert.equal(known.has('192.0.2.1'), false);
    known.add('192.0.2.2');
    mkdirSync(join(perm, 'tskrazy'));
    writeFileSync(path, text);
    assert.deepEqual([known.has('192.0.2.1'), known.has('192.0.2.2')], [true, true]);
    assert.equal(new KnownAddresses(path).has('192.0.2.2'), true);
  });

  for (const text of ['', '["192.0.2.1"', '{"192.0.2.1": true}', '[null, 3, ["192.0.2.1"]]'])
    test(`a file that is damaged has none: ${JSON.stringify(text)}`, () => {
      writeFileSync(path, text);
      const known = new KnownAddresses(path);
      assert.equal(known.has('192.0.2.1'), false);
      known.add('192.0.2.2');
      assert.equal(new KnownAddresses(path).has('192.0.2.2'), true);
    });

  test('a disk that takes nothing keeps nobody out', () => {
    mkdirSync(path);
    const known = new KnownAddresses(path);
    known.add('192.0.2.1');
    assert.equal(known.has('192.0.2.1'), true);
  });
});
