import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { UserError } from '../user-error.ts';
import { type Lock, parseLock, readLockFile, stringifyLock, writeLockFile } from './lock-file.ts';

const SUM = `h1:${'A'.repeat(43)}=`;
const LOCK: Lock = {
  boards: {
    'pc-arm64': {
      node: { version: '26.10.0', source: 'npm', integrity: `sha512-${'A'.repeat(86)}==`, package: 'node' },
      kernel: { version: 'v1.0.0', source: 'go-module', module: 'example.org/kernel', sum: SUM },
      libc: {
        source: 'debian',
        version: '2.36',
        packages: [
          { sha256: 'a'.repeat(64), name: 'libc6', version: '2.36', path: 'pool/libc6.deb', sizeBytes: 5 },
        ],
      },
    },
  },
  formatVersion: 1,
  createdAtSec: 1_700_000_000,
};

async function inDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-lock-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** Changes the value at `path` of a good lock and checks the message; `undefined` takes the key away. */
function refuses(path: readonly (string | number)[], value: unknown, message: string): void {
  const lock = structuredClone(LOCK);
  let place = lock as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) place = place[key] as typeof place;
  place[path.at(-1) ?? ''] = value;
  assert.throws(
    () => parseLock(JSON.stringify(lock), '/x/tskrazy.lock.json'),
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, `Cannot read lock file "/x/tskrazy.lock.json": ${message}`);
      assert.ok(error.hint);
      return true;
    },
  );
}

test('writeLockFile and readLockFile keep a lock as it is', async (t) => {
  const path = join(await inDirectory(t), 'deep', 'tskrazy.lock.json');
  assert.equal(await readLockFile(path), undefined);
  await writeLockFile(path, LOCK);
  assert.deepEqual(await readLockFile(path), LOCK);
  assert.deepEqual(await readdir(join(path, '..')), ['tskrazy.lock.json']);
});

test('stringifyLock orders keys, so that one content has one text', () => {
  const text = stringifyLock(LOCK);
  assert.equal(stringifyLock(parseLock(text, 'x')), text);
  assert.deepEqual(Object.keys(JSON.parse(text) as object), ['formatVersion', 'createdAtSec', 'boards']);
  assert.match(text, /"source": "npm",\n +"version": "26\.10\.0",\n +"integrity"/);
  assert.ok(text.endsWith('}\n'));
});

test('parseLock names the key and what is wrong with it', () => {
  refuses(['color'], 'red', 'color: the key is not known');
  refuses(['createdAtSec'], undefined, 'createdAtSec: is missing');
  refuses(['boards', 'toaster'], {}, 'boards.toaster: the key is not known');
  const node = ['boards', 'pc-arm64', 'node'];
  refuses(
    [...node, 'integrity'],
    'sha1-xyz',
    'boards.pc-arm64.node.integrity: "sha1-xyz" is no "sha512-" integrity',
  );
  refuses(
    [...node, 'source'],
    'ftp',
    'boards.pc-arm64.node.source: expected ("go-module" | "npm" | "debian"), got "ftp"',
  );
});

test('parseLock refuses a package path that would lead out of a mirror', () => {
  for (const path of ['../../etc/passwd', '/etc/passwd', 'pool/../../x', 'http://host/x?y']) {
    refuses(
      ['boards', 'pc-arm64', 'libc', 'packages', 0, 'path'],
      path,
      `boards.pc-arm64.libc.packages.0.path: ${JSON.stringify(path)} is no relative path`,
    );
  }
});

test('parseLock says that a lock of a newer tsk needs a newer tsk', () => {
  refuses(['formatVersion'], 2, 'it has format version 2, but this tsk knows version 1');
});

test('readLockFile names the file that is no JSON or cannot be read', async (t) => {
  const directory = await inDirectory(t);
  const path = join(directory, 'tskrazy.lock.json');
  await writeFile(path, '{ "formatVersion": 1,');
  await assert.rejects(readLockFile(path), (error: UserError) => {
    assert.match(error.message, /^Cannot read lock file ".*tskrazy\.lock\.json": Expected/);
    return error.hint !== undefined;
  });
  await assert.rejects(readLockFile(directory), { name: 'UserError', message: /EISDIR/ });
});

test('writeLockFile leaves the old lock when it cannot write the new one', async (t) => {
  const directory = await inDirectory(t);
  await writeFile(join(directory, 'file'), 'x');
  await assert.rejects(writeLockFile(join(directory, 'file', 'lock.json'), LOCK), (error: UserError) => {
    assert.equal(error.name, 'UserError');
    assert.match(error.message, /^Cannot write lock file ".*lock\.json"$/);
    assert.match((error.cause as Error).message, /^Cannot make directory ".*file": it is not a directory$/);
    return true;
  });
  assert.equal(await readFile(join(directory, 'file'), 'utf8'), 'x');
});
