import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from './package-root.ts';

const { directory, version } = packageRoot();
const CACHE_MODULE = JSON.stringify(join(directory, 'src', 'host', 'compile-cache.ts'));

/** Runs tsk with its caches in `cacheHome`. */
function printVersion(cacheHome: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(directory, 'bin', 'tsk.ts'), '-V'], {
    encoding: 'utf8',
    env: { HOME: cacheHome, XDG_CACHE_HOME: cacheHome },
  });
}

test('enableCompileCache keeps what tsk has loaded, in a directory of this version', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tsk-compiled-'));
  t.after(() => rmSync(home, { recursive: true }));
  assert.equal(printVersion(home).status, 0);
  const compiled = join(home, 'tskrazy', 'compiled', version);
  const [ofThisNode = '', ...others] = readdirSync(compiled);
  assert.deepEqual(others, []);
  const kept = readdirSync(join(compiled, ofThisNode));
  assert.ok(kept.length > 20, `only ${kept.length} modules were kept`);
  assert.equal(printVersion(home).stdout, `${version}\n`);
});

test('enableCompileCache: a home that cannot be written is no error', () => {
  const { status, stdout, stderr } = printVersion('/dev/null');
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${version}\n`, stderr: '' });
});

test('enableCompileCache: a user without a home is no error', () => {
  const script = `
    const os = require('node:os');
    os.homedir = () => { throw new Error('no home'); };
    require('node:module').syncBuiltinESMExports();
    import(${CACHE_MODULE}).then(({ enableCompileCache }) => enableCompileCache());
  `;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: {} });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
});
