import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeOptions } from './node-options.ts';

function run(code: string, options: string): string {
  return execFileSync(process.execPath, ['-e', code], { encoding: 'utf8', env: { NODE_OPTIONS: options } });
}

const OPTIONS = nodeOptions({ env: {} }, '/nowhere');

test('Node.js takes them', () => {
  const seen = run(
    `console.log(JSON.stringify([process.debugPort, process.report.reportOnUncaughtException,
      process.report.reportOnFatalError, process.report.directory, process.report.excludeEnv]))`,
    OPTIONS,
  );
  assert.deepEqual(JSON.parse(seen), [0, true, true, '/nowhere', true]);
});

test('workers of a cluster start: of the port 0 they would be given 1, 2, ...', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-cluster-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'main.cjs');
  const code = `
    const cluster = require('node:cluster');
    if (cluster.isPrimary) cluster.fork().on('exit', (code) => console.log('exit', code));
    else process.exit(process.debugPort === 0 ? 7 : 8);`;
  writeFileSync(file, code);
  const of = (options: string): string =>
    execFileSync(process.execPath, [file], {
      encoding: 'utf8',
      env: { NODE_OPTIONS: options },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  assert.equal(of(OPTIONS), 'exit 7\n');
  // What the backslash is for.
  assert.equal(of('--inspect-port=0'), 'exit 9\n');
});

test("an app's own options stay, and count", () => {
  const own = nodeOptions(
    { env: { NODE_OPTIONS: '--max-old-space-size=77 --report-directory=/mine' } },
    '/nowhere',
  );
  const code =
    'console.log(process.report.directory, require("node:v8").getHeapStatistics().heap_size_limit < 2e8)';
  assert.equal(run(code, own), '/mine true\n');
});

test('without a place for reports there are none', () => {
  assert.equal(
    run('console.log(process.report.reportOnUncaughtException)', nodeOptions({ env: {} }, undefined)),
    'false\n',
  );
});
