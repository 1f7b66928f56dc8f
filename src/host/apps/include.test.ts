import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { appConfig, makeFiles, userError } from '../../../test/support/builds/app-builds.ts';
import { collectIncludes } from './include.ts';

const FILES = {
  'assets/index.html': '<p>',
  'assets/icons/a.svg': 'a',
  'assets/icons/b.svg': 'b',
  'assets/icons/note.txt': 'n',
  'run.sh': '#!',
};

function targets(t: TestContext, from: string, to: string): string[] {
  const directory = makeFiles(t, FILES);
  return collectIncludes(appConfig({ include: [{ from, to }] }), directory).entries.map(({ path }) => path);
}

suite('collectIncludes', () => {
  test('puts a file at its target, or into it when that ends in "/"', (t) => {
    assert.deepEqual(targets(t, 'run.sh', 'bin/start'), ['/app/app/bin/start']);
    assert.deepEqual(targets(t, './run.sh', 'bin/'), ['/app/app/bin/run.sh']);
    assert.deepEqual(targets(t, 'run.sh', '.'), ['/app/app/run.sh']);
    assert.deepEqual(targets(t, 'run.sh', '/etc/app/start'), ['/etc/app/start']);
    assert.deepEqual(targets(t, 'run.sh', '/app/app/start'), ['/app/app/start']);
  });

  test("puts a directory's files and a glob's matches below the target", (t) => {
    assert.deepEqual(targets(t, 'assets', 'www'), [
      '/app/app/www/icons/a.svg',
      '/app/app/www/icons/b.svg',
      '/app/app/www/icons/note.txt',
      '/app/app/www/index.html',
    ]);
    assert.deepEqual(targets(t, 'assets/**/*.{svg,html}', 'www'), [
      '/app/app/www/icons/a.svg',
      '/app/app/www/icons/b.svg',
      '/app/app/www/index.html',
    ]);
    assert.deepEqual(targets(t, 'assets/icons/*.svg', '/usr/share/icons'), [
      '/usr/share/icons/a.svg',
      '/usr/share/icons/b.svg',
    ]);
  });

  test('keeps of the permissions only whether the file is a program, and follows links to files', (t) => {
    const directory = makeFiles(t, FILES);
    chmodSync(join(directory, 'run.sh'), 0o700);
    chmodSync(join(directory, 'assets/index.html'), 0o600);
    symlinkSync('../run.sh', join(directory, 'assets/link'));
    const include = [{ from: 'assets', to: '.' }];
    const { entries } = collectIncludes(appConfig({ include }), directory);
    const modes = Object.fromEntries(entries.map(({ path, mode }) => [path, mode]));
    assert.equal(modes['/app/app/link'], 0o755);
    assert.equal(modes['/app/app/index.html'], 0o644);
  });

  test('leaves out what is private, and refuses it by name', (t) => {
    const directory = makeFiles(t, {
      'run.sh': '#!',
      '.tskrazy/update-key.pem': 'secret',
      'devices/b/.tskrazy/password': 'secret',
      'devices/b/x': '',
    });
    const included = (from: string) =>
      collectIncludes(appConfig({ include: [{ from, to: '.' }] }), directory).entries.map(({ path }) => path);
    assert.deepEqual(included('.'), ['/app/app/devices/b/x', '/app/app/run.sh']);
    assert.deepEqual(included('{.*,devices}/**'), ['/app/app/devices/b/x']);
    for (const from of ['.tskrazy', './.tskrazy/update-key.pem', 'devices/b/.tskrazy']) {
      const message = `Cannot include "${from}" in app "app": what is in ".tskrazy" is private`;
      assert.throws(() => included(from), userError(message));
    }
  });

  test('leaves out what is private also where a link leads to it', (t) => {
    const directory = makeFiles(t, { 'assets/x': '', '.tskrazy/update-key.pem': 'secret' });
    symlinkSync('../.tskrazy/update-key.pem', join(directory, 'assets/key'));
    symlinkSync('.tskrazy', join(directory, 'state'));
    const included = (from: string) =>
      collectIncludes(appConfig({ include: [{ from, to: '.' }] }), directory).entries.map(({ path }) => path);
    assert.deepEqual(included('assets'), ['/app/app/x']);
    assert.deepEqual(included('assets/*'), ['/app/app/x']);
    for (const from of ['state', 'assets/key', 'state/update-key.pem']) {
      assert.throws(() => included(from), userError(/ is private$/));
    }
  });

  test('says of a file whose name is not UTF-8 that this is so', (t) => {
    const directory = makeFiles(t, FILES);
    mkdirSync(join(directory, 'old'));
    writeFileSync(Buffer.from(`${directory}/old/caf\xe9`, 'latin1'), '');
    assert.throws(
      () => collectIncludes(appConfig({ include: [{ from: 'old', to: '.' }] }), directory),
      userError(/caf\uFFFD" in app "app": its name is not UTF-8$/, 'Rename the file.'),
    );
  });

  test('refuses targets outside of what an app may fill, by name', (t) => {
    const cases: readonly [string, RegExp][] = [
      ['../x', /its target "\.\.\/x" contains "\.\."$/],
      ['/etc/../bin/x', /its target "\/etc\/\.\.\/bin\/x" contains "\.\."$/],
      ['/bin/x', /"\/bin\/x" lies in \/bin, which belongs to the system$/],
      ['/dev/x', /lies in \/dev, which belongs to the system$/],
      ['/lib64/x', /lies in \/lib64, which/],
      ['/perm/x', /lies in \/perm, which/],
      ['/proc/x', /lies in \/proc, which/],
      ['/run/x', /lies in \/run, which/],
      ['/sys/x', /lies in \/sys, which/],
      ['/tmp/x', /lies in \/tmp, which/],
      ['/tsk/x', /lies in \/tsk, which/],
      ['/usr/bin/x', /lies in \/usr, which/],
      ['/app/other/x', /lies in \/app, which/],
      ['/', /its target "\/" lies in \/, which/],
      ['/etc/tskrazy/device.json', /lies in \/etc\/tskrazy, which the image fills itself$/],
      ['', /its target "" is empty$/],
    ];
    for (const [to, message] of cases) {
      assert.throws(
        () => targets(t, 'run.sh', to),
        userError(message, /^Use a path relative to the app's directory/),
      );
    }
  });

  test('refuses what is not there', (t) => {
    const cases: readonly [string, string][] = [
      ['nope.txt', 'there is no such file or directory'],
      ['assets/*.png', 'no file matches'],
      ['/dev/null', 'it is not a regular file'],
    ];
    for (const [from, problem] of cases) {
      assert.throws(
        () => targets(t, from, 'x'),
        userError(`Cannot include "${from}" in app "app": ${problem}`),
      );
    }
  });

  test('refuses a link that leads nowhere', (t) => {
    const directory = makeFiles(t, FILES);
    symlinkSync('nowhere', join(directory, 'assets/link'));
    const include = [{ from: 'assets', to: '.' }];
    assert.throws(
      () => collectIncludes(appConfig({ include }), directory),
      userError(/link" in app "app": it is a symbolic link that leads to no file$/),
    );
  });
});
