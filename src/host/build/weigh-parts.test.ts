import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RootEntry } from '../root-tree.ts';
import { weighParts } from './weigh-parts.ts';

function file(path: string, origin: string, length: number): RootEntry {
  const content = { kind: 'bytes', bytes: new Uint8Array(length) } as const;
  return { kind: 'file', path, origin, mode: 0o644, layer: 'app:a', content };
}

test('weighParts: the files of each package, component and app together, the heaviest first', () => {
  const link = {
    kind: 'symlink',
    target: 'x',
    path: '/l',
    origin: 'app a',
    mode: 0o777,
    layer: 'app:a',
  } as const;
  assert.deepEqual(
    weighParts([
      file('/app/a/main.cjs', 'app a', 1),
      link,
      file('/app/a/node_modules/x/1', 'app a, package x', 2),
      file('/app/a/node_modules/x/2', 'app a, package x', 3),
      file('/bin/node', 'component node', 4),
    ]),
    [
      { name: 'app a, package x', files: 2, bytes: 5 },
      { name: 'component node', files: 1, bytes: 4 },
      { name: 'app a', files: 1, bytes: 1 },
    ],
  );
});
