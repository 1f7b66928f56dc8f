import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkOutputTarget, writeOutputFile } from './output-file.ts';

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-output-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const failure = new Error('broke off');

async function writeHalf(path: string): Promise<void> {
  await writeFile(path, 'half');
  throw failure;
}

test('writeOutputFile replaces the file at the end, and gives what the writer gave', async (t) => {
  const directory = makeDirectory(t);
  const target = join(directory, 'x.img');
  writeFileSync(target, 'old');
  const result = await writeOutputFile(target, 'the image', async (path) => {
    await writeFile(path, 'new');
    assert.equal(readFileSync(target, 'utf8'), 'old');
    return 7;
  });
  assert.equal(result, 7);
  assert.equal(readFileSync(target, 'utf8'), 'new');
  assert.deepEqual(readdirSync(directory), ['x.img']);
});

test('writeOutputFile says that a name is too long', async (t) => {
  const target = join(makeDirectory(t), 'x'.repeat(255));
  await assert.rejects(
    writeOutputFile(target, 'the image', (path) => writeFile(path, '')),
    { name: 'UserError', message: `Cannot write the image to "${target}": the name is too long` },
  );
});

test('writeOutputFile leaves the old file and no other when the writer fails or is interrupted', async (t) => {
  const directory = makeDirectory(t);
  const target = join(directory, 'x.img');
  writeFileSync(target, 'old');
  await assert.rejects(writeOutputFile(target, 'the image', writeHalf), (error) => error === failure);
  const controller = new AbortController();
  const writeAll = async (path: string): Promise<void> => {
    await writeFile(path, 'whole');
    controller.abort(failure);
  };
  const interrupted = writeOutputFile(target, 'the image', writeAll, controller.signal);
  await assert.rejects(interrupted, (error) => error === failure);
  assert.equal(readFileSync(target, 'utf8'), 'old');
  assert.deepEqual(readdirSync(directory), ['x.img']);
});

test('writeOutputFile removes what killed processes left of this file', async (t) => {
  const directory = makeDirectory(t);
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  const kept = [`.x.img.tsk-${process.ppid}.tmp`, `.y.img.tsk-${dead}.tmp`, '.x.img.tsk-.tmp'];
  for (const name of [...kept, `.x.img.tsk-${dead}.tmp`]) writeFileSync(join(directory, name), '');
  await writeOutputFile(join(directory, 'x.img'), 'the image', (path) => writeFile(path, 'x'));
  assert.deepEqual(readdirSync(directory).toSorted(), [...kept, 'x.img'].toSorted());
});

test('writeOutputFile says what the file system refuses', async (t) => {
  const target = join(makeDirectory(t), 'x.img');
  const expected = {
    ENOSPC: 'the file system is full',
    EROFS: 'the file system is read-only',
    EACCES: 'permission denied',
    EFBIG: 'the file system does not take files of this size',
  };
  for (const [code, problem] of Object.entries(expected)) {
    await assert.rejects(
      writeOutputFile(target, 'the image', async () => {
        throw Object.assign(new Error(code), { code, syscall: 'write' });
      }),
      {
        name: 'UserError',
        message: `Cannot write the image to "${target}": ${problem}`,
      },
    );
  }
  assert.equal(existsSync(target), false);
});

test('checkOutputTarget refuses what cannot become a file', async (t) => {
  const directory = makeDirectory(t);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  mkdirSync(join(directory, 'sub'));
  const isFile = `Cannot write the image to "${join(file, 'x')}": "${file}" is not a directory`;
  await assert.rejects(checkOutputTarget(join(file, 'x'), 'the image'), {
    name: 'UserError',
    message: isFile,
  });
  await assert.rejects(checkOutputTarget(join(directory, 'no', 'x'), 'the image'), {
    message: /no" is not a directory$/,
    hint: 'Create the directory or name another path.',
  });
  await assert.rejects(checkOutputTarget(join(directory, 'sub'), 'the image'), {
    message: /sub": it exists and is not a regular file$/,
    hint: 'Name another path.',
  });
  await checkOutputTarget(file, 'the image');
});
