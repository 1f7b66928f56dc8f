// Apps built with the real npm and the real Go. The packages are local tarballs, so that no network is needed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import type { AppContext } from '../../src/host/apps/app-context.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { pinGoPrograms } from '../../src/host/apps/go/pin-go-programs.ts';
import { type Lock, parseLock, stringifyLock } from '../../src/host/components/lock-file.ts';
import { ELF_MACHINE, readElf } from '../../src/formats/elf.ts';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { appConfig, appContext, makeFiles, unpack, userError } from '../support/builds/app-builds.ts';
import { makeZip } from '../support/formats/make-archives.ts';
import { makeElf } from '../support/formats/make-elf.ts';
import { installHere, makeNpmInstance, type NpmFixture } from '../support/builds/npm-instance.ts';
import { requireTool } from '../support/require-tool.ts';

const HOST_BOARD = BOARDS[process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64'];
const GLIBC_ADDON = { machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] };
const ARM_ADDON = { machine: ELF_MACHINE.aarch64, needed: ['libc.so.6'] };

function build(
  directory: string,
  app: Partial<AppConfig> = {},
  board: BoardId = 'pc-amd64',
): Promise<AppBuild> {
  return buildApp(appConfig({ node: './main.ts', ...app }), appContext(directory, board));
}

/** For the machine that runs the test, without a network. */
function buildGo(t: TestContext, directory: string, app: Partial<AppConfig>): Promise<AppBuild> {
  const context = appContext(directory, HOST_BOARD.id, makeFiles(t, {}));
  return buildApp(appConfig(app), { ...context, offline: true });
}

function paths({ entries }: AppBuild): string[] {
  return entries.map(({ path }) => path).toSorted();
}

function bundleOf({ entries }: AppBuild): string | undefined {
  const [entry] = entries;
  return entry?.kind === 'file' && entry.content.kind === 'bytes'
    ? new TextDecoder().decode(entry.content.bytes)
    : undefined;
}

const NATIVE = {
  json: { gypfile: true, dependencies: { loader: '1.0.0' } },
  files: {
    'index.js': "exports.value = require('loader');",
    'index.d.ts': 'export const value: string;',
    'binding.gyp': '{}',
    'src/addon.cc': 'int main;',
    'prebuilds/linux-x64/addon.node': makeElf(GLIBC_ADDON),
    'prebuilds/linux-arm64/addon.node': makeElf(ARM_ADDON),
    'prebuilds/linux-x64/addon.musl.node': makeElf({ ...GLIBC_ADDON, needed: ['libc.musl-x86_64.so.1'] }),
  },
};
const LOADER = { files: { 'index.js': "module.exports = 'loaded';" } };
const PURE = { files: { 'index.js': "exports.name = 'pure';" } };
const USES_BOTH = "import { name } from 'pure';\nimport { value } from 'native';\nconsole.log(name, value);";

suite('a node app with a native add-on', () => {
  for (const isInstalled of [true, false]) {
    test(`keeps only that package outside, ${isInstalled ? 'installed here' : 'in a fresh clone'}`, async (t) => {
      if (requireTool(t, 'npm') === undefined) return;
      const directory = await makeNpmInstance(t, { native: NATIVE, loader: LOADER, pure: PURE }, USES_BOTH, {
        isInstalled,
      });
      for (const [board, arch] of [
        ['pc-amd64', 'x64'],
        ['pc-arm64', 'arm64'],
      ] as const) {
        const built = await build(directory, {}, board);
        assert.deepEqual(paths(built), [
          '/app/app/main.cjs',
          '/app/app/no-shell.cjs',
          '/app/app/node_modules/loader/index.js',
          '/app/app/node_modules/loader/package.json',
          '/app/app/node_modules/native/index.js',
          '/app/app/node_modules/native/package.json',
          `/app/app/node_modules/native/prebuilds/linux-${arch}/addon.node`,
        ]);
        const root = makeFiles(t, {});
        unpack(built, root);
        const run = spawnSync(process.execPath, [join(root, 'app/app/main.cjs')], { encoding: 'utf8' });
        assert.equal(run.stdout, 'pure loaded\n', run.stderr);
      }
    });
  }

  test('is the same whether its packages are installed here or not, and makes no trace in the instance', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const directory = await makeNpmInstance(t, { native: NATIVE, loader: LOADER, pure: PURE }, USES_BOTH, {
      isInstalled: true,
    });
    const installed = await build(directory);
    rmSync(join(directory, 'node_modules'), { recursive: true });
    const before = readdirSync(directory);
    const fresh = await build(directory);
    assert.deepEqual(paths(fresh), paths(installed));
    assert.deepEqual(bundleOf(fresh), bundleOf(installed));
    assert.deepEqual(readdirSync(directory), before);
  });

  test('is built offline once its packages are in the cache', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const directory = await makeNpmInstance(t, { native: NATIVE, loader: LOADER, pure: PURE }, USES_BOTH);
    const context = { ...appContext(directory), offline: true };
    const app = appConfig({ node: './main.ts' });
    const first = await buildApp(app, context);
    assert.deepEqual(paths(await buildApp(app, context)), paths(first));
  });

  test('in a workspace is built from the lock file further up', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const root = await makeNpmInstance(t, { native: NATIVE, loader: LOADER, pure: PURE }, '');
    const json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
    const instance = join(root, 'devices/garden');
    mkdirSync(instance, { recursive: true });
    writeFileSync(join(root, 'package.json'), JSON.stringify({ ...json, workspaces: ['devices/*'] }));
    writeFileSync(
      join(instance, 'package.json'),
      JSON.stringify({ name: 'garden', version: '1.0.0', dependencies: { native: '1.0.0' } }),
    );
    writeFileSync(join(instance, 'main.ts'), USES_BOTH);
    installHere(root);
    const installed = await build(instance);
    assert.ok(paths(installed).includes('/app/app/node_modules/native/prebuilds/linux-x64/addon.node'));
    rmSync(join(root, 'node_modules'), { recursive: true });
    assert.deepEqual(paths(await build(instance)), paths(installed));
  });

  test('without a lock file is asked for in the version that is installed here', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const name = 'tsk-test-native';
    const directory = await makeNpmInstance(t, { [name]: { files: NATIVE.files } }, `import '${name}';`, {
      isInstalled: true,
    });
    rmSync(join(directory, 'package-lock.json'));
    await assert.rejects(
      buildApp(appConfig({ node: './main.ts' }), { ...appContext(directory), offline: true }),
      userError(/^Cannot install the packages of app "app": "npm install" failed:/, /without --offline/),
    );
  });
});

const NO_PREBUILT_HINT =
  /^Use a version of "native", or another package, .*linux-arm64.*ignoreInstallScripts\. What you have built yourself goes into apps\.app\.addons\.$/;

async function refuses(
  t: TestContext,
  native: NpmFixture,
  message: RegExp,
  hint = NO_PREBUILT_HINT,
): Promise<void> {
  if (requireTool(t, 'npm') === undefined) return;
  const directory = await makeNpmInstance(t, { native }, "import 'native';");
  await assert.rejects(build(directory, {}, 'pc-arm64'), userError(message, hint));
}

suite('a node app is refused', () => {
  test('when an add-on has no prebuilt file for the board', async (t) => {
    await refuses(
      t,
      { files: { 'prebuilds/linux-x64/addon.node': makeElf(GLIBC_ADDON) } },
      /^Cannot add package "native" 1\.0\.0 to app "app" for board "pc-arm64": it carries no prebuilt add-on for linux-arm64 with glibc$/,
    );
  });

  test('when an install script would download the add-on', async (t) => {
    const json = { scripts: { install: 'node download.js' } };
    const files = { 'download.js': "require('node:https').get('x');" };
    await refuses(t, { json, files }, /, and its install script, .* \("install: node download\.js"\)$/);
  });

  test('when an add-on needs a library that the image lacks', async (t) => {
    const addon = makeElf({ ...ARM_ADDON, needed: ['libc.so.6', 'libusb-1.0.so.0'] });
    await refuses(
      t,
      { files: { 'prebuilds/linux-arm64/addon.node': addon } },
      /: its "prebuilds\/linux-arm64\/addon\.node" does not load: it needs the shared library "libusb-1\.0\.so\.0"/,
      /^Set apps\.app\.libraries to \["libusb-1\.0-0"\], .*include the file for linux-arm64\..*ignoreInstallScripts\.$/,
    );
  });

  test('when package.json and the lock file disagree', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const directory = await makeNpmInstance(t, { native: NATIVE, loader: LOADER }, "import 'native';");
    const path = join(directory, 'package-lock.json');
    const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, object> };
    delete lock.packages['node_modules/loader'];
    writeFileSync(path, JSON.stringify(lock));
    await assert.rejects(
      build(directory),
      userError(/^Cannot install the packages of app "app": "npm ci" failed:/, /^Run "npm install" to bring/),
    );
  });
});

suite('a node app is accepted', () => {
  test('when the install script only prints, or is said to be needless', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const printing = { json: { scripts: { postinstall: 'node -e "console.log(1)"' } }, ...PURE };
    const downloading = { json: { scripts: { install: 'curl example' } }, ...PURE };
    const main = "import * as a from 'printing';\nimport * as b from 'downloading';\nconsole.log(a, b);";
    const directory = await makeNpmInstance(t, { printing, downloading }, main);
    const dependencies = { ignoreInstallScripts: ['downloading'] };
    assert.deepEqual(paths(await build(directory, { dependencies })), ['/app/app/main.cjs']);
  });

  test('when the library that an add-on needs is included where the app looks for it', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const addon = makeElf({ ...GLIBC_ADDON, needed: ['libc.so.6', 'libusb-1.0.so.0'] });
    const native = { files: { 'prebuilds/linux-x64/addon.node': addon } };
    const directory = await makeNpmInstance(t, { native }, "import 'native';");
    mkdirSync(join(directory, 'lib'));
    writeFileSync(join(directory, 'lib/libusb-1.0.so.0'), makeElf(GLIBC_ADDON));
    const include = [{ from: 'lib', to: 'lib' }];
    await assert.rejects(build(directory, { include }), { name: 'UserError' });
    const built = await build(directory, { include, env: { LD_LIBRARY_PATH: '/app/app/lib' } });
    assert.deepEqual(built.warnings, []);
  });

  test('when an install script does nothing that can be seen to count, in one line', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const patched = { json: { scripts: { postinstall: 'patch-them' } }, ...PURE };
    const hooked = { json: { scripts: { install: 'husky' } }, files: { 'index.js': '' } };
    const directory = await makeNpmInstance(
      t,
      { patched, hooked },
      "import { name } from 'patched';\nconsole.log(name);",
    );
    const dependencies = { unbundled: ['hooked'] };
    const built = await build(directory, { dependencies });
    assert.deepEqual(built.warnings, [
      'install scripts of packages of app "app" are not run: hooked ("install: husky"), patched ("postinstall: patch-them"); ' +
        'those that nothing needs go into apps.app.dependencies.ignoreInstallScripts',
    ]);
    assert.ok(!paths(built).some((path) => path.includes('/patched/')));
    const ignoreInstallScripts = ['hooked', 'patched'];
    assert.deepEqual(
      (await build(directory, { dependencies: { ...dependencies, ignoreInstallScripts } })).warnings,
      [],
    );
  });

  test('with programs for other machines only when nothing shows that they count, with a warning', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const tool = { files: { 'bin/tool': makeElf(ARM_ADDON), 'index.js': '' } };
    const directory = await makeNpmInstance(t, { tool }, '');
    const built = await build(directory, { dependencies: { unbundled: ['tool'] } });
    assert.deepEqual(built.warnings, [
      'package "tool" of app "app" has programs for other machines only: its "bin/tool" is for 64-bit Arm',
    ]);
    assert.deepEqual(
      built.leftOut.map(({ reason, files }) => [reason, files]),
      [['foreign binary', 1]],
    );
    const foreignBinaries = ['node_modules/tool/bin/tool'];
    const wanted = await build(directory, { foreignBinaries, dependencies: { unbundled: ['tool'] } });
    assert.ok(paths(wanted).includes('/app/app/node_modules/tool/bin/tool'));
    assert.deepEqual([wanted.warnings, wanted.leftOut], [[], []]);
    const whole = await build(directory, { dependencies: { unbundled: ['tool'], files: 'all' } });
    assert.deepEqual([whole.warnings, whole.leftOut, paths(whole)], [[], [], paths(wanted)]);
  });

  test('when a missing add-on is optional, with a warning', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const speedup = { json: { gypfile: true } };
    const pure = {
      json: { optionalDependencies: { speedup: '1.0.0' } },
      files: { 'index.js': "try { require('speedup'); } catch { exports.slow = true; }" },
    };
    const directory = await makeNpmInstance(
      t,
      { pure, speedup },
      "import pure from 'pure';\nconsole.log(pure.slow);",
    );
    const built = await build(directory);
    assert.deepEqual(paths(built), ['/app/app/main.cjs']);
    assert.match(
      built.warnings.join(),
      /^package "speedup" of app "app" is left out: it carries no prebuilt add-on/,
    );
  });

  test('with packages that are to stay unbundled', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const data = { files: { 'index.js': 'exports.read = 1;', 'data.bin': 'data' } };
    const directory = await makeNpmInstance(t, { data, pure: PURE }, "import 'data';");
    const built = await build(directory, { dependencies: { unbundled: ['data', 'pure'] } });
    assert.ok(paths(built).includes('/app/app/node_modules/data/data.bin'));
    assert.ok(paths(built).includes('/app/app/node_modules/pure/index.js'));
    await assert.rejects(
      build(directory, { dependencies: { unbundled: ['absent'] } }),
      userError('Cannot add package "absent" to app "app": it is not installed'),
    );
  });
});

const CLOCK = {
  'go.mod': 'module example.org/clock\n\ngo 1.21\n',
  'cmd/clock/main.go':
    'package main\n\nimport (\n\t_ "embed"\n\t"os"\n)\n\n//go:embed text.txt\nvar text string\n\n' +
    'func main() { os.Stdout.WriteString(text + os.Args[1]) }\n',
  'cmd/clock/text.txt': 'tick ',
  'cmd/clock/main_test.go': 'package main\n',
  'lib/lib.go': 'package lib\n',
  'broken/main.go': 'package main\n\nfunc main() { undefined() }\n',
};

/** A version of module example.org/tool as a GOPROXY has it. */
function proxyFiles(version: string, text: string): Record<string, string | Uint8Array> {
  const module = 'module example.org/tool\n\ngo 1.21\n';
  const base = `example.org/tool/@v/${version}`;
  return {
    [`${base}.info`]: JSON.stringify({ Version: version, Time: '2026-01-01T00:00:00Z' }),
    [`${base}.mod`]: module,
    [`${base}.zip`]: makeZip({
      [`example.org/tool@${version}/go.mod`]: module,
      [`example.org/tool@${version}/cmd/tool/main.go`]: `package main\n\nfunc main() { println("${text}") }\n`,
    }),
  };
}

function setVariables(t: TestContext, variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    process.env[name] = value;
  }
}

/** Where on this machine the executable lies. */
function programOf({ entries: [entry] }: AppBuild): string {
  assert.ok(entry?.kind === 'file' && entry.content.kind === 'path');
  return entry.content.path;
}

suite('a Go app', () => {
  test('is a static program for the board, the same from every directory', async (t) => {
    if (requireTool(t, 'go') === undefined) return;
    const app = { name: 'clock', go: './cmd/clock', args: ['tock'] };
    const hashes: string[] = [];
    for (const directory of [makeFiles(t, CLOCK), makeFiles(t, CLOCK)]) {
      const built = await buildGo(t, directory, app);
      assert.deepEqual(paths(built), ['/user/clock']);
      assert.deepEqual([built.service.kind, built.service.argv], ['go', ['/user/clock', 'tock']]);
      assert.deepEqual(
        built.inputs.map((path) => path.slice(directory.length + 1)),
        ['broken/main.go', 'cmd/clock/main.go', 'cmd/clock/text.txt', 'go.mod', 'lib/lib.go'],
      );
      const root = makeFiles(t, {});
      unpack(built, root);
      const program = readFileSync(join(root, 'user/clock'));
      hashes.push(createHash('sha256').update(program).digest('hex'));
      const elf = await readElf(program);
      assert.deepEqual([elf.machine, elf.isDynamic], [HOST_BOARD.elfMachine, false]);
      const run = spawnSync(join(root, 'user/clock'), ['tock'], { encoding: 'utf8' });
      assert.equal(run.stdout, 'tick tock');
    }
    assert.equal(hashes[0], hashes[1]);
  });

  test('is linked again when what lies in the cache is not what go left there', async (t) => {
    if (requireTool(t, 'go') === undefined) return;
    const app = appConfig({ name: 'clock', go: './cmd/clock' });
    const context = { ...appContext(makeFiles(t, CLOCK), HOST_BOARD.id, makeFiles(t, {})), offline: true };
    const output = programOf(await buildApp(app, context));
    const whole = readFileSync(output);
    for (const damaged of [whole.subarray(0, -100_000), 'not a program']) {
      writeFileSync(output, damaged);
      assert.ok(readFileSync(programOf(await buildApp(app, context))).equals(whole));
    }
  });

  test('is the same whatever the environment wants of Go, and says what does not count', async (t) => {
    if (requireTool(t, 'go') === undefined) return;
    const app = appConfig({ name: 'clock', go: './cmd/clock' });
    const context = appContext(makeFiles(t, CLOCK), HOST_BOARD.id, makeFiles(t, {}));
    const plain = await buildApp(app, context);
    assert.deepEqual(plain.warnings, []);
    const program = readFileSync(programOf(plain));
    setVariables(t, {
      GOFLAGS: '-race -modcacherw -tags=other',
      GOAMD64: 'v4',
      GO111MODULE: 'off',
      GOEXPERIMENT: 'nonsense',
      GIT_DIR: '/nonexistent',
    });
    const again = await buildApp(app, context);
    assert.ok(readFileSync(programOf(again)).equals(program));
    assert.deepEqual(again.warnings, [
      'app "clock" is built without what GOFLAGS of this computer says: -race -tags=other',
    ]);
  });

  const PINNED = { update: false, withoutTool: 'refuse' } as const;

  test('with a version comes from the module proxy, in the version that the lock pins', async (t) => {
    if (requireTool(t, 'go') === undefined) return;
    const proxy = makeFiles(t, {
      ...proxyFiles('v1.0.0', 'first'),
      'example.org/tool/@v/list': 'v1.0.0\n',
    });
    setVariables(t, {
      GOPROXY: pathToFileURL(proxy).href,
      GONOSUMDB: '*',
      GOFLAGS: '-modcacherw',
      GOMODCACHE: makeFiles(t, {}),
    });
    const app = appConfig({ name: 'tool', go: 'example.org/tool/cmd/tool@latest' });
    const local = appConfig({ name: 'clock', go: './cmd/clock' });
    const context = appContext(makeFiles(t, {}), HOST_BOARD.id);
    const output = async (lock: Lock, on: AppContext = context) => {
      const root = makeFiles(t, {});
      unpack(await buildApp(app, { ...on, lock }), root);
      return spawnSync(join(root, 'user/tool'), { encoding: 'utf8' }).stderr;
    };
    const empty: Lock = { formatVersion: 1, createdAtSec: 1, boards: {} };
    const { lock, changes } = await pinGoPrograms(empty, [app, local], context, PINNED);
    assert.deepEqual(changes, [{ app: 'tool', from: null, to: 'v1.0.0' }]);
    assert.equal(await output(lock), 'first\n');
    assert.deepEqual(parseLock(stringifyLock(lock), 'x'), lock);

    for (const [path, content] of Object.entries(proxyFiles('v1.1.0', 'second'))) {
      writeFileSync(join(proxy, path), content);
    }
    writeFileSync(join(proxy, 'example.org/tool/@v/list'), 'v1.0.0\nv1.1.0\n');
    assert.equal((await pinGoPrograms(lock, [app, local], context, PINNED)).lock, lock);
    assert.equal(await output(lock, { ...context, offline: true }), 'first\n');
    assert.equal(await output(lock, appContext(makeFiles(t, {}), HOST_BOARD.id)), 'first\n');
    const moved = await pinGoPrograms(lock, [app, local], context, { ...PINNED, update: true });
    assert.deepEqual(moved.changes, [{ app: 'tool', from: 'v1.0.0', to: 'v1.1.0' }]);
    assert.equal(await output(moved.lock), 'second\n');

    const locked = { module: 'example.org/tool', version: 'v1.1.0', sum: `h1:${'A'.repeat(43)}=` };
    await assert.rejects(
      output({ ...lock, goPrograms: { [app.go ?? '']: locked } }),
      userError(
        /^Cannot build app "tool": Go module "example\.org\/tool@v1\.1\.0" is not the one that tskrazy\.lock\.json pins: expected h1:A+=, got h1:/,
        /"tsk get -u"/,
      ),
    );
  });

  test('is refused with the words of Go, and what to do', async (t) => {
    if (requireTool(t, 'go') === undefined) return;
    const directory = makeFiles(t, CLOCK);
    const cases: readonly [string, RegExp, RegExp | undefined][] = [
      [
        './broken',
        /^Cannot build app "clock" from "\.\/broken": "go build" failed:\n.*\n {2}\.\/main\.go:3:15: undefined: undefined$/,
        undefined,
      ],
      ['./lib', /^Cannot use "\.\/lib" as app "clock": it is a library, not a program$/, /"package main"/],
      ['./none', /^Cannot build app "clock": ".*\/none" does not exist$/, /apps\.clock\.go/],
      ['./go.mod', /".*\/go\.mod" is a file, not the directory of a package$/, /apps\.clock\.go/],
      [
        'example.org/x',
        /"example\.org\/x" is neither an import path with a version nor a local directory$/,
        /@latest/,
      ],
      ['example.org/x@v1.0.0', /"go get example\.org\/x@v1\.0\.0" failed:/, /without --offline/],
    ];
    for (const [go, message, hint] of cases) {
      await assert.rejects(buildGo(t, directory, { name: 'clock', go }), userError(message, hint));
    }
    const loose = makeFiles(t, { 'main.go': 'package main\n\nfunc main() {}\n' });
    await assert.rejects(
      buildGo(t, loose, { name: 'clock', go: '.' }),
      userError(/go\.mod file not found/, /^Run "go mod init example\.org\/NAME" in /),
    );
  });

  test('is refused where Go is not installed', async (t) => {
    setVariables(t, { PATH: '/nonexistent' });
    await assert.rejects(
      buildGo(t, makeFiles(t, CLOCK), { name: 'clock', go: './cmd/clock' }),
      userError('Cannot build app "clock": Go is not installed (no "go" on PATH)', /^Install Go/),
    );
  });
});
