import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startedPrograms } from './started-programs.ts';
import { lineOf, parseCode } from './syntax-tree.ts';

function startedIn(text: string): string[] {
  const root = parseCode(text);
  assert.ok(root !== undefined, text);
  return startedPrograms({ path: 'main.js', root, text, lineOf }).map(
    ({ call, program = '?', shell }) => `${call} ${program}${shell === undefined ? '' : ` by ${shell}`}`,
  );
}

test('startedPrograms: however the functions are imported', () => {
  for (const code of [
    "import { exec } from 'node:child_process'; exec('df -h', done);",
    "import { exec as run } from 'child_process'; run(`df`);",
    "import * as cp from 'node:child_process'; cp.exec('df -h');",
    "import cp from 'node:child_process'; cp?.exec('df -h');",
    "import { default as cp } from 'node:child_process'; const { exec } = cp; exec('df');",
    "import cp from 'node:child_process'; const run = cp.exec; run('df');",
    "const { exec: run } = require('child_process'); run('FOO=1 df | wc -l');",
    "const { exec = other } = require('child_process'); exec('df');",
    "const cp = require('node:child_process'); cp.exec('df');",
    "let cp; cp = require('node:child_process'); cp.exec('df');",
    "const exec = require('child_process').exec; exec('df');",
    "require('child_process').exec('df');",
    "const exec = util.promisify(require('child_process').exec); await exec('df');",
    "const { exec } = await import('node:child_process'); exec('df;ls');",
    "(await import('node:child_process')).exec('df');",
    // As compilers write it for CommonJS.
    'const child_process_1 = require("child_process"); (0, child_process_1.exec)("df");',
    'const cp = __importStar(require("child_process")); cp.exec("df");',
    'const cp = __importDefault(require("child_process")); cp.default.exec("df");',
  ])
    assert.deepEqual(startedIn(code), ['exec df by sh'], code);
});

test('startedPrograms: with a shell, without one, and handed on', () => {
  const calls = {
    "execSync('$TOOL -v');": ['execSync ? by sh'],
    'execSync(command);': ['execSync ? by sh'],
    "exec('');": ['exec ? by sh'],
    "exec('sudo -n reboot');": ['exec sudo by sh'],
    'exec(\'A=1 B="a b" df\');': ['exec df by sh'],
    "exec('A=1');": ['exec ? by sh'],
    [`exec('T=${'QUJD='.repeat(40)}');`]: ['exec ? by sh'],
    'const run = promisify(exec);': [],
    "const run = promisify(execFile); run('df', []);": ['execFile df'],
    "await promisify(execFile)('df', []);": ['execFile df'],
    'export default promisify(exec);': ['exec ? by sh'],
    'module.exports = promisify(exec);': ['exec ? by sh'],
    'use(exec);': ['exec ? by sh'],
    "spawn('df', ['-h']);": ['spawn df'],
    "spawn('df', { shell: true });": ['spawn df by sh'],
    "spawn('df -h', options);": ['spawn df by sh'],
    "execFile('df', [], { 'shell': '/bin/bash' }, done);": ['execFile df by bash'],
    "exec('df', { shell: '/bin/bash' });": ['exec df by bash'],
    "spawn('df', { shell: false });": ['spawn df'],
    "spawnSync('bash', ['-c', 'df']);": ['spawnSync ? by bash'],
    "spawn('/bin/sh', ['run']);": ['spawn ? by sh'],
    "execFileSync('/app/x/df');": ['execFileSync /app/x/df'],
    "spawn(process.execPath, []); spawn(tool); spawn('');": [],
    "fork('./child.js');": [],
  };
  for (const [call, found] of Object.entries(calls)) {
    const code = `import { exec, execSync, spawn, spawnSync, execFile, execFileSync, fork } from 'node:child_process';\n${call}`;
    assert.deepEqual(startedIn(code), found, call);
  }
});

test('startedPrograms: nothing of other modules', () => {
  for (const code of [
    "exec('df'); /x/.exec('df'); pattern.exec('df'); db.exec('df');",
    "import { exec } from './mine.js'; exec('df');",
  ])
    assert.deepEqual(startedIn(code), [], code);
});

test('startedPrograms: what runs on a device, and not what is for other systems', () => {
  const imported = "import { exec } from 'node:child_process';\n";
  for (const code of [
    "if (process.platform === 'linux') exec('df');",
    "if (process.platform === 'win32') exec('ver'); else exec('df');",
    "if (os.platform() !== 'darwin') { exec('df'); }",
    "const isMac = process.platform === 'darwin'; if (!isMac) exec('df');",
    "if (info.platform) exec('df');",
    "if (process.platform === 'linux' || force) exec('df');",
    "switch (process.platform) { case 'darwin': exec('open'); break; case 'linux': exec('df'); }",
    "if (process.env.NODE_ENV === 'production') exec('df');",
    "function run() { if (process.platform === 'darwin') return; exec('df'); }",
  ])
    assert.deepEqual(startedIn(imported + code), ['exec df by sh'], code);
  for (const code of [
    "if (process.platform === 'darwin') exec('open');",
    "const out = os.platform() == 'win32' ? exec('ver') : '';",
    "const { platform } = process; if (platform === 'darwin') exec('open');",
    "const isMac = process.platform === 'darwin'; if (isMac) exec('open');",
    "process.platform === 'darwin' && exec('open');",
    "process.platform === 'linux' || exec('open');",
    "function run() { if (process.platform !== 'darwin') { log(); return; } exec('open'); }",
    "if (process.env.TSK_APP_DIR === undefined) exec('open');",
    "if (!process.env['TSK_APP_DIR']) exec('open');",
    "if (process.env.NODE_ENV !== 'production' && mayOpen) exec('open');",
    "const tool = process.env.TSK_APP_DIR ?? exec('open');",
  ])
    assert.deepEqual(startedIn(imported + code), [], code);
});
