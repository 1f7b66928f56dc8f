// With a mirror on loopback, and no apt on PATH.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeFiles, appConfig, appContext, userError } from '../../../test/support/builds/app-builds.ts';
import { startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeDeb } from '../../../test/support/formats/make-archives.ts';
import { makeElf } from '../../../test/support/formats/make-elf.ts';
import { ELF_MACHINE } from '../../formats/elf.ts';
import { sha256Of } from '../components/file-hash.ts';
import { parseLock, stringifyLock } from '../components/lock-file.ts';
import type { AppConfig } from '../config/app-config.ts';
import { buildApp } from './build-app.ts';
import { pinApps } from './pin-apps.ts';

const PLACE = 'usr/lib/aarch64-linux-gnu';

function library(soname: string, ...needed: string[]) {
  return { bytes: makeElf({ machine: ELF_MACHINE.aarch64, needed, soname }) };
}

async function startMirror(t: TestContext): Promise<void> {
  const packages: Record<string, [string, Parameters<typeof makeDeb>[0]]> = {
    'libusb-1.0-0': [
      'libc6, libudev1 (>= 1), debconf',
      {
        [`${PLACE}/libusb-1.0.so.0.3.0`]: library('libusb-1.0.so.0', 'libudev.so.1', 'libc.so.6'),
        [`${PLACE}/libusb-1.0.so.0`]: { symlink: 'libusb-1.0.so.0.3.0' },
        'usr/share/doc/libusb-1.0-0/copyright': { bytes: 'LGPL' },
      },
    ],
    libudev1: ['libc6', { [`${PLACE}/libudev.so.1`]: library('libudev.so.1') }],
    libc6: ['', { [`${PLACE}/libc.so.6`]: library('libc.so.6') }],
    'usb-doc': ['', { 'usr/share/doc/usb-doc/index.html': { bytes: '' } }],
  };
  const files: Record<string, Uint8Array | string> = {};
  const stanzas: string[] = [];
  for (const [name, [depends, content]] of Object.entries(packages)) {
    const bytes = await makeDeb(content);
    files[`/debian/pool/${name}.deb`] = bytes;
    stanzas.push(
      `Package: ${name}\nVersion: 1.0\nDepends: ${depends}\nFilename: pool/${name}.deb\nSize: ${bytes.length}\nSHA256: ${sha256Of(bytes)}\n`,
    );
  }
  const list = gzipSync(stanzas.join('\n'));
  const server = await startFileServer(t, {
    ...files,
    '/debian/dists/bookworm/Release': `Suite: stable\nSHA256:\n ${sha256Of(list)} ${list.length} main/binary-arm64/Packages.gz\n`,
    '/debian/dists/bookworm/main/binary-arm64/Packages.gz': list,
  });
  const { PATH, TSK_DEBIAN_MIRROR } = process.env;
  t.after(() => {
    process.env['PATH'] = PATH;
    if (TSK_DEBIAN_MIRROR === undefined) delete process.env['TSK_DEBIAN_MIRROR'];
    else process.env['TSK_DEBIAN_MIRROR'] = TSK_DEBIAN_MIRROR;
  });
  process.env['PATH'] = '/none';
  process.env['TSK_DEBIAN_MIRROR'] = `${server.url}/debian/`;
}

function app(libraries: string[], env = {}): AppConfig {
  return appConfig({ name: 'reader', node: './main.ts', libraries, env });
}

test('"libraries" are pinned with what they need, lie beside the app alone, and are found there', async (t) => {
  await startMirror(t);
  const directory = makeFiles(t, { 'main.ts': 'console.log(1);' });
  const context = appContext(directory, 'pc-arm64');
  const options = { update: false, withoutTool: 'refuse' } as const;
  const pinned = await pinApps(context.lock, [app(['libusb-1.0-0'])], context, options);
  assert.deepEqual(pinned.changes, [{ app: 'reader, libusb-1.0-0', from: null, to: '1.0' }]);
  const lock = parseLock(stringifyLock(pinned.lock), 'the lock');
  const [key] = Object.keys(lock.libraries ?? {});
  assert.equal(key, 'arm64 libusb-1.0-0');
  assert.deepEqual(
    lock.libraries?.[key]?.packages.map(({ name }) => name),
    ['libudev1', 'libusb-1.0-0'],
  );
  const { entries, service } = await buildApp(app(['libusb-1.0-0'], { LD_LIBRARY_PATH: '/own' }), {
    ...context,
    lock,
  });
  assert.deepEqual(
    entries.map(({ path }) => path).filter((path) => path.startsWith('/app/reader/lib/')),
    [
      '/app/reader/lib/libudev.so.1',
      '/app/reader/lib/libusb-1.0.so.0',
      '/app/reader/lib/copyright/libusb-1.0-0',
    ],
  );
  assert.equal(service.env['LD_LIBRARY_PATH'], '/app/reader/lib:/own');
  // Nothing is asked again; what no app asks for goes.
  assert.equal((await pinApps(lock, [app(['libusb-1.0-0'])], context, options)).lock, lock);
  assert.equal((await pinApps(lock, [app([])], context, options)).lock.libraries, undefined);
  const other = await pinApps(lock, [app(['libusb-1.0-0'])], appContext(directory, 'pc-arm64'), {
    ...options,
    update: true,
  });
  assert.deepEqual(other.changes, []);

  await assert.rejects(
    buildApp(app(['libudev1']), { ...context, lock }),
    userError(/tskrazy\.lock\.json does not have its "libraries" for board "pc-arm64" yet/, /"tsk get"/),
  );
  await assert.rejects(
    pinApps(lock, [app(['libnone'])], context, options),
    userError(/Cannot download component "libraries" of app reader: .* does not offer "libnone" for arm64/),
  );
  const documentation = await pinApps(lock, [app(['usb-doc'])], context, options);
  await assert.rejects(
    buildApp(app(['usb-doc']), { ...context, lock: documentation.lock }),
    userError(
      'Cannot build app "reader": Debian\'s package "usb-doc" has no shared library',
      /apps\.reader\.libraries/,
    ),
  );
});
