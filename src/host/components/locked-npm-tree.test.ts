import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Lock, parseLock, stringifyLock } from './lock-file.ts';
import type { LockedNpmPackages } from './locked-npm-tree.ts';

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;

function parse(packages: LockedNpmPackages): Lock {
  const lock: Lock = { formatVersion: 1, createdAtSec: 0, boards: {}, npmPrograms: { hub: { packages } } };
  return parseLock(stringifyLock(lock), 'x');
}

test('lockedNpmProgram: packages with hashes, and what is a part of them', () => {
  const packages = {
    'node_modules/hub': { version: '1.0.0', integrity: INTEGRITY, optional: true },
    'node_modules/@a/b/node_modules/c': { version: '1.0.0', integrity: INTEGRITY },
    'node_modules/npm/node_modules/inner': { version: '1.0.0', inBundle: true },
    'node_modules/hub/lib/own': { version: '1.0.0' },
    'node_modules/own': { resolved: 'node_modules/hub/lib/own', link: true },
  };
  assert.deepEqual(parse(packages).npmPrograms, { hub: { packages } });
});

test('lockedNpmProgram: nothing leads npm out of the tree, or to what has no hash', () => {
  const refused: Record<string, LockedNpmPackages[string]> = {
    '../x': { version: '1.0.0', integrity: INTEGRITY },
    'node_modules/../../x': { version: '1.0.0', integrity: INTEGRITY },
    '/etc': { version: '1.0.0', integrity: INTEGRITY },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/@a/b': { version: '1.0.0', resolved: 'http://localhost/b.tgz' },
    'node_modules/b': { resolved: '../../etc', link: true },
    'node_modules/c': { version: '1.0.0', inBundle: true, resolved: 'http://localhost/c.tgz' },
    'node_modules/d': { version: '1.0.0', integrity: 'none' },
  };
  for (const [path, entry] of Object.entries(refused)) {
    assert.throws(
      () => parse({ [path]: entry }),
      /^UserError: Cannot read lock file "x": npmPrograms\.hub/,
      path,
    );
  }
});
