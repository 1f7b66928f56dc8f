import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findInstanceBelow } from './find-instance.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-find-instance-'));
after(() => rmSync(root, { recursive: true }));

test('findInstanceBelow: the only one below, unless there is one here or another beside it', () => {
  const made = (name: string): void => {
    mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, name, 'tskrazy.json'), '{}');
  };
  assert.equal(findInstanceBelow(join(root, 'nowhere')), '.');
  assert.equal(findInstanceBelow(root), '.');
  mkdirSync(join(root, 'photos'));
  made('.trash');
  made('photos/deep');
  assert.equal(findInstanceBelow(root), '.');
  made('pi');
  assert.equal(findInstanceBelow(root), 'pi');
  made('other');
  assert.equal(findInstanceBelow(root), '.');
  rmSync(join(root, 'other'), { recursive: true });
  made('.');
  assert.equal(findInstanceBelow(root), '.');
});
