// TAB completion in the real shells. A shell that is not installed is a skip, also in CI: bash is enough there.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findTool } from '../support/require-tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-completion-'));
after(() => rmSync(directory, { recursive: true }));

const bin = fileURLToPath(new URL('../../bin/tsk.ts', import.meta.url));
writeFileSync(join(directory, 'tsk'), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, {
  mode: 0o755,
});
writeFileSync(join(directory, 'disk.img'), '');
const env = {
  PATH: `${directory}:${process.env['PATH'] ?? ''}`,
  HOME: directory,
  XDG_STATE_HOME: directory,
  TERM: 'dumb',
};

function runShell(
  t: TestContext,
  shell: string,
  args: readonly string[],
  script: string,
): string | undefined {
  const path = findTool(shell);
  if (path === undefined) {
    t.skip(`"${shell}" is not installed`);
    return undefined;
  }
  const { stdout, stderr, status } = spawnSync(path, [...args, '-c', script], {
    cwd: directory,
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

/** What bash would offer: the words are cut as readline does. */
function bashCompletion(t: TestContext, ...words: string[]): string | undefined {
  const list = words.map((word) => `'${word}'`).join(' ');
  return runShell(
    t,
    'bash',
    ['--norc', '--noprofile'],
    // Sourced twice, as a .bashrc may be; compopt works only while readline completes.
    `source <(tsk completion bash); source <(tsk completion bash); compopt() { :; }
     COMP_WORDS=(tsk ${list}); COMP_CWORD=${words.length}; _tsk_complete; echo "\${COMPREPLY[*]}"`,
  )?.trim();
}

test('bash: verbs, options, values after a blank and after "="', (t) => {
  const first = bashCompletion(t, 'v');
  if (first === undefined) return;
  assert.equal(first, 'vm version');
  assert.equal(bashCompletion(t, 'build', '--di'), '--disk');
  assert.equal(bashCompletion(t, 'vm', 'run', '--board', ''), 'pc-amd64 pc-arm64 raspberry-pi');
  assert.equal(bashCompletion(t, 'vm', 'run', '--board', '='), 'pc-amd64 pc-arm64 raspberry-pi');
  assert.equal(bashCompletion(t, 'vm', 'run', '--board', '=', 'pc-ar'), 'pc-arm64');
  assert.equal(bashCompletion(t, 'build', '--disk', ''), '');
});

test('bash: what is typed is not run', (t) => {
  if (bashCompletion(t, 'add', '$(touch evil)', '') === undefined) return;
  const listing = runShell(t, 'bash', ['--norc'], 'ls');
  assert.doesNotMatch(listing ?? '', /evil/);
});

test('fish: verbs, values, files', (t) => {
  const complete = (line: string) =>
    runShell(t, 'fish', ['--no-config'], `tsk completion fish | source; complete --do-complete '${line}'`)
      ?.trim()
      .split('\n')
      .map((candidate) => candidate.split('\t')[0]);
  const verbs = complete('tsk v');
  if (verbs === undefined) return;
  assert.deepEqual(verbs, ['version', 'vm']);
  assert.deepEqual(complete('tsk vm run --board '), ['pc-amd64', 'pc-arm64', 'raspberry-pi']);
  assert.deepEqual(complete('tsk build --disk di'), ['disk.img']);
});

test('zsh: the script defines a completion that compinit takes', (t) => {
  const output = runShell(
    t,
    'zsh',
    ['--no-rcs'],
    'autoload -Uz compinit; compinit -u -d $HOME/.zcompdump; source <(tsk completion zsh); print $_comps[tsk]',
  );
  if (output !== undefined) assert.equal(output.trim(), '_tsk');
});
