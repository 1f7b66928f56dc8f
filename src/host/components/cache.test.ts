import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ComponentCache } from './cache.ts';

async function newCache(t: TestContext): Promise<ComponentCache> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-cache-'));
  t.after(() => rm(directory, { recursive: true }));
  return new ComponentCache(join(directory, 'tskrazy'));
}

test('blob fetches once, keeps what is intact and replaces what is not', async (t) => {
  const cache = await newCache(t);
  let fetches = 0;
  const get = () =>
    cache.blob(
      'h1:a/B+c=',
      async (path) => (await readFile(path, 'utf8')) === 'content',
      async (path) => {
        fetches++;
        await writeFile(path, 'content');
      },
    );
  const path = await get();
  assert.equal(await get(), path);
  assert.equal(fetches, 1);
  await writeFile(path, 'rotten');
  assert.equal(await get(), path);
  assert.equal(fetches, 2);
  assert.equal(await readFile(path, 'utf8'), 'content');
});

test('blob leaves nothing when the fetch fails', async (t) => {
  const cache = await newCache(t);
  const failing = cache.blob(
    'sha256-1',
    async () => true,
    async (path) => {
      await writeFile(path, 'half');
      throw new Error('cut off');
    },
  );
  await assert.rejects(failing, /cut off/);
  assert.deepEqual(await readdir(join(cache.directory, 'blobs')), []);
});

test('blob is fetched once by two callers at the same time', async (t) => {
  const cache = await newCache(t);
  let fetches = 0;
  const get = () =>
    cache.blob(
      'sha256-2',
      async () => true,
      async (path) => {
        fetches++;
        await new Promise((resolve) => setImmediate(resolve));
        await writeFile(path, 'content');
      },
    );
  assert.deepEqual(await Promise.all([get(), get()]), [
    cache.blobPath('sha256-2'),
    cache.blobPath('sha256-2'),
  ]);
  assert.equal(fetches, 1);
});

test('withLock lets one in at a time and tells the other that it waits', async (t) => {
  const cache = await newCache(t);
  const events: string[] = [];
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: isIn, resolve: enter } = Promise.withResolvers<void>();
  const first = cache.withLock('x', async () => {
    events.push('first in');
    enter();
    await held;
    events.push('first out');
  });
  await isIn;
  const second = cache.withLock(
    'x',
    async () => events.push('second in'),
    () => {
      events.push('second waits');
      release();
    },
  );
  await Promise.all([first, second]);
  assert.deepEqual(events, ['first in', 'second waits', 'first out', 'second in']);
});

test('withLock is free as soon as its holder is killed', async (t) => {
  const cache = await newCache(t);
  const program = `
    import { ComponentCache } from ${JSON.stringify(join(import.meta.dirname, 'cache.ts'))};
    await new ComponentCache(${JSON.stringify(cache.directory)}).withLock('x', () => {
      process.stdout.write('held');
      return new Promise(() => setInterval(() => {}, 1000));
    });`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  let hasWaited = false;
  const onWait = () => {
    hasWaited = true;
    holder.kill('SIGKILL');
  };
  assert.equal(await cache.withLock('x', async () => 'mine', onWait), 'mine');
  assert.ok(hasWaited);
});

test('withTemporary removes what a killed process left under the same name only', async (t) => {
  const cache = await newCache(t);
  const parent = join(cache.directory, 'temporary');
  for (const name of ['tree-a.dead01', 'tree-b.dead02']) await mkdir(join(parent, name), { recursive: true });
  await cache.withTemporary('tree-a', async (directory) => {
    await writeFile(join(directory, 'file'), '');
    assert.equal((await readdir(parent)).length, 2);
  });
  assert.deepEqual(await readdir(parent), ['tree-b.dead02']);
});
