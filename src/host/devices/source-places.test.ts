// Places in a real bundle, made by the bundler that makes those of the device.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildSync } from 'esbuild';
import { SourcePlaces } from './source-places.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-places-'));
after(() => rmSync(root, { recursive: true, force: true }));

const SOURCE = `interface Plan { reason: string }

export function fail(plan: Plan): never {
  throw new Error(plan.reason);
}

fail({ reason: 'as planned' });
`;

mkdirSync(join(root, 'src'));
writeFileSync(join(root, 'src/main.ts'), SOURCE);
const { outputFiles } = buildSync({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outfile: 'main.cjs',
  format: 'cjs',
  banner: { js: '// one line more' },
  sourcemap: 'external',
  write: false,
});
const code = outputFiles.find(({ path }) => path.endsWith('.cjs'))?.text ?? '';
const map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '';
const maps = join(root, '.tskrazy/source-maps/b1/app/x');
mkdirSync(maps, { recursive: true });
writeFileSync(join(maps, 'main.cjs.map'), map);
writeFileSync(join(maps, 'broken.cjs.map'), map.slice(0, 50));
const line = code.split('\n').findIndex((text) => text.includes('throw new Error')) + 1;
const places = new SourcePlaces(join(root, '.tskrazy'), 'b1');

test('SourcePlaces finds the lines of the user in a stack', () => {
  assert.equal(places.map(`    at fail (/app/x/main.cjs:${line}:9)`), '    at fail (src/main.ts:4:9)');
  assert.equal(places.map(`at file:///app/x/main.cjs:${line}:9`), 'at src/main.ts:4:9');
  assert.equal(places.map(`/app/x/main.cjs:${line}`), 'src/main.ts:4');
});

test('SourcePlaces leaves alone what it does not know', () => {
  for (const text of [
    'nothing of the kind',
    '/app/x/main.cjs:1:1',
    '/app/x/main.cjs:99999:1',
    '/app/y/main.cjs:3:1',
    '/app/x/broken.cjs:3:1',
    '/app/../../../../etc/passwd:1:1',
    'at node:internal/timers:1:2',
  ]) {
    assert.equal(places.map(text), text);
  }
  const other = new SourcePlaces(join(root, '.tskrazy'), 'b2');
  assert.equal(other.map(`/app/x/main.cjs:${line}:9`), `/app/x/main.cjs:${line}:9`);
});
