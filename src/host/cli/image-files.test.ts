import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sumLeftOut } from '../apps/left-out.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { describeImage } from './image-files.ts';

function image(leftOut: BuiltImage['leftOut']): BuiltImage {
  const manifest = {
    buildId: '7f3a91cc04d2'.padEnd(64, '0'),
    hostname: 'garden',
    board: 'pc-amd64',
    components: {},
    apps: [
      { name: 'sensor', kind: 'node' },
      { name: 'pump', kind: 'go' },
    ],
    root: { sizeBytes: 48_000_000 },
  };
  return { manifest, leftOut, warnings: [] } as unknown as BuiltImage;
}

test('describeImage: what was left out of packages, a line an app, the largest first', () => {
  const rows = sumLeftOut([
    { reason: 'source map', sizeBytes: 1000 },
    { reason: 'foreign binary', sizeBytes: 3_000_000 },
    { reason: 'foreign binary', sizeBytes: 2_000_000 },
    { reason: 'native source', sizeBytes: 40_000 },
    { reason: 'declaration', sizeBytes: 2000 },
    { reason: 'link', sizeBytes: 0 },
    { reason: 'build tool', sizeBytes: 500_000 },
  ]);
  const leftOut = new Map([
    ['sensor', rows],
    ['pump', []],
  ]);
  const { text, value } = describeImage(image(leftOut), [], { whySize: false });
  assert.deepEqual(text.split('\n').slice(1, -1), [
    '  left out of the packages of app sensor: 2 binaries for other machines (5.00 MB), 1 package that only ' +
      'compiles (500 kB), 1 source of an add-on (40.0 kB), 1 type declaration (2.00 kB), 1 source map (1.00 kB), 1 symbolic link (0 B)',
  ]);
  assert.deepEqual((value as { apps: unknown }).apps, [
    { name: 'sensor', kind: 'node', leftOut: rows },
    { name: 'pump', kind: 'go', leftOut: [] },
  ]);
});

function imageOf(parts: BuiltImage['parts']): BuiltImage {
  const apps = [{ name: 'hub', kind: 'node' }];
  const manifest = {
    buildId: 'a'.repeat(32),
    hostname: 'h',
    board: 'pc-amd64',
    apps,
    root: { sizeBytes: 1000 },
  };
  const leftOut = new Map([['hub', [{ reason: 'source map', files: 2, bytes: 3000 }]]]);
  return { manifest, parts, leftOut, warnings: [] } as unknown as BuiltImage;
}

test('describeImage: what weighs most, where that was asked for', () => {
  const parts = Array.from({ length: 22 }, (_, index) => ({
    name: `app hub, package p${index}`,
    files: 1,
    bytes: 22_000 - index * 1000,
    leftOutBytes: index === 1 ? 3000 : 0,
  }));
  const plain = describeImage(imageOf(parts), [], { whySize: false });
  assert.ok(!plain.text.includes('package p0'));
  const { text, value } = describeImage(imageOf(parts), [], { whySize: true });
  assert.deepEqual((value as { parts: unknown }).parts, parts);
  const lines = text.split('\n');
  const at = lines.indexOf('What weighs most, before it is compressed:');
  assert.deepEqual(lines.slice(at, at + 4), [
    'What weighs most, before it is compressed:',
    '  SIZE     FILES  PART',
    '  22.0 kB  1      app hub, package p0',
    '  21.0 kB  1      app hub, package p1   without 3.00 kB',
  ]);
  assert.equal(lines[at + 22], '  3.00 kB  2      2 more');
});
