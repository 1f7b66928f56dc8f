import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { makeFiles } from '../../../test/support/builds/app-builds.ts';
import { noShellScript } from './no-shell.ts';

/** What the program prints as JSON, and what is in its log. */
function run(
  t: TestContext,
  code: string,
  {
    name = 'main.cjs',
    options = [],
    // On a device there is none.
    text = noShellScript(true, '/none/sh'),
  }: { name?: string; options?: string[]; text?: string } = {},
): [unknown, string] {
  const directory = makeFiles(t, { [name]: code });
  const script = join(directory, 'no-shell.cjs');
  writeFileSync(script, text);
  const args = ['--require', script, ...options, join(directory, name)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
  return [JSON.parse(stdout), stderr];
}

const LINE = (command: string) =>
  `tskrazy: there is no shell on this device: ${command} was not run ("shell": true gives an app one)\n`;

const listBy = (shell: string) =>
  `require('child_process').exec('ls', { shell: '${shell}' }, ({ code }) => console.log(JSON.stringify(code)));`;

const tried = (act: string) => `try { ${act} } catch (error) { told(error); }`;

suite('noShellScript', () => {
  test('tells once of what was not run, however it was to be, and the program gets what it would get', (t) => {
    const wanted = `const shell = '/none/sh';\nconst codes = [];\nconst told = (error) => codes.push(error.code);`;
    const end = "process.on('exit', () => console.log(JSON.stringify(codes)));";
    const ways: readonly [string, string, string?][] = [
      ["exec('npm prefix', { shell }, told);", '"npm prefix"'],
      ["spawn('npm prefix', { shell }).on('error', told);", '"npm prefix"'],
      ["spawn('/none/bash', ['a.sh', 'b']).on('error', told);", '"a.sh b"'],
      ["execFile('/none/dash', told);", '"/none/dash"'],
      [tried('execSync(\'a "b"\\n\', { shell });'), String.raw`"a \"b\"\n"`],
      ["told(spawnSync('npm prefix', { shell }).error);", '"npm prefix"'],
      [tried("execFileSync('npm', { shell });"), '"npm"'],
      [
        "exec('curl --token abc https://me:pw@a.example/', { shell }, told);",
        '"curl --token *** https://***@a.example/"',
      ],
      [`exec('${'x'.repeat(200)}', { shell }, told);`, `"${'x'.repeat(120)}..."`],
      // The second is not told.
      ["exec('first', { shell }, told); exec('second', { shell }, () => {});", '"first"'],
    ];
    for (const [way, command] of ways) {
      const names = 'exec, execFile, execFileSync, execSync, spawn, spawnSync';
      const programs = {
        'main.cjs': `const { ${names} } = require('child_process');`,
        'main.mjs': `import { ${names} } from 'node:child_process';`,
      };
      for (const [name, load] of Object.entries(programs)) {
        const found = run(t, [load, wanted, end, way].join('\n'), { name });
        assert.deepEqual(found, [['ENOENT'], LINE(command)], `${name}: ${way}`);
      }
    }
  });

  test('gives no hint to who has a shell and wants another one, nor to who may have none', (t) => {
    assert.deepEqual(run(t, listBy('/none/zsh'), { text: noShellScript(true) }), [
      'ENOENT',
      'tskrazy: there is no /none/zsh on this device: "ls" was not run (there is /bin/sh)\n',
    ]);
    assert.deepEqual(run(t, listBy('/none/sh'), { text: noShellScript(false, '/none/sh') }), [
      'ENOENT',
      'tskrazy: there is no shell on this device: "ls" was not run\n',
    ]);
  });

  test('is silent about all else', (t) => {
    const found = run(
      t,
      `const { exec, spawn, spawnSync } = require('node:child_process');
       const results = [String(spawnSync('echo', ['a']).stdout), spawnSync('/none/tool').error.code];
       spawn('/none/tool', ['sh']).on('error', ({ code }) => results.push(code));
       exec('exit 3', ({ code }) => results.push(code));
       // There is a shell, but not the directory.
       exec('true', { cwd: '/none' }, ({ code }) => results.push(code));
       process.on('exit', () => console.log(JSON.stringify(results.sort())));`,
    );
    assert.deepEqual(found, [[3, 'ENOENT', 'ENOENT', 'ENOENT', 'a\n'], '']);
  });

  test('loads nothing, shows in no options, and is not in the way of what closes its log', (t) => {
    const loaded = "process.moduleLoadList.some((name) => name.includes('child_process'))";
    const program = `console.log(JSON.stringify([${loaded}, process.execArgv]));`;
    assert.deepEqual(run(t, program, { options: ['--no-warnings'] }), [[false, ['--no-warnings']], '']);
    const closed = `require('node:fs').closeSync(2);
      require('node:child_process').exec('a', { shell: '/none/sh' }, ({ code }) => console.log(JSON.stringify(code)));`;
    assert.deepEqual(run(t, closed), ['ENOENT', '']);
    // Where nothing of Node.js's own is to be reached.
    const permission = { options: ['--permission', '--allow-fs-read=*'] };
    assert.deepEqual(run(t, 'console.log(1);', permission), [1, '']);
  });
});
