// What tsk does on a terminal: colours, and the one question that it asks. `script` makes the terminal.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { MIN_DISK_BYTES } from '../../src/shared/board/disk-layout.ts';
import { requireTool } from '../support/require-tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-cli-terminal-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'tskrazy.json'), '{ "hostname": "a", "board": "pc-amd64" }');
const image = openSync(join(directory, 'disk.img'), 'w');
ftruncateSync(image, MIN_DISK_BYTES);
closeSync(image);

const bin = fileURLToPath(new URL('../../bin/tsk.ts', import.meta.url));

interface TerminalRun {
  code: number | null;
  screen: string;
}

function onTerminal(
  t: TestContext,
  args: string,
  options: { keys?: string; env?: Record<string, string> } = {},
): TerminalRun | undefined {
  const script = requireTool(t, 'script');
  if (script === undefined) return undefined;
  const command = `stty cols 100; exec "${process.execPath}" "${bin}" ${args}`;
  const { status, stdout } = spawnSync(script, ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TERM: 'xterm',
      SHELL: '/bin/sh',
      ...options.env,
    },
    encoding: 'utf8',
    timeout: 120_000,
    input: options.keys ?? '',
  });
  return { code: status, screen: stdout };
}

test('errors are coloured on a terminal, unless NO_COLOR says otherwise', (t) => {
  const coloured = onTerminal(t, 'bild');
  if (!coloured) return;
  assert.equal(coloured.code, 1);
  assert.ok(coloured.screen.includes('\x1b[31mError:\x1b[39m Unknown command "bild"'), coloured.screen);
  const plain = onTerminal(t, 'bild', { env: { NO_COLOR: '1' } });
  assert.ok(plain?.screen.includes('Error: Unknown command "bild"'));
});

test('tsk flash asks once; anything but yes leaves the disk alone', (t) => {
  for (const keys of ['n\n', '\n']) {
    const run = onTerminal(t, 'flash disk.img', { keys });
    if (!run) return;
    const screen = stripVTControlCharacters(run.screen);
    assert.match(screen, /Overwrite all data on .*disk\.img \(image file, \d\.\d+ GB\)\? \[y\/N\]/);
    assert.match(screen, /Error: Left .*disk\.img as it is/);
    assert.equal(run.code, 1);
  }
});
