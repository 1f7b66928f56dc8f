import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { UnixDatagramSocket } from './unix-datagram-socket.ts';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-unix-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('UnixDatagramSocket takes messages to and fro, whole', async (t) => {
  const directory = scratch(t);
  // What a killed process has left there.
  writeFileSync(join(directory, 'a'), '');
  const a = new UnixDatagramSocket(join(directory, 'a'), join(directory, 'b'), 100);
  const b = new UnixDatagramSocket(join(directory, 'b'), join(directory, 'a'), 100);
  b.listen((bytes) => b.send(Buffer.from(bytes).reverse()));
  const heard: string[] = [];
  const done = new Promise<void>((resolve) => {
    a.listen((bytes) => {
      heard.push(Buffer.from(bytes).toString());
      if (heard.length === 3) resolve();
    });
  });
  for (const text of ['one', '', 'x'.repeat(100)]) a.send(Buffer.from(text));
  await done;
  assert.deepEqual(heard, ['eno', '', 'x'.repeat(100)]);
  a.close();
  b.close();
  assert.ok(!existsSync(join(directory, 'a')));
});

test('UnixDatagramSocket says that nobody listens, and where it cannot be', (t) => {
  const directory = scratch(t);
  const socket = new UnixDatagramSocket(join(directory, 'a'), join(directory, 'b'), 100);
  assert.throws(() => socket.send(Buffer.from('x')), { code: 'ENOENT' });
  socket.close();
  assert.throws(() => new UnixDatagramSocket(join(directory, 'no', 'a'), 'b', 100), { code: 'ENOENT' });
  assert.throws(() => new UnixDatagramSocket(`/${'x'.repeat(108)}`, 'b', 100), RangeError);
});
