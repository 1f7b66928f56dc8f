// What `npm run demo` installs before it builds, on a computer whose programs are those of one directory.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';

const checkout = join(import.meta.dirname, '..', '..');

const PROGRAM = `
  import { installMissingTools } from '${pathToFileURL(join(checkout, 'scripts/install-tools.ts')).href}';
  import { BOARDS } from '${pathToFileURL(join(checkout, 'src/shared/board/boards.ts')).href}';
  await installMissingTools(BOARDS['pc-amd64'], { say: (text) => console.log(text) });
`;

interface Outcome {
  stdout: string;
  stderr: string;
  /** Command lines that apt-get was called with. */
  installed: string;
}

function installTools(t: TestContext, variables: Record<string, string>): Outcome {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-install-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const log = join(directory, 'apt.log');
  const programs = {
    'qemu-system-x86_64': 'echo QEMU emulator version 9.0.0',
    npm: 'echo 11.0.0',
    'apt-get': `[ "$1" = --version ] || echo "$@" >> '${log}'`,
    sudo: '[ "$1" = --non-interactive ] || exec "$@"',
  };
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  writeFileSync(log, '');
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { PATH: directory, HOME: directory, ...variables },
    encoding: 'utf8',
  });
  return { stdout, stderr, installed: readFileSync(log, 'utf8') };
}

test('Go is installed where nothing else can download the kernel, after saying so', (t) => {
  const { stdout, stderr, installed } = installTools(t, {});
  assert.match(stdout, /^Go.* not found\. Installing: (sudo )?apt-get install .*golang-go/, stderr);
  assert.match(installed, /^update\ninstall --yes --no-install-recommends golang-go/);
});

test('a Go module proxy is as good', (t) => {
  const { installed } = installTools(t, { GOPROXY: 'file:///proxy' });
  assert.doesNotMatch(installed, /golang/);
});
