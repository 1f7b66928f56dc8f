// Debian packages without apt: a local mirror. What needs apt itself is in test/tools/components.test.ts.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sourceContext } from '../../../test/support/builds/component-context.ts';
import { type FileServer, startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeDeb } from '../../../test/support/formats/make-archives.ts';
import { deb822For, oneLineFor } from './debian-apt.ts';
import { DebianSource } from './debian-source.ts';
import { sha256Of } from './file-hash.ts';

const SELECTION = { packages: ['tool'], follows: (name: string) => name.startsWith('lib') };

async function startMirror(t: TestContext): Promise<FileServer> {
  const debs = {
    'pool/t/tool_1%3a2.0+b1_arm64.deb': await makeDeb({ 'sbin/tool': { bytes: 'tool' } }),
    'pool/l/libtool1_2.0_arm64.deb': await makeDeb({ 'lib/libtool.so.1': { bytes: 'library' } }),
  };
  const [tool, library] = Object.entries(debs).map(
    ([path, bytes]) => `Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${sha256Of(bytes)}\n`,
  );
  const packages = gzipSync(`Package: other
Version: 1

Package: tool
Version: 1:2.0+b1
Depends: libtool1 (>= 2), libvirtual1, logsave
${tool}
Package: libtool1
Version: 2.0
Provides: libother (= 2), libvirtual1
${library}`);
  const release = `Suite: stable
SHA256:
 ${'0'.repeat(64)} 5 main/binary-amd64/Packages.gz
 ${sha256Of(packages)} ${packages.length} main/binary-arm64/Packages.gz
`;
  const entries = Object.entries(debs).map(([path, bytes]) => [`/debian/${path}`, bytes] as const);
  return startFileServer(t, {
    '/debian/dists/bookworm/Release': release,
    '/debian/dists/bookworm/main/binary-arm64/Packages.gz': packages,
    ...Object.fromEntries(entries),
  });
}

async function setUp(t: TestContext, offline = false) {
  const server = await startMirror(t);
  const context = await sourceContext(t, { TSK_DEBIAN_MIRROR: `${server.url}/debian/` }, offline);
  return { server, context, source: new DebianSource(context) };
}

test('DebianSource resolves a package with what it depends on, and fetches both', async (t) => {
  const { source, context } = await setUp(t);
  const locked = await source.resolve('tools', SELECTION);
  assert.equal(locked.version, '1:2.0+b1');
  assert.deepEqual(
    locked.packages.map(({ name, path }) => [name, path]),
    [
      ['libtool1', 'pool/l/libtool1_2.0_arm64.deb'],
      ['tool', 'pool/t/tool_1%3a2.0+b1_arm64.deb'],
    ],
  );
  const paths = await source.fetch('tools', locked);
  assert.deepEqual([...paths.keys()].sort(), ['libtool1', 'tool']);
  const total = locked.packages.reduce((sum, each) => sum + each.sizeBytes, 0);
  assert.deepEqual(context.progress.slice(-2), [
    `start tools 1:2.0+b1 (${total})`,
    `done tools 1:2.0+b1: ${total} bytes, 0.0 MB`,
  ]);
});

test('DebianSource fetches a package once', async (t) => {
  const { source, server, context } = await setUp(t);
  const locked = await source.resolve('tools', SELECTION);
  await source.fetch('tools', locked);
  const requests = server.requests.length;
  await new DebianSource({ ...context, offline: true }).fetch('tools', locked);
  assert.equal(server.requests.length, requests);
});

test('a package with a wrong hash names component, expected and got, and leaves nothing behind', async (t) => {
  const { source, server, context } = await setUp(t);
  const locked = await source.resolve('tools', SELECTION);
  const [library] = locked.packages;
  server.files.set(`/debian/${library?.path}`, { bytes: Buffer.from('changed') });
  await assert.rejects(source.fetch('tools', locked), {
    name: 'UserError',
    message:
      `Cannot use component tools: "libtool1 2.0" has a wrong hash: expected ${library?.sha256}, ` +
      `got ${sha256Of('changed')}`,
  });
  assert.deepEqual(await readdir(join(context.cache.directory, 'blobs')), []);
});

test('package lists that are not those of the release are refused', async (t) => {
  const { source, server } = await setUp(t);
  const path = '/debian/dists/bookworm/main/binary-arm64/Packages.gz';
  server.files.set(path, { bytes: gzipSync('Package: evil\n') });
  await assert.rejects(source.resolve('tools', SELECTION), {
    name: 'UserError',
    message:
      /^Cannot use component Debian package lists: "main\/binary-arm64\/Packages\.gz" has a wrong hash/,
  });
});

test('a package that the mirror no longer has, or never had, is an error with a way out', async (t) => {
  const { source, server } = await setUp(t);
  const locked = await source.resolve('tools', SELECTION);
  server.files.delete(`/debian/${locked.packages[1]?.path}`);
  await assert.rejects(source.fetch('tools', locked), {
    name: 'UserError',
    message:
      'Cannot download component tools: the server answered 404 (not found) for ' +
      `"${server.url}/debian/pool/t/tool_1%253a2.0%2Bb1_arm64.deb"`,
    hint: 'Set TSK_DEBIAN_MIRROR to a mirror that has this version, or run "tsk get -u"',
  });
  await assert.rejects(source.resolve('tools', { ...SELECTION, packages: ['absent'] }), {
    name: 'UserError',
    message: 'Cannot download component tools: TSK_DEBIAN_MIRROR does not offer "absent" for arm64',
  });
});

test('without apt and without a mirror the error says what to set', async (t) => {
  const source = new DebianSource(await sourceContext(t));
  await assert.rejects(source.resolve('tools', SELECTION), {
    name: 'UserError',
    message: 'Cannot download component tools: apt is not installed',
    hint: 'Set TSK_DEBIAN_MIRROR to the address of a Debian mirror',
  });
  const wrong = new DebianSource(await sourceContext(t, { TSK_DEBIAN_MIRROR: '/mnt/debian' }));
  await assert.rejects(wrong.resolve('tools', SELECTION), {
    message: 'Cannot use TSK_DEBIAN_MIRROR "/mnt/debian": it is no http or https address',
  });
});

test('package lists are not taken over plain http', async (t) => {
  const source = new DebianSource(
    await sourceContext(t, { TSK_DEBIAN_MIRROR: 'http://mirror.invalid/debian' }),
  );
  await assert.rejects(source.resolve('tools', SELECTION), {
    name: 'UserError',
    message:
      'Cannot trust package lists of TSK_DEBIAN_MIRROR "http://mirror.invalid/debian": it is not reached by https, ' +
      'and without apt nothing checks their signature',
  });
});

test('no network and --offline are told apart', async (t) => {
  const { source, server, context } = await setUp(t);
  const locked = await source.resolve('tools', SELECTION);
  await server.close();
  await assert.rejects(source.fetch('tools', locked), {
    name: 'UserError',
    message: new RegExp(`^Cannot download component tools from "${server.url}/debian": connect ECONNREFUSED`),
  });
  await assert.rejects(new DebianSource({ ...context, offline: true }).fetch('tools', locked), {
    name: 'UserError',
    message: 'Cannot use component tools 1:2.0+b1 offline: it is not in the cache',
    hint: 'Run "tsk get" once with a network connection',
  });
});

test('of the apt sources those are copied that can have the architecture', () => {
  const list = 'deb [arch=amd64 signed-by=/k] http://a x main\n# deb http://b x main\ndeb http://c x main\n';
  assert.equal(oneLineFor(list, 'arm64'), 'deb http://c x main\n');
  assert.equal(oneLineFor(list, 'amd64'), `${list.split('\n')[0]}\ndeb http://c x main\n`);
  const sources = 'Types: deb\nURIs: http://a\nArchitectures: amd64 i386\n\nTypes: deb\nURIs: http://b\n';
  assert.equal(deb822For(sources, 'arm64'), 'Types: deb\nURIs: http://b\n');
});
