import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../user-error.ts';
import {
  describePrivateError,
  makePrivateDirectory,
  readOrCreatePrivateFile,
  replacePrivateFile,
} from './private-file.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-private-file-'));
after(() => rmSync(root, { recursive: true }));

test('makePrivateDirectory: closes one that is open to others', async () => {
  const path = join(root, 'open');
  mkdirSync(path, { mode: 0o755 });
  await makePrivateDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('makePrivateDirectory: what is in it is not committed by mistake', async () => {
  const path = join(root, 'new');
  await makePrivateDirectory(path);
  assert.equal(readFileSync(join(path, '.gitignore'), 'utf8'), '*\n');
});

test('makePrivateDirectory: a file in its place is named', async () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  const expected = { name: 'UserError', message: `Cannot use "${path}": it is not a directory` };
  await assert.rejects(makePrivateDirectory(path), expected);
});

test('replacePrivateFile, readOrCreatePrivateFile: what cannot be written leaves nothing half-written', async () => {
  const directory = mkdtempSync(join(root, 'state-'));
  const path = join(directory, 'secret');
  mkdirSync(path);
  const expected = { name: 'UserError', message: `Cannot use "${path}": it is a directory` };
  await assert.rejects(replacePrivateFile(path, 'x'), expected);
  await assert.rejects(
    readOrCreatePrivateFile(path, () => 'x'),
    expected,
  );
  assert.deepEqual(readdirSync(directory), ['secret']);
});

test('describePrivateError: what another user made can be taken back, and a mistake of ours stays one', () => {
  const error = describePrivateError({ code: 'EACCES' }, 'x');
  assert.ok(error instanceof UserError);
  assert.deepEqual(
    [error.message, error.hint?.includes('sudo chown')],
    ['Cannot use "x": permission denied', true],
  );
  const bug = new TypeError('no');
  assert.equal(describePrivateError(bug, 'x'), bug);
});
