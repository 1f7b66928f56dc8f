import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tarEnd, TarError, type TarEntry, tarHeader, tarPadding } from '../../formats/ustar.ts';
import { unpackToolbox } from './unpack-toolbox.ts';

const LIMITS = { maxEntries: 100, maxBytes: 1e6 };

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-toolbox-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function* tarOf(...entries: (Partial<TarEntry> & { content?: string })[]): AsyncGenerator<Uint8Array> {
  for (const { content = '', ...rest } of entries) {
    const entry = {
      path: 'x',
      kind: 'file',
      mode: 0o644,
      sizeBytes: content.length,
      target: '',
      ...rest,
    } as const;
    yield tarHeader(entry);
    yield Buffer.from(content);
    yield tarPadding(entry.sizeBytes);
  }
  yield tarEnd();
}

test('files, links and directories come to their places, and none runs as another user', async (t) => {
  const directory = scratch(t);
  await unpackToolbox(
    tarOf(
      { path: 'usr/bin/tool', mode: 0o6755, content: 'program' },
      { path: 'usr/bin/other', kind: 'symlink', target: 'tool' },
      { path: 'etc', kind: 'directory', mode: 0o700 },
      { path: 'etc', kind: 'directory' },
    ),
    directory,
    LIMITS,
  );
  assert.equal(readFileSync(join(directory, 'usr/bin/tool'), 'utf8'), 'program');
  assert.equal(statSync(join(directory, 'usr/bin/tool')).mode & 0o7777, 0o755);
  assert.equal(readlinkSync(join(directory, 'usr/bin/other')), 'tool');
  assert.equal(statSync(join(directory, 'etc')).mode & 0o777, 0o700);
});

test('nothing is written through a link, over another file, or where the device has its own', async (t) => {
  const outside = scratch(t);
  for (const entries of [
    [
      { path: 'a', kind: 'symlink', target: outside },
      { path: 'a/b', content: '1' },
    ],
    [
      { path: 'a', kind: 'symlink', target: join(outside, 'b') },
      { path: 'a', content: '1' },
    ],
    [
      { path: 'a', content: '1' },
      { path: 'a/b', content: '1' },
    ],
    [
      { path: 'a', content: '1' },
      { path: 'a', kind: 'directory' },
    ],
    [{ path: 'perm', kind: 'symlink', target: outside }],
    [{ path: 'perm/x', content: '1' }],
    [{ path: 'dev', kind: 'directory' }],
  ] as const)
    await assert.rejects(unpackToolbox(tarOf(...entries), scratch(t), LIMITS), TarError);
  assert.deepEqual(readdirSync(outside), []);
});
