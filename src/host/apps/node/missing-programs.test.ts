import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppConfig } from '../../config/app-config.ts';
import { missingPrograms } from './missing-programs.ts';
import { lineOf, parseCode } from './syntax-tree.ts';

const SANDBOX = { devices: [], paths: {}, capabilities: [] };
const IMPORTS = "import { exec, spawn } from 'node:child_process';";
const FFMPEG =
  'main.js:3: "ffmpeg" is started, and no program of that name is on the device; if the app needs it, include one for the board ' +
  'below /app/cam and start it by its path (TSK_APP_DIR in the environment names that directory)';
const BY_SHELL =
  'main.js:2: exec runs "vcgencmd" by a shell, which is not on the device; if the app needs it, ';
const WITHOUT = 'start a program of the image without a shell (spawn, execFile)';

function missing(code: string, sandbox: AppConfig['sandbox'] = SANDBOX): string[] {
  const text = `${IMPORTS}\n${code}`;
  const root = parseCode(text);
  assert.ok(root !== undefined, text);
  const app = { appName: 'cam', instanceDirectory: '/i', appNames: new Set(['worker']), sandbox };
  return missingPrograms(app, [{ path: '/i/main.js', root, text, lineOf }]);
}

test('missingPrograms names file, line and what helps', () => {
  const code = "exec('vcgencmd measure_temp', done);\nspawn('ffmpeg');";
  assert.deepEqual(missing(code), [
    `${BY_SHELL}add "shell": true to apps.cam, which brings sh and the commands of busybox, or ${WITHOUT}`,
    FFMPEG,
  ]);
  assert.deepEqual(missing(code, 'off'), [`${BY_SHELL}${WITHOUT}`, FFMPEG]);
});

test('missingPrograms: what is there, and what the app sees to', () => {
  for (const code of [
    "spawn('node'); spawn('worker'); spawn('/perm/x/tool'); spawn('./tool');",
    "spawn('ffmpeg', [], { env: { PATH: `${process.env.TSK_APP_DIR}/bin` } });",
    "process.env['PATH'] = '/app/cam/bin'; spawn('ffmpeg');",
  ])
    assert.deepEqual(missing(code), [], code);
  assert.match(
    missing("spawn('/usr/bin/ffmpeg');")[0] ?? '',
    /^main\.js:2: "\/usr\/bin\/ffmpeg" is started, and no/,
  );
});

test('missingPrograms: a shell has what busybox has', () => {
  const sandbox = { ...SANDBOX, hasShell: true };
  assert.deepEqual(missing("exec('ls | wc -l'); spawn('df'); spawn('sh', ['-c', 'ls']);", sandbox), []);
  assert.deepEqual(
    missing(
      "exec('ls', { shell: '/bin/bash' });\nspawn('bash', ['-c', 'ls']);\nexec('sudo reboot');",
      sandbox,
    ),
    [
      'main.js:2: "bash" is started, and the shell on the device is "sh" alone',
      'main.js:3: "bash" is started, and the shell on the device is "sh" alone',
      'main.js:4: "sudo" is started, and no app may have more rights by a program',
    ],
  );
  // A shell would not help.
  assert.equal(
    missing("exec('sudo reboot');")[0],
    `main.js:2: exec runs "sudo" by a shell, which is not on the device; if the app needs it, ${WITHOUT}`,
  );
});
