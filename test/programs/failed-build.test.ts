// Builds that do not come to their end: refused, out of room, interrupted, killed. Nothing half-written stays,
// and what was there before is not harmed.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { sourceOfBytes } from '../../src/formats/byte-source.ts';
import { openFat } from '../../src/formats/fat/volume.ts';
import {
  coldPackedCache,
  copyInstance,
  haveSameBytes,
  leftovers,
  makeRoot,
  runTsk,
  startTsk,
  type TskRun,
  writeConfig,
  writeInstance,
} from '../support/cli/instances.ts';

const root = makeRoot('failed-build');
const original = join(root, 'original');

before(async () => {
  const { code, stderr } = await runTsk(['-i', writeInstance(original, 'pc-amd64'), 'build']);
  assert.equal(code, 0, stderr);
});

let count = 0;
function copyOfInstance(): string {
  count += 1;
  return copyInstance(original, join(root, String(count), 'garden'));
}

function build(directory: string, output: string): Promise<TskRun> {
  return runTsk(['-i', directory, 'build', '--disk', output, '--offline']);
}

/** An output that the build must leave as it is. */
function earlierOutput(directory: string): string {
  const output = join(directory, '..', 'out', 'x.img');
  mkdirSync(dirname(output));
  writeFileSync(output, 'earlier');
  return output;
}

function assertUntouched(directory: string, output: string): void {
  assert.deepEqual(leftovers(directory, output), []);
  assert.equal(readFileSync(output, 'utf8'), 'earlier');
}

test('a build that fails leaves the earlier output as it was', async () => {
  const directory = copyOfInstance();
  const output = earlierOutput(directory);
  writeFileSync(join(directory, 'src', 'main.ts'), 'const = 1;\n');
  const { code, stderr } = await build(directory, output);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: Cannot .*hello/m);
  assertUntouched(directory, output);
});

/** Waits until a file appears that matches; the build under test makes it sooner or later. */
async function appearance(directory: string, pattern: RegExp, ended: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = ended.then(() => (isOver = true));
  const isThere = (): boolean =>
    existsSync(directory) &&
    readdirSync(directory, { recursive: true }).some((name) => pattern.test(String(name)));
  while (!isThere()) {
    if (isOver) return;
    await Promise.race([delay(1), over]);
  }
}

const MOMENTS = [
  {
    when: 'while the root image is packed',
    where: 'garden/.tskrazy',
    what: /^build-.*root\.img$/,
    cold: true,
  },
  { when: 'while the disk is written', where: 'out', what: /\.tmp$/, cold: false },
];

for (const { when, where, what, cold } of MOMENTS) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} ${when} leaves nothing half-written`, async () => {
      const directory = copyOfInstance();
      const output = earlierOutput(directory);
      const env = cold ? coldPackedCache(join(directory, '..', 'cache')) : {};
      const { child, ended } = startTsk(['-i', directory, 'build', '--disk', output, '--offline'], { env });
      await appearance(join(directory, '..', where), what, ended);
      child.kill(signal);
      const { code, stderr } = await ended;
      // The last moment may have come before the signal did.
      if (code === 0 && !cold) return;
      assert.equal(code, signal === 'SIGINT' ? 130 : 143, stderr);
      assert.doesNotMatch(stderr, /bug/);
      assertUntouched(directory, output);
    });
  }
}

test('Ctrl-C before anything is written ends the build', async () => {
  const directory = copyOfInstance();
  const output = earlierOutput(directory);
  rmSync(join(directory, '.tskrazy'), { recursive: true });
  const { child, ended } = startTsk(['-i', directory, 'build', '--new-key', '--disk', output]);
  // The first trace that a build leaves.
  await appearance(directory, /^\.tskrazy$/, ended);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assertUntouched(directory, output);
});

test('what a killed build left goes with the next one', async () => {
  const directory = copyOfInstance();
  const output = earlierOutput(directory);
  const env = coldPackedCache(join(directory, '..', 'cache'));
  const { child, ended } = startTsk(['-i', directory, 'build', '--disk', output, '--offline'], { env });
  await appearance(join(directory, '.tskrazy'), /^build-.*root\.img$/, ended);
  child.kill('SIGKILL');
  await ended;
  assert.equal(leftovers(directory, output).length, 1);
  writeFileSync(join(dirname(output), `.x.img.tsk-${child.pid}.tmp`), 'half');
  assert.equal((await build(directory, output)).code, 0);
  assert.deepEqual(leftovers(directory, output), []);
  assert.ok(statSync(output).size > 2 ** 30);
});

test('two builds of one instance at once both succeed, also with one output', async () => {
  const directory = copyOfInstance();
  const [one, two] = [join(root, 'one.img'), join(root, 'two.img')];
  const runs = await Promise.all([build(directory, one), build(directory, two), build(directory, two)]);
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  assert.ok(haveSameBytes(one, two));
  assert.deepEqual(leftovers(directory, one), []);
});

/** A file system with little room; undefined, and the test skipped, where this process may not make one. */
function mountSmall(t: TestContext, path: string, size: string): string | undefined {
  mkdirSync(path, { recursive: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]).status !== 0) {
    t.skip('only root can mount a small file system');
    return undefined;
  }
  t.after(() => execFileSync('umount', [path]));
  return path;
}

test('a full file system under the output is told, and nothing stays', async (t) => {
  const directory = copyOfInstance();
  const small = mountSmall(t, join(root, 'small-output'), '20m');
  if (small === undefined) return;
  const output = join(small, 'x.img');
  const { code, stderr } = await build(directory, output);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: Cannot write the disk image to ".*x\.img": the file system is full\n$/m);
  assert.deepEqual(readdirSync(small), []);
});

test('a full file system under the instance is told, and nothing stays', async (t) => {
  const small = mountSmall(t, join(root, 'small-instance'), '20m');
  if (small === undefined) return;
  const directory = copyInstance(original, join(small, 'garden'));
  const output = join(root, 'never.img');
  const { code, stderr } = await build(directory, output);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: Cannot build in ".*\.tskrazy": the file system is full\n$/m);
  assert.deepEqual(leftovers(directory, output), []);
  assert.equal(existsSync(output), false);
});

test('a device that is not a file is no output', async () => {
  const { code, stderr } = await build(copyOfInstance(), '/dev/full');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Error: Cannot write the disk image to "\/dev\/full": it exists and is not a regular file\n/,
  );
});

/** A directory of the instance with a kernel that is as good as the lock's. */
async function makeKernelDirectory(directory: string): Promise<string> {
  const bootImage = join(root, 'kernel.boot');
  const { code, stderr } = await runTsk(['-i', directory, 'build', '--boot', bootImage, '--offline']);
  assert.equal(code, 0, stderr);
  const volume = await openFat(sourceOfBytes(readFileSync(bootImage)));
  mkdirSync(join(directory, 'kernel'));
  writeFileSync(join(directory, 'kernel', 'vmlinuz'), await volume.readFile('a/vmlinuz'));
  return join(directory, 'kernel');
}

test('a kernel from a directory of the instance is used; one that is too large names what weighs most', async () => {
  const directory = copyOfInstance();
  const output = earlierOutput(directory);
  const kernel = await makeKernelDirectory(directory);
  writeConfig(directory, { board: 'pc-amd64', components: { kernel: { directory: './kernel' } } });
  const { code, stdout, stderr } = await runTsk(['-i', directory, 'build', '--json', '--offline']);
  assert.equal(code, 0, stdout + stderr);
  const built = JSON.parse(stdout) as { components: Record<string, string> };
  assert.match(built.components['kernel'] ?? '', /^local-[0-9a-f]{12}$/);

  truncateSync(join(kernel, 'vmlinuz'), 140 * 1024 * 1024);
  const refused = await build(directory, output);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^Error: Cannot build the boot partition: it needs 28\d\.\d MiB, 2\d\.\d MiB more than its partition of 256\.0 MiB\nHint: The largest files, uncompressed:\n +140\.0 MiB {2}vmlinuz \(once for each slot\)\n/m,
  );
  assertUntouched(directory, output);
});

test('two apps of one name are refused at their place', async () => {
  const directory = copyOfInstance();
  const app = `"hello": { "node": "./src/main.ts" }`;
  const config = `{ "hostname": "garden", "board": "pc-amd64", "apps": { ${app}, ${app} } }`;
  writeFileSync(join(directory, 'tskrazy.json'), config);
  const { code, stderr } = await build(directory, join(root, 'never.img'));
  assert.equal(code, 1);
  assert.match(stderr, /tskrazy\.json:1:\d+: .*"hello"/);
});

test('options and variables that cannot be meant are refused', async () => {
  const directory = copyOfInstance();
  const output = join(root, 'never.img');
  const twice = await runTsk(['-i', directory, 'build', '--disk', output, '--boot', output]);
  assert.equal(twice.code, 1);
  assert.equal(
    twice.stderr,
    `Error: Cannot write two images to "${output}"\nHint: Name a file for each of them.\n`,
  );
  const env = { SOURCE_DATE_EPOCH: 'yesterday' };
  const epoch = await runTsk(['-i', directory, 'build', '--offline'], { env });
  assert.equal(epoch.code, 1);
  assert.match(
    epoch.stderr,
    /^Error: Cannot use SOURCE_DATE_EPOCH "yesterday": it is not a number of seconds since 1970\n/,
  );
});
