import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PseudoTerminal } from './pseudo-terminal.ts';

test('what is typed while the other side ends goes into no file that is opened then', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tskrazy-terminal-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const terminal = new PseudoTerminal({ columns: 80, rows: 24 });
  const other = openSync(`/dev/pts/${terminal.number}`, constants.O_RDWR | constants.O_NOCTTY);
  terminal.output.resume();
  // All four threads that write are busy meanwhile.
  const busy = Array.from({ length: 4 }, () => promisify(pbkdf2)('', '', 2_000_000, 64, 'sha512'));
  const typed = terminal.type(Buffer.from('secret'));
  // Its end is told by an error first.
  const ended = new Promise((resolve) => terminal.output.once('close', resolve));
  closeSync(other);
  await ended;
  const files = Array.from({ length: 8 }, (_, index) => join(directory, `${index}`));
  const opened = files.map((path) => openSync(path, 'w'));
  await Promise.all([...busy, typed]);
  for (const file of opened) closeSync(file);
  assert.deepEqual(
    files.map((path) => readFileSync(path, 'utf8')),
    files.map(() => ''),
  );
});
