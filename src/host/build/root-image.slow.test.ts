import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sourceOfBytes } from '../../formats/byte-source.ts';
import { openSquashfs } from '../../formats/squashfs/reader.ts';
import { userError } from '../../../test/support/builds/app-builds.ts';
import { type RootImageOptions, writeRootImage } from './root-image.ts';
import { hashContent } from './build-id.ts';
import { type Layer, RootTree } from '../root-tree.ts';

const MIB = 1024 * 1024;

/** Bytes that do not compress, always the same for one seed. */
function noise(sizeBytes: number, seed: string): Uint8Array {
  const hash = createHash('shake256', { outputLength: sizeBytes });
  return hash.update(seed).digest();
}

function makeTree(files: readonly (readonly [path: string, layer: Layer, bytes: Uint8Array])[]): RootTree {
  const tree = new RootTree();
  for (const [path, layer, bytes] of files) {
    const content = { kind: 'bytes', bytes } as const;
    tree.add({ kind: 'file', path, mode: 0o444, layer, origin: layer.replace(':', ' '), content });
  }
  return tree;
}

function optionsFor(t: TestContext, changes: Partial<RootImageOptions> = {}): RootImageOptions {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-root-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return {
    path: join(directory, 'root.img'),
    cacheDirectory: join(directory, 'cache'),
    mtimeSec: 1_700_000_000,
    maxBytes: 8 * MIB,
    updateBytes: 0,
    ...changes,
  };
}

test('writeRootImage: layers in their order, parents made, chunks that cover the image', async (t) => {
  const options = optionsFor(t);
  const tree = makeTree([
    ['/etc/config', 'config', noise(1000, 'config')],
    ['/app/b/main', 'app:b', noise(MIB, 'b')],
    ['/app/a/main', 'app:a', noise(MIB, 'a')],
    ['/tsk/init', 'system', noise(MIB, 'system')],
    ['/bin/node', 'runtime', noise(MIB, 'node')],
  ]);
  const root = await writeRootImage(tree, options);
  const bytes = readFileSync(options.path);
  assert.equal(root.sizeBytes, bytes.length);
  assert.equal(root.sha256, createHash('sha256').update(bytes).digest('hex'));
  let position = 0;
  for (const { lengthBytes, sha256 } of root.chunks) {
    const chunk = bytes.subarray(position, (position += lengthBytes));
    assert.equal(createHash('sha256').update(chunk).digest('hex'), sha256);
  }
  assert.equal(position, bytes.length);

  const reader = await openSquashfs(sourceOfBytes(bytes));
  const starts = await Promise.all(
    ['/bin/node', '/tsk/init', '/app/a/main', '/app/b/main'].map(
      async (path) => (await reader.readLayout(path)).startBytes,
    ),
  );
  assert.deepEqual(
    starts,
    starts.toSorted((a, b) => a - b),
  );
  const parent = await reader.stat('/app/a');
  assert.deepEqual([parent.kind, parent.mode, parent.mtimeSec], ['directory', 0o755, 1_700_000_000]);
});

test('writeRootImage: what is too large says by how much and which files weigh most', async (t) => {
  const tree = makeTree([
    ['/app/a/data', 'app:a', noise(MIB, 'a')],
    ['/app/b/data', 'app:b', noise(2 * MIB, 'b')],
    ['/etc/small', 'config', noise(10, 'small')],
  ]);
  await assert.rejects(writeRootImage(tree, optionsFor(t, { maxBytes: 3.5 * MIB, updateBytes: 1.5 * MIB })), {
    name: 'UserError',
    message: 'Cannot build the root image: it needs 4.6 MiB, 1.1 MiB more than its partition of 3.5 MiB',
    hint:
      'What weighs most, uncompressed:\n' +
      '    2.0 MiB  app b\n    1.0 MiB  app a\n    0.1 MiB  config\n' +
      'The largest files, uncompressed:\n' +
      '    2.0 MiB  /app/b/data (app b)\n    1.5 MiB  kept free for updates\n' +
      '    1.0 MiB  /app/a/data (app a)\n    0.1 MiB  /etc/small (config)',
  });
});

test('writeRootImage stops when it is told to', async (t) => {
  const tree = makeTree([['/data', 'system', noise(MIB, 'data')]]);
  const reason = new Error('told to');
  await assert.rejects(
    writeRootImage(tree, optionsFor(t, { signal: AbortSignal.abort(reason) })),
    (error) => error === reason,
  );
});

test('writeRootImage refuses a file that changed since it was hashed, and keeps none of its blocks', async (t) => {
  const options = optionsFor(t);
  const directory = mkdtempSync(join(tmpdir(), 'tsk-root-files-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'data');
  const [before, after] = [noise(MIB, 'before'), noise(MIB, 'after')];
  for (const [was, becomes] of [
    [before, after],
    [before.subarray(0, 100), after.subarray(0, 100)],
    [after, after.subarray(0, 100)],
  ] as const) {
    writeFileSync(path, was);
    const content = { kind: 'path', path, sizeBytes: was.length } as const;
    await hashContent(content);
    const tree = new RootTree();
    tree.add({ kind: 'file', path: '/app/a/data', mode: 0o644, layer: 'app:a', origin: 'app a', content });
    writeFileSync(path, becomes);
    await assert.rejects(
      writeRootImage(tree, options),
      userError(
        `Cannot add "${path}" of app a to the image: it changed while the image was made`,
        /when nothing writes to that file/,
      ),
    );
    rmSync(options.path);
    writeFileSync(path, was);
    await writeRootImage(tree, options);
    const reader = await openSquashfs(sourceOfBytes(readFileSync(options.path)));
    assert.deepEqual(Buffer.from(await reader.readFile(await reader.stat('/app/a/data'))), Buffer.from(was));
    rmSync(options.path);
  }
});

test('writeRootImage refuses a file that was empty when it was found, such as those of /proc', async (t) => {
  const tree = new RootTree();
  const content = { kind: 'path', path: '/proc/self/status', sizeBytes: 0 } as const;
  await hashContent(content);
  tree.add({ kind: 'file', path: '/app/a/data', mode: 0o644, layer: 'app:a', origin: 'app a', content });
  await assert.rejects(
    writeRootImage(tree, optionsFor(t)),
    userError(/it changed while the image was made$/),
  );
});

test('writeRootImage says of a damaged file in the cache where it lies', async (t) => {
  const options = optionsFor(t);
  mkdirSync(options.cacheDirectory);
  const path = join(options.cacheDirectory, 'node');
  writeFileSync(path, 'damaged');
  const tree = new RootTree();
  const content = { kind: 'path', path, sizeBytes: 7, sha256: '0'.repeat(64) } as const;
  tree.add({
    kind: 'file',
    path: '/bin/node',
    mode: 0o755,
    layer: 'runtime',
    origin: 'component node',
    content,
  });
  await assert.rejects(
    writeRootImage(tree, options),
    userError(/of component node to the image: it is not what was put into the cache$/, /delete ".*cache"/),
  );
});
