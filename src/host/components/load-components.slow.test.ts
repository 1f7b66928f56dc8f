// Loading with nothing but local things: a kernel module over the GOPROXY protocol, directories. The real
// registries are in test/tools/components.test.ts.

import assert from 'node:assert/strict';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sourceContext, type TestSourceContext } from '../../../test/support/builds/component-context.ts';
import { type FileServer, startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeZip } from '../../../test/support/formats/make-archives.ts';
import { makeElf } from '../../../test/support/formats/make-elf.ts';
import { makeKernelHead } from '../../../test/support/formats/make-kernel.ts';
import type { ComponentOverrides } from './component-override.ts';
import { loadComponents, type LoadOptions } from './load-components.ts';
import type { Lock } from './lock-file.ts';
import { resolveGoModule } from './go-source.ts';

const MODULE = 'github.com/gokrazy/kernel.arm64';
const VERSION = 'v1.2.3';
const ZIP_PATH = `/github.com/gokrazy/kernel.arm64/@v/${VERSION}.zip`;

function kernelZip(image: Uint8Array): Uint8Array {
  const prefix = `${MODULE}@${VERSION}`;
  return makeZip({
    [`${prefix}/vmlinuz`]: image,
    [`${prefix}/LICENSE`]: 'licence',
    [`${prefix}/lib/modules/7.1/modules.dep`]: '',
    [`${prefix}/cmdline.txt`]: 'root=/dev/sda2',
  });
}

interface Setup {
  context: TestSourceContext;
  server: FileServer;
  options: LoadOptions;
}

/** A lock with only a kernel in it, and a proxy that has that kernel. */
async function setUp(t: TestContext, image = makeKernelHead('arm64')): Promise<Setup> {
  const server = await startFileServer(t, { [ZIP_PATH]: kernelZip(image) });
  const context = await sourceContext(t, { GOPROXY: server.url });
  const resolving = await sourceContext(t, { GOPROXY: server.url });
  const kernel = await resolveGoModule(resolving, 'kernel', MODULE, VERSION);
  const lock: Lock = { formatVersion: 1, createdAtSec: 0, boards: { 'pc-arm64': { kernel } } };
  const { board, report, environment, offline } = context;
  const cacheDirectory = context.cache.directory;
  return {
    context,
    server,
    options: { board, lock, cacheDirectory, offline, report, environment, names: ['kernel'] },
  };
}

test('loadComponents keeps the files that the image needs, and asks the network once', async (t) => {
  const { options, server } = await setUp(t);
  const kernel = (await loadComponents(options)).get('kernel');
  assert.equal(kernel?.version, VERSION);
  assert.deepEqual(
    kernel?.files.map((file) => file.path),
    ['LICENSE', 'lib/modules/7.1/modules.dep', 'vmlinuz'],
  );
  const requests = server.requests.length;
  assert.deepEqual((await loadComponents({ ...options, offline: true })).get('kernel'), kernel);
  assert.equal(server.requests.length, requests);
});

test('loadComponents restores a file that was damaged in the cache, from the blob when offline', async (t) => {
  const { options, context } = await setUp(t);
  const kernel = (await loadComponents(options)).get('kernel');
  await writeFile(join(kernel?.directory ?? '', 'vmlinuz'), 'damaged');
  assert.deepEqual((await loadComponents({ ...options, offline: true })).get('kernel'), kernel);
  assert.match(
    context.progress.join('\n'),
    /kernel: "vmlinuz" has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64} in the cache, restoring/,
  );
});

test('two loads at the same time download once', async (t) => {
  const { options, server } = await setUp(t);
  const requests = server.requests.length;
  const [first, second] = await Promise.all([loadComponents(options), loadComponents(options)]);
  assert.deepEqual(first, second);
  assert.equal(server.requests.length, requests + 1);
});

test('loadComponents says what the lock lacks', async (t) => {
  const { options } = await setUp(t);
  await assert.rejects(loadComponents({ ...options, names: ['node'] }), {
    name: 'UserError',
    message: 'Cannot load component node: tskrazy.lock.json has no entry for it and board pc-arm64',
    hint: 'Run "tsk get"',
  });
});

test('loadComponents refuses a kernel that the board cannot start', async (t) => {
  const cases = [
    [makeKernelHead('amd64'), ' is for x86_64, the board needs aarch64'],
    [makeKernelHead('arm64', { peMachine: 0x1c2 }), ' has no EFI stub'],
    [
      Buffer.from('\x1f\x8b gzip', 'latin1'),
      ': Cannot use kernel image: it is compressed by gzip, and a plain image is needed',
    ],
  ] as const;
  for (const [image, reason] of cases) {
    const { options, context } = await setUp(t, image);
    await assert.rejects(loadComponents(options), {
      name: 'UserError',
      message: `Cannot use component kernel for board pc-arm64: "vmlinuz" of ${MODULE}${reason}`,
    });
    assert.deepEqual(await readdir(join(context.cache.directory, 'temporary')), []);
  }
});

test('a cache that cannot be written is an error that names it', async (t) => {
  const { options, context } = await setUp(t);
  const { directory } = context.cache;
  await writeFile(directory, 'a file where the cache should be');
  await assert.rejects(loadComponents(options), {
    name: 'UserError',
    message: `Cannot use the component cache "${directory}": a file is where a directory should be`,
    hint: 'Move that file away, or set XDG_CACHE_HOME',
  });
  await rm(directory);
  // Not even root can make a directory there.
  await symlink('/sys', directory);
  await assert.rejects(loadComponents(options), (error: Error & { hint?: string }) => {
    assert.equal(error.name, 'UserError');
    assert.match(
      error.message,
      /^Cannot use the component cache ".*": (permission denied|the file system is read-only)$/,
    );
    assert.match(error.hint ?? '', /XDG_CACHE_HOME/);
    return true;
  });
});

test('a warm cache serves even when nothing can be written to it', async (t) => {
  const { options } = await setUp(t);
  await loadComponents(options);
  // No lock, no temporary directory: those names are taken by files.
  for (const name of ['locks', 'temporary', 'blobs']) {
    await rm(join(options.cacheDirectory, name), { recursive: true });
    await writeFile(join(options.cacheDirectory, name), '');
  }
  assert.equal((await loadComponents(options)).size, 1);
});

test('a component can be replaced by a directory of the same shape', async (t) => {
  const { options, context } = await setUp(t);
  const directory = join(context.cache.directory, '..', 'own');
  const overrides: ComponentOverrides = {
    kernel: { kind: 'directory', path: directory },
    node: { kind: 'directory', path: directory },
  };
  const load = () => loadComponents({ ...options, overrides, names: ['kernel', 'node'] });
  await assert.rejects(load(), {
    name: 'UserError',
    message: /^Cannot use ".*own" as component kernel: ENOENT/,
  });
  const files = { vmlinuz: makeKernelHead('arm64'), 'bin/node': makeElf({ machine: 62 }) };
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), bytes, { mode: 0o755 });
  }
  await assert.rejects(load(), {
    name: 'UserError',
    message:
      /^Cannot use component node for board pc-arm64: "bin\/node" is for 64-bit x86, the board needs 64-bit Arm$/,
  });
  await writeFile(join(directory, 'bin/node'), makeElf({ machine: 183 }));
  await writeFile(join(directory, 'bin/beside.so'), makeElf({ machine: 40 }));
  await assert.rejects(load(), {
    message: /^Cannot use component node for board pc-arm64: "bin\/beside\.so" is for 32-bit Arm, the board/,
  });
  await rm(join(directory, 'bin/beside.so'));
  // As modules of a kernel have one to its sources: it is a link in the image, and what it leads to is not.
  const sources = join(directory, '..', 'sources');
  await mkdir(sources);
  await writeFile(join(sources, 'Makefile'), 'all:');
  await symlink(sources, join(directory, 'build'));
  const components = await load();
  assert.match(components.get('kernel')?.version ?? '', /^local-[0-9a-f]{12}$/);
  assert.deepEqual(
    components.get('node')?.files.map(({ path, kind }) => `${kind} ${path}`),
    ['file bin/node', 'symlink build', 'file vmlinuz'],
  );
  await rm(join(directory, 'vmlinuz'));
  await assert.rejects(load(), { message: /^Cannot use ".*own" as component kernel: it has no "vmlinuz"$/ });
});

test('a lock entry for another package than the instance wants does not count', async (t) => {
  const { options } = await setUp(t);
  const overrides: ComponentOverrides = { kernel: { kind: 'package', name: 'example.org/my/kernel' } };
  await assert.rejects(loadComponents({ ...options, overrides }), {
    message: /has no entry for it and board/,
  });
  const impossible: ComponentOverrides = { libc: { kind: 'package', name: 'musl' } };
  await assert.rejects(
    loadComponents({ ...options, lock: lockWithLibc(options.lock), overrides: impossible, names: ['libc'] }),
    {
      name: 'UserError',
      message: 'Cannot replace component libc by "musl": it is made of several Debian packages',
    },
  );
});

function lockWithLibc(lock: Lock): Lock {
  const libc = { source: 'debian' as const, version: '1', packages: [] };
  return { ...lock, boards: { 'pc-arm64': { ...lock.boards['pc-arm64'], libc } } };
}
