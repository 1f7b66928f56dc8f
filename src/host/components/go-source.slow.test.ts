// The GOPROXY protocol without Go: a local server over a module cache tree, laid out as Go's own is.

import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test, type TestContext } from 'node:test';
import { sourceContext } from '../../../test/support/builds/component-context.ts';
import { startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeZip } from '../../../test/support/formats/make-archives.ts';
import { goProxies, proxyLatestVersion } from './go-proxy.ts';
import { resolveGoModule, takeGoModule } from './go-source.ts';
import type { LockedGoModule } from './lock-file.ts';

const MODULE = 'example.org/Acme/kernel';
const VERSION = 'v0.0.0-20260705070735-de680abf072b';
const ZIP = makeZip({
  [`${MODULE}@${VERSION}/vmlinuz`]: 'the kernel'.repeat(5000),
  [`${MODULE}@${VERSION}/LICENSE`]: 'the licence',
  [`${MODULE}@${VERSION}/_build/config`]: 'CONFIG_X=y',
});
/** Upper-case letters are escaped on the way: `!acme`. */
const TREE = {
  '/example.org/!acme/kernel/@v/list': '',
  '/example.org/!acme/kernel/@latest': JSON.stringify({ Version: VERSION }),
  [`/example.org/!acme/kernel/@v/${VERSION}.zip`]: ZIP,
};
const ZIP_PATH = `/example.org/!acme/kernel/@v/${VERSION}.zip`;

const taker = (found: Map<string, string>) => ({
  wants: (path: string) => !path.startsWith('_build/'),
  async take(path: string, content: AsyncIterable<Uint8Array>) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    found.set(path, Buffer.concat(chunks).toString());
  },
});

test('resolveGoModule and takeGoModule fetch a module once over the GOPROXY protocol', async (t) => {
  const server = await startFileServer(t, TREE);
  const context = await sourceContext(t, { GOPROXY: server.url });
  const locked = await resolveGoModule(context, 'kernel', MODULE);
  assert.equal(locked.version, VERSION);
  assert.match(locked.sum, /^h1:.{43}=$/);
  const found = new Map<string, string>();
  await takeGoModule(context, 'kernel', locked, taker(found));
  assert.deepEqual([...found.keys()], ['vmlinuz', 'LICENSE']);
  assert.equal(found.get('LICENSE'), 'the licence');
  assert.deepEqual(server.requests, [
    'GET /example.org/!acme/kernel/@v/list',
    'GET /example.org/!acme/kernel/@latest',
    `GET ${ZIP_PATH}`,
  ]);
});

test('takeGoModule reports its progress with sizes and finds its blob offline later', async (t) => {
  const server = await startFileServer(t, TREE);
  const first = await sourceContext(t, { GOPROXY: server.url });
  const locked = await resolveGoModule(await sourceContext(t, { GOPROXY: server.url }), 'kernel', MODULE);
  await takeGoModule(first, 'kernel', locked, taker(new Map()));
  assert.deepEqual(first.progress, [
    `start kernel ${VERSION} (${ZIP.length})`,
    `done kernel ${VERSION}: ${ZIP.length} bytes, 0.0 MB`,
  ]);
  const found = new Map<string, string>();
  await takeGoModule({ ...first, offline: true, environment: {} }, 'kernel', locked, taker(found));
  assert.equal(found.size, 2);
});

test('the latest version is a release, else a pre-release, else what the proxy says or lists', async (t) => {
  const list = '/example.org/!acme/kernel/@v/list';
  const latest = '/example.org/!acme/kernel/@latest';
  const pseudo = 'v0.0.0-20240101000000-aaaaaaaaaaaa';
  const cases = [
    [{ [list]: `v1.9.0\nv1.10.0\nv2.0.0-rc.1\n${pseudo}\n`, [latest]: '{}' }, 'v1.10.0'],
    [{ [list]: `v2.0.0-rc.1\n${pseudo}\n` }, 'v2.0.0-rc.1'],
    [{ [list]: `${pseudo}\n`, [latest]: `{"Version":"${VERSION}"}` }, VERSION],
    [{ [list]: `${pseudo}\n${VERSION}\n` }, VERSION],
  ] as const;
  for (const [files, version] of cases) {
    const server = await startFileServer(t, files);
    const environment = { GOPROXY: server.url };
    const query = { component: 'kernel', module: MODULE, environment, isPinned: false };
    assert.equal(await proxyLatestVersion(query), version);
  }
});

test('goProxies reads GOPROXY as Go does, also from the file of "go env -w"', async (t) => {
  const { environment } = await sourceContext(t);
  assert.deepEqual(await goProxies({ ...environment, GOPROXY: 'http://a/,http://b|direct' }), [
    { url: 'http://a', fallsBackOnAnyError: false },
    { url: 'http://b', fallsBackOnAnyError: true },
  ]);
  const file = join(environment['HOME'] ?? '', '.config', 'go', 'env');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'GOFLAGS=-x\nGOPROXY=http://c\n');
  assert.deepEqual(await goProxies(environment), [{ url: 'http://c', fallsBackOnAnyError: false }]);
  const cases = [
    [{ ...environment, HOME: '/nowhere' }, 'Go is not installed and GOPROXY is not set'],
    [{ GOPROXY: 'off' }, 'GOPROXY is "off", which names no proxy'],
    [{ GOPROXY: 'direct' }, 'GOPROXY is "direct", which names no proxy'],
    [{ GOPROXY: 'ftp://x' }, '"ftp://x" in GOPROXY is no http, https or file address'],
  ] as const;
  for (const [variables, reason] of cases) {
    await assert.rejects(goProxies(variables), {
      name: 'UserError',
      message: `Cannot download Go modules: ${reason}`,
      hint: 'Install Go, or set GOPROXY to the address of a Go module proxy',
    });
  }
});

test('a proxy that has no such module is followed by the next; so is a broken one before "|"', async (t) => {
  const empty = await startFileServer(t, {});
  const server = await startFileServer(t, TREE);
  const afterMissing = await sourceContext(t, { GOPROXY: `${empty.url},${server.url}` });
  assert.equal((await resolveGoModule(afterMissing, 'kernel', MODULE)).version, VERSION);
  const closed = await closedPort(t);
  const afterBroken = await sourceContext(t, { GOPROXY: `${closed}|${server.url}` });
  assert.equal((await resolveGoModule(afterBroken, 'kernel', MODULE)).version, VERSION);
});

test('a module cache directory serves as a proxy through a file address', async (t) => {
  const context = await sourceContext(t);
  const root = join(context.cache.directory, '..', 'modules');
  for (const [path, content] of Object.entries(TREE)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const environment = { ...context.environment, GOPROXY: pathToFileURL(root).href };
  const locked = await resolveGoModule({ ...context, environment }, 'kernel', MODULE);
  assert.equal(locked.version, VERSION);
});

test('a module without a known hash is not taken over plain http', async (t) => {
  const context = await sourceContext(t, { GOPROXY: 'http://user:secret@proxy.invalid' });
  await assert.rejects(resolveGoModule(context, 'kernel', MODULE), {
    name: 'UserError',
    message:
      'Cannot trust Go module proxy "http://proxy.invalid/": it is not reached by https, ' +
      'and tskrazy.lock.json has no hash of component kernel yet',
  });
});

test('a module that no proxy has is an error that names the component and the module', async (t) => {
  const server = await startFileServer(t, {});
  const context = await sourceContext(t, { GOPROXY: server.url });
  await assert.rejects(resolveGoModule(context, 'kernel', MODULE), {
    name: 'UserError',
    message:
      `Cannot download component kernel: Go module "${MODULE}": the server answered 404 (not found) ` +
      `for "${server.url}/example.org/!acme/kernel/@v/list"`,
    hint: 'Check GOPROXY and the version in tskrazy.lock.json',
  });
});

test('no network is an error that names the component and from where it should come', async (t) => {
  const closed = await closedPort(t);
  const context = await sourceContext(t, { GOPROXY: closed });
  await assert.rejects(takeGoModule(context, 'kernel', await lockedModule(t), taker(new Map())), {
    name: 'UserError',
    message: new RegExp(`^Cannot download component kernel from "${closed}/?": connect ECONNREFUSED`),
    hint: 'Check the network connection and proxy settings, then run the command again',
  });
});

test('a wrong hash names component, expected and got, and leaves nothing behind', async (t) => {
  const locked = await lockedModule(t);
  const changed = makeZip({ [`${MODULE}@${VERSION}/vmlinuz`]: 'another kernel' });
  const server = await startFileServer(t, { ...TREE, [ZIP_PATH]: changed });
  const context = await sourceContext(t, { GOPROXY: server.url });
  await assert.rejects(takeGoModule(context, 'kernel', locked, taker(new Map())), (error: Error) => {
    const [, expected, got] = /: expected (h1:\S+), got (h1:\S+)$/.exec(error.message) ?? [];
    assert.equal(expected, locked.sum);
    assert.notEqual(got, locked.sum);
    assert.ok(
      error.message.startsWith(`Cannot use component kernel: "${MODULE}@${VERSION}" has a wrong hash`),
    );
    return true;
  });
  assert.deepEqual(await readdir(join(context.cache.directory, 'blobs')), []);
});

test('a download that is cut off resumes at the next try', async (t) => {
  const locked = await lockedModule(t);
  const server = await startFileServer(t, { ...TREE, [ZIP_PATH]: { bytes: ZIP, cuts: [100] } });
  const context = await sourceContext(t, { GOPROXY: server.url });
  const { report } = context;
  context.report = {
    start(what, total) {
      const step = report.start(what, total);
      // The first bytes are on the disk now.
      return { ...step, advance: (bytes) => (step.advance(bytes), server.breakConnection()) };
    },
  };
  await takeGoModule(context, 'kernel', locked, taker(new Map()));
  assert.deepEqual(server.requests, [`GET ${ZIP_PATH}`, `GET ${ZIP_PATH} bytes=100-`]);
  assert.equal(context.progress.at(-1), `done kernel ${VERSION}: ${ZIP.length} bytes, 0.0 MB`);
});

test('a download that ends early every time is an error, and what came is kept for the next try', async (t) => {
  const locked = await lockedModule(t);
  const server = await startFileServer(t, { ...TREE, [ZIP_PATH]: { bytes: ZIP, isTruncated: true } });
  const context = await sourceContext(t, { GOPROXY: server.url });
  await assert.rejects(takeGoModule(context, 'kernel', locked, taker(new Map())), {
    name: 'UserError',
    message: `Cannot download component kernel from "${server.url}/": other side closed`,
    hint: 'Check the network connection and proxy settings, then run the command again',
  });
  for (const name of await readdir(join(context.cache.directory, 'blobs')))
    assert.match(name, /\.part(\.from)?$/);
});

test('offline with a cold cache says what is missing and the command that fetches it', async (t) => {
  const context = await sourceContext(t, { GOPROXY: 'http://127.0.0.1:9' }, true);
  await assert.rejects(takeGoModule(context, 'kernel', await lockedModule(t), taker(new Map())), {
    name: 'UserError',
    message: `Cannot use component kernel ${VERSION} offline: it is not in the cache`,
    hint: 'Run "tsk get" once with a network connection',
  });
});

test('what is no zip of this module is refused', async (t) => {
  const cases = [
    [Buffer.from('<html>please log in</html>'), /^Cannot read Go module ".*": /],
    [ZIP.subarray(0, ZIP.length - 30), /^Cannot read Go module ".*": /],
    [makeZip({ 'other@v1/vmlinuz': 'x' }), /"other@v1\/vmlinuz" is not below "example\.org\/Acme\/kernel@v0/],
    [makeZip({ [`${MODULE}@${VERSION}/../../x`]: 'x' }), /invalid relative path/],
  ] as const;
  for (const [bytes, message] of cases) {
    const server = await startFileServer(t, { ...TREE, [ZIP_PATH]: bytes });
    const context = await sourceContext(t, { GOPROXY: server.url });
    await assert.rejects(resolveGoModule(context, 'kernel', MODULE), { name: 'SyntaxError', message });
  }
});

async function lockedModule(t: TestContext): Promise<LockedGoModule> {
  const server = await startFileServer(t, TREE);
  return resolveGoModule(await sourceContext(t, { GOPROXY: server.url }), 'kernel', MODULE);
}

/** An address where nobody listens. */
async function closedPort(t: TestContext): Promise<string> {
  const server = await startFileServer(t, {});
  await server.close();
  return server.url;
}
