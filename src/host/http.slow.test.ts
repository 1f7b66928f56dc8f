import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('http loads no undici, and what asks a device takes it', () => {
  const modules = ['./http.ts', './devices/device-client.ts', './vm/answers.ts', './build/build-image.ts'];
  const script = `
    for (const path of ${JSON.stringify(modules)}) await import(path);
    const loaded = process.moduleLoadList.map((line) => line.replace('NativeModule ', ''));
    console.log(JSON.stringify({ http: loaded.includes('http'), undici: loaded.some((name) => name.includes('undici')) }));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), { http: true, undici: false });
});
