import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { SourcePlaces } from '../devices/source-places.ts';
import { mapProfile } from './map-profile.ts';

const SOURCE =
  'interface A {\n  x: number;\n}\nfunction work(a: A): number {\n  return a.x * 2;\n}\nwork({ x: 1 });\n';

test('frames and lines of bundles become those of the sources, and all else stays', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-profile-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const { code, map } = transformSync(SOURCE, {
    loader: 'ts',
    sourcemap: 'external',
    sourcefile: 'src/main.ts',
  });
  const path = join(directory, 'source-maps', 'b1', '/app/x/main.cjs.map');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, map);
  const lines = code.split('\n');
  const lineNumber = lines.findIndex((line) => line.startsWith('function work'));
  const columnNumber = lines[lineNumber]?.indexOf('work') ?? 0;
  const frame = {
    functionName: 'work',
    scriptId: '9',
    url: 'file:///app/x/main.cjs',
    lineNumber,
    columnNumber,
  };
  const other = { id: 2, callFrame: { ...frame, url: 'node:fs' }, hitCount: 1 };
  const ticks = [{ line: lineNumber + 2, ticks: 5 }];
  const profile = {
    nodes: [{ id: 1, callFrame: frame, positionTicks: ticks }, other, null, { callFrame: { url: 7 } }],
    samples: [1],
  };
  const mapped = mapProfile(profile, new SourcePlaces(directory, 'b1'), '/garden');
  const url = pathToFileURL('/garden/src/main.ts').href;
  assert.deepEqual(mapped, {
    nodes: [
      {
        id: 1,
        callFrame: { ...frame, url, lineNumber: 3, columnNumber: 9 },
        positionTicks: [{ line: 5, ticks: 5 }],
      },
      other,
      {},
      { callFrame: { url: 7 } },
    ],
    samples: [1],
  });
});

test('what is no profile stays what it is', () => {
  const places = new SourcePlaces('/nowhere', 'b1');
  assert.deepEqual(mapProfile({ nodes: 7 }, places, '/'), { nodes: 7 });
});
