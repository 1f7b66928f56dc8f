// How a run of tsk ends when its terminal or its reader does: what was begun is cleaned up all the same.

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { requireTool } from '../support/require-tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-cli-end-'));
after(() => rmSync(directory, { recursive: true }));
const program = join(directory, 'program.mjs');
const cleaned = join(directory, 'cleaned');
const bin = fileURLToPath(new URL('../../bin/tsk.ts', import.meta.url));
const runProgramUrl = new URL('../../src/host/cli/run-program.ts', import.meta.url).href;

// Says what it does until it is told to stop; then has something to clean up, which it says too.
writeFileSync(
  program,
  `import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from ${JSON.stringify(runProgramUrl)};
await runProgram(async (signal) => {
  process.stderr.write('ready\\n');
  try {
    while (!signal.aborted) {
      process.stdout.write('at work\\n');
      await delay(5);
    }
    signal.throwIfAborted();
  } finally {
    for (let step = 0; step < 10; step += 1) {
      process.stdout.write('cleaning\\n');
      process.stderr.write('cleaning\\n');
      await delay(5);
    }
    if (process.argv[2] === 'hang') await delay(600_000);
    writeFileSync(${JSON.stringify(cleaned)}, 'all');
  }
}, { json: false });
`,
);

type Run = ChildProcessByStdio<null, Readable, Readable>;

function start(words: readonly string[] = []): Run {
  rmSync(cleaned, { force: true });
  return spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function codeOf(run: Run): Promise<number | null> {
  await once(run, 'exit');
  assert.ok(existsSync(cleaned), 'it did not clean up');
  return run.exitCode;
}

test('whoever reads no more stops the work, which is cleaned up', async () => {
  const run = start();
  const said = text(run.stderr);
  await once(run.stdout, 'data');
  run.stdout.destroy();
  assert.equal(await codeOf(run), 141);
  assert.doesNotMatch(await said, /bug/);
});

test('Ctrl-C cleans up, also when it ends the reader of a pipe before', async () => {
  const run = start();
  await once(run.stdout, 'data');
  run.kill('SIGINT');
  run.stdout.destroy();
  run.stderr.destroy();
  assert.equal(await codeOf(run), 130);
});

test('a signal that comes after the end of the reader is not yet the second one', async () => {
  const run = start();
  await once(run.stdout, 'data');
  run.stdout.destroy();
  for await (const said of run.stderr) if (String(said).includes('cleaning')) break;
  run.kill('SIGHUP');
  assert.equal(await codeOf(run), 129);
});

test('a signal that comes twice at once, as `timeout` sends it, is one', async () => {
  const run = start();
  run.stdout.resume();
  await once(run.stderr, 'data');
  run.kill('SIGINT');
  run.kill('SIGTERM');
  assert.equal(await codeOf(run), 130);
});

test('whoever is told again ends at once, also in the middle of a clean-up', async () => {
  const run = start(['hang']);
  run.stdout.resume();
  await once(run.stderr, 'data');
  const again = setInterval(() => run.kill('SIGTERM'), 50);
  await once(run, 'exit');
  clearInterval(again);
  assert.equal(run.exitCode, 143);
  assert.ok(!existsSync(cleaned));
});

test('lost progress stops nothing', async () => {
  const run = start();
  await once(run.stdout, 'data');
  run.stderr.destroy();
  run.kill('SIGTERM');
  run.stdout.resume();
  assert.equal(await codeOf(run), 143);
});

test('help into a pipe that is closed, and results onto a full disk', () => {
  const pipe = spawnSync('bash', [
    '-c',
    '"$0" "$1" --help | true; echo "${PIPESTATUS[0]}"',
    process.execPath,
    bin,
  ]);
  assert.deepEqual([String(pipe.stdout), String(pipe.stderr)], ['0\n', '']);
  const full = openSync('/dev/full', 'w');
  const run = spawnSync(process.execPath, [bin, 'version'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  assert.deepEqual(
    [run.status, String(run.stderr)],
    [1, 'Error: Cannot write to standard output: the file system is full\n'],
  );
});

test('a terminal that is closed ends the command in order', { timeout: 60_000 }, async (t) => {
  const script = requireTool(t, 'script');
  if (script === undefined) return;
  rmSync(cleaned, { force: true });
  const terminal = spawn(
    script,
    ['--quiet', '--command', `"${process.execPath}" "${program}"`, '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  await once(terminal.stdout, 'data');
  // The terminal goes with whoever has made it.
  terminal.kill('SIGKILL');
  // Nobody announces the end of what is not our child.
  while (!existsSync(cleaned)) await delay(20, undefined, { signal: t.signal });
});
