import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingPrograms, startedPrograms } from './started-programs.ts';
import { lineOf, parseCode } from './syntax-tree.ts';

function codeOf(text: string) {
  const root = parseCode(text);
  assert.ok(root !== undefined, text);
  return { path: '/i/main.js', root, text, lineOf };
}

function startedIn(text: string): string[] {
  return startedPrograms(codeOf(text)).map(
    ({ call, program = '?', byShell }) => `${call} ${program}${byShell ? ' by a shell' : ''}`,
  );
}

test('startedPrograms: however the functions are imported', () => {
  for (const code of [
    "import { exec } from 'node:child_process'; exec('df -h', done);",
    "import { exec as run } from 'child_process'; run(`df`);",
    "import * as cp from 'node:child_process'; cp.exec('df -h');",
    "import cp from 'node:child_process'; cp?.exec('df -h');",
    "const { exec: run } = require('child_process'); run('FOO=1 sudo df | wc -l');",
    "const cp = require('node:child_process'); cp.exec('df');",
    "const { exec } = await import('node:child_process'); exec('df;ls');",
  ])
    assert.deepEqual(startedIn(code), ['exec df by a shell'], code);
});

test('startedPrograms: with a shell, without one, and handed on', () => {
  const calls = {
    "execSync('$TOOL -v');": ['execSync ? by a shell'],
    'execSync(command);': ['execSync ? by a shell'],
    'const run = promisify(exec);': ['exec ? by a shell'],
    "spawn('df', ['-h']);": ['spawn df'],
    "spawn('df', { shell: true });": ['spawn df by a shell'],
    "execFile('df', [], { 'shell': '/bin/bash' }, done);": ['execFile df by a shell'],
    "spawn('df', { shell: false });": ['spawn df'],
    "spawnSync('bash', ['-c', 'df']);": ['spawnSync ? by a shell'],
    "spawn('/bin/sh', ['run']);": ['spawn ? by a shell'],
    "execFileSync('/app/x/df');": ['execFileSync /app/x/df'],
    'spawn(process.execPath, []); spawn(tool);': [],
    "fork('./child.js');": [],
  };
  for (const [call, found] of Object.entries(calls)) {
    const code = `import { exec, execSync, spawn, spawnSync, execFile, execFileSync, fork } from 'node:child_process';\n${call}`;
    assert.deepEqual(startedIn(code), found, call);
  }
});

test('startedPrograms: nothing of other modules, and nothing that is for other systems', () => {
  for (const code of [
    "exec('df'); /x/.exec('df'); pattern.exec('df');",
    "import { exec } from './mine.js'; exec('df');",
    "import { spawn } from 'node:child_process'; if (process.platform === 'darwin') spawn('open', [url]);",
    "import { execSync } from 'node:child_process'; const out = os.platform() == 'win32' ? execSync('ver') : '';",
    "import { spawn } from 'node:child_process'; const tool = process.env.TSK_APP_DIR ?? spawn('df');",
  ])
    assert.deepEqual(startedIn(code), [], code);
});

test('missingPrograms names file, line and what helps', () => {
  const code = codeOf(
    "import { exec, spawn } from 'node:child_process';\nexec('vcgencmd measure_temp', done);\nspawn('ffmpeg');\n" +
      "spawn('node'); spawn('worker'); spawn('/perm/x/tool');",
  );
  const app = { appName: 'cam', instanceDirectory: '/i', appNames: new Set(['worker']) };
  const sandbox = { devices: [], paths: {}, capabilities: [] };
  const ffmpeg =
    'main.js:3: "ffmpeg" is started by its name, and no program of that name is on the device; if the app needs it, include ' +
    'one for the board below /app/cam and start it by its path (TSK_APP_DIR in the environment names that directory)';
  const byShell =
    'main.js:2: exec runs "vcgencmd" by a shell, which is not on the device; if the app needs it, ';
  assert.deepEqual(missingPrograms({ ...app, sandbox }, [code]), [
    `${byShell}add "shell": true to apps.cam, or start a program of the image without a shell (spawn, execFile)`,
    ffmpeg,
  ]);
  assert.deepEqual(missingPrograms({ ...app, sandbox: 'off' }, [code]), [
    `${byShell}start a program of the image without a shell (spawn, execFile)`,
    ffmpeg,
  ]);
  assert.deepEqual(missingPrograms({ ...app, sandbox: { ...sandbox, hasShell: true } }, [code]), []);
});
