import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { appConfig, makeFiles, userError } from '../../../test/support/builds/app-builds.ts';
import type { AppConfig } from '../config/app-config.ts';
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

  suite('of what a directory or a pattern covers', () => {
    const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5v\n';
    const PROJECT = {
      'tskrazy.json': '{}',
      '.env': 'TOKEN=x',
      '.npmrc': '//registry/:_authToken=x',
      '.git/config': 'url = https://me:x@host',
      'src/main.ts': '',
      'src/.hidden/x': '',
      'keys/harmless.txt': KEY,
      'notes/draft.md': '',
      'node_modules/a/.data': '',
      'node_modules/a/test-key.pem': KEY,
      'node_modules/.prisma/client/index.js': '',
      'node_modules/.package-lock.json': 'https://me:x@host',
    };

    function include(t: TestContext, include: AppConfig['include'], files: Record<string, string> = {}) {
      const directory = makeFiles(t, { ...PROJECT, ...files });
      const { entries, warnings } = collectIncludes(appConfig({ include }), directory);
      return { paths: entries.map(({ path }) => path.slice('/app/app/'.length)), warnings };
    }

    const IN_MODULES = [
      'node_modules/.prisma/client/index.js',
      'node_modules/a/.data',
      'node_modules/a/test-key.pem',
    ];

    test('leaves out where people keep secrets, and says so once', (t) => {
      const { paths, warnings } = include(t, [{ from: '.', to: '.' }]);
      assert.deepEqual(paths, [...IN_MODULES, 'notes/draft.md', 'src/main.ts']);
      assert.deepEqual(warnings, [
        'app "app" goes without .env, .git, .npmrc, node_modules/.package-lock.json, src/.hidden (names with a dot); ' +
          'keys/harmless.txt (private keys); tskrazy.json (configuration of instances): what it needs of these, name by ' +
          'itself in "include", or give "dot": true for names with a dot; secrets go by "secrets"',
      ]);
    });

    test('takes what is named by itself, and tells nothing of it', (t) => {
      const named = ['.env', 'keys/harmless.txt', 'tskrazy.json', '.npmrc', 'src/.hidden/x'];
      const { paths, warnings } = include(t, [
        { from: 'src', to: 'src' },
        ...named.map((from) => ({ from, to: from })),
      ]);
      assert.deepEqual(paths, ['src/main.ts', ...named]);
      assert.match(warnings.join(), /goes without src\/.hidden \(names with a dot\): /);
    });

    test('takes names with a dot where "dot" or the pattern says so, and never .tskrazy', (t) => {
      const state = { '.tskrazy/password': 'x' };
      const all = include(t, [{ from: '.', to: '.', dot: true }], state).paths;
      assert.deepEqual(all, [
        '.env',
        '.git/config',
        '.npmrc',
        ...IN_MODULES,
        'notes/draft.md',
        'src/.hidden/x',
        'src/main.ts',
      ]);
      assert.deepEqual(include(t, [{ from: '{.e,.t}*', to: '.' }], state).paths, ['.env']);
      assert.deepEqual(include(t, [{ from: 'src/.hidden/*', to: '.' }]).paths, ['x']);
      assert.deepEqual(include(t, [{ from: 'src/**', to: '.' }]).paths, ['main.ts']);
    });

    test('leaves out what .tskrazyignore names, in the language of .gitignore', (t) => {
      const ignored = { '.tskrazyignore': '# drafts\nnotes/\n*.ts\n!main.ts\n', 'src/other.ts': '' };
      const { paths, warnings } = include(t, [{ from: '{src,notes}/**', to: '.' }], ignored);
      assert.deepEqual(paths, ['src/main.ts']);
      assert.match(warnings.join(), /notes\/draft.md, src\/other.ts \(named in .tskrazyignore\)/);
    });

    test('refuses an entry of which nothing is left', (t) => {
      assert.throws(
        () => include(t, [{ from: 'keys', to: '.' }]),
        userError(
          'Cannot include "keys" in app "app": all that it stands for is left out',
          /^Name "keys\/harmless.txt" by itself/,
        ),
      );
    });

    test('goes by where a link leads, too', (t) => {
      const directory = makeFiles(t, PROJECT);
      symlinkSync('../.env', join(directory, 'src/settings'));
      symlinkSync('../keys/harmless.txt', join(directory, 'src/greeting'));
      const { entries, warnings } = collectIncludes(
        appConfig({ include: [{ from: 'src', to: '.' }] }),
        directory,
      );
      assert.deepEqual(
        entries.map(({ path }) => path),
        ['/app/app/main.ts'],
      );
      assert.match(
        warnings.join(),
        /src\/.hidden, src\/settings \(names with a dot\); src\/greeting \(private keys\)/,
      );
    });
  });

  test('leaves out lists of packages whose addresses have a password', (t) => {
    const directory = makeFiles(t, {
      'main.ts': "connect('https://user:password@example.org')",
      'package.json': '{"dependencies": {"a": "git+https://me:token@host/a.git"}}',
      'package-lock.json': '{"resolved": "https://registry/@scope/a:1@2.tgz"}',
      'yarn.lock': `a@git+https://ghp_${'1a'.repeat(18)}@host/a.git:\n`,
      'bun.lock': '{"resolved": "https://host/a.tgz?token=abc"}',
    });
    const { entries, warnings } = collectIncludes(
      appConfig({ include: [{ from: '.', to: '.' }] }),
      directory,
    );
    assert.deepEqual(
      entries.map(({ path }) => path),
      ['/app/app/main.ts', '/app/app/package-lock.json'],
    );
    assert.match(
      warnings.join(),
      /goes without bun\.lock, package\.json, yarn\.lock \(addresses with a password\): /,
    );
  });

  test('refuses a link that leads outside of the instance, with both names', (t) => {
    const directory = makeFiles(t, FILES);
    const elsewhere = makeFiles(t, { shadow: 'root:x', 'shared/page.html': '' });
    symlinkSync(join(elsewhere, 'shadow'), join(directory, 'assets/users'));
    symlinkSync(elsewhere, join(directory, 'linked'));
    const targetsOf = (from: string): string[] =>
      collectIncludes(appConfig({ include: [{ from, to: 'x' }] }), directory).entries.map(({ path }) => path);
    for (const [from, path, target] of [
      ['assets', 'assets/users', 'shadow'],
      ['assets/*', 'assets/users', 'shadow'],
      ['assets/users', 'assets/users', 'shadow'],
      ['linked', 'linked', ''],
      ['linked/shadow', 'linked/shadow', 'shadow'],
      ['linked/*', 'linked/shadow', 'shadow'],
    ] as const) {
      assert.throws(
        () => targetsOf(from),
        userError(
          `Cannot include "${join(directory, path)}" in app "app": a symbolic link leads from there to ` +
            `"${join(elsewhere, target).replace(/\/$/, '')}", outside of the instance`,
          /^Copy the file into the instance, or name ".*" itself in "include"\.$/,
        ),
      );
    }
    // Who names a place elsewhere means that place; but a link in there leads no further.
    assert.deepEqual(targetsOf(join(elsewhere, 'shared')), ['/app/app/x/page.html']);
    symlinkSync('../shadow', join(elsewhere, 'shared/users'));
    assert.throws(
      () => targetsOf(join(elsewhere, 'shared')),
      userError(/shared\/users" in app "app": a symbolic link leads/),
    );
  });
});
