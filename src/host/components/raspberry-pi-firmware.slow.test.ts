// The Raspberry Pi's firmware as a component: its files, and the terms under which it may be passed on.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sourceContext } from '../../../test/support/builds/component-context.ts';
import { startFileServer } from '../../../test/support/builds/file-server.ts';
import { makeZip } from '../../../test/support/formats/make-archives.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { addComponents } from '../build/component-files.ts';
import { RootTree } from '../root-tree.ts';
import type { Component } from './component.ts';
import { loadDirectory } from './component-override.ts';
import { loadComponents } from './load-components.ts';
import { resolveLock } from './resolve-lock.ts';

const BOARD = BOARDS['raspberry-pi'];
const MODULE = 'github.com/gokrazy/firmware';
const VERSION = 'v1.0.0';
const FILES = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
const TERMS = 'only on a Raspberry Pi';
/** That of the Go module covers none of the firmware. */
const WITHOUT_TERMS = Object.fromEntries([...FILES, 'start_x.elf', 'LICENSE'].map((name) => [name, name]));
const PROBLEM = 'has no "LICENCE.broadcom", without which it may not be passed on';

async function loadFromProxy(t: TestContext, files: Readonly<Record<string, string>>): Promise<Component> {
  const inModule = Object.entries(files).map(([name, text]) => [`${MODULE}@${VERSION}/${name}`, text]);
  const server = await startFileServer(t, {
    [`/${MODULE}/@v/list`]: { bytes: Buffer.from(`${VERSION}\n`) },
    [`/${MODULE}/@v/${VERSION}.zip`]: { bytes: makeZip(Object.fromEntries(inModule)) },
  });
  const { report, environment, cache } = await sourceContext(t, { GOPROXY: server.url });
  const names = ['firmware'] as const;
  const options = { board: BOARD, report, environment, cacheDirectory: cache.directory, names };
  const { lock } = await resolveLock({ ...options, update: false });
  return (await loadComponents({ ...options, lock, offline: false })).get('firmware')!;
}

function makeDirectory(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-firmware-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

test('the terms of the firmware are in the image, by either spelling', async (t) => {
  for (const name of ['LICENSE.broadcom', 'LICENCE.broadcom']) {
    const files = { ...WITHOUT_TERMS, [name]: TERMS };
    const fromProxy = await loadFromProxy(t, files);
    assert.deepEqual(
      fromProxy.files.map(({ path }) => path).toSorted(),
      [...FILES, 'LICENSE', name].toSorted(),
    );
    for (const component of [fromProxy, await loadDirectory('firmware', makeDirectory(t, files), BOARD)]) {
      const tree = new RootTree();
      addComponents(tree, new Map([['firmware', component]]));
      const entry = [...tree.entries()].find(({ path }) => path === `/usr/share/licenses/firmware/${name}`);
      assert.ok(entry?.kind === 'file' && entry.content.kind === 'path');
      assert.equal(readFileSync(entry.content.path, 'utf8'), TERMS);
    }
  }
});

test('firmware without its terms is refused, wherever it comes from', async (t) => {
  await assert.rejects(loadFromProxy(t, WITHOUT_TERMS), {
    name: 'UserError',
    message: `Cannot use component firmware for board raspberry-pi: ${MODULE}@${VERSION} ${PROBLEM}`,
    hint: 'Correct the component in tskrazy.json, or restore the version in tskrazy.lock.json',
  });
  const directory = makeDirectory(t, WITHOUT_TERMS);
  await assert.rejects(loadDirectory('firmware', directory, BOARD), {
    name: 'UserError',
    message: `Cannot use "${directory}" as component firmware: it ${PROBLEM}`,
  });
});
