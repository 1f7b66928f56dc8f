// The published package: packed as for the registry, installed elsewhere as users install it, and run under the
// oldest and the newest Node.js that it is for.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { delimiter, join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };
import { makeRoot, runTsk, type TskRun } from '../support/cli/instances.ts';

const checkout = join(import.meta.dirname, '..', '..');
const root = makeRoot('package');
const prefix = join(root, 'prefix');
const installed = join(prefix, 'lib', 'node_modules', packageJson.name);
const workplace = join(root, 'home');
const npm22 = `node-linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;
const NODES = {
  22: join(root, 'node22', 'node_modules', npm22, 'bin', 'node'),
  26: process.execPath,
};

interface Packed {
  filename: string;
  size: number;
  files: { path: string; mode: number }[];
}
let packed: Packed;

function npm(args: readonly string[], cwd: string): string {
  const all = ['--no-audit', '--no-fund', '--loglevel=error', ...args];
  return execFileSync('npm', all, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

before(() => {
  mkdirSync(workplace);
  const json = npm(['pack', '--json', '--pack-destination', root], checkout);
  // npm before 12 gives an array; whatever prepack prints may come first.
  const parsed = JSON.parse(json.slice(json.search(/^[[{]/m))) as Packed[] | Record<string, Packed>;
  packed = Object.values(parsed)[0]!;
  const tarball = join(root, packed.filename);
  // Without scripts: nothing of ours or of what we depend on may need one.
  npm(['install', '--global', '--prefix', prefix, '--ignore-scripts', tarball], root);
  npm(['install', '--prefix', join(root, 'node22'), '--ignore-scripts', `${npm22}@^22.18`], root);
});

/** The installed command, as a shell would find and start it. */
function tsk(major: keyof typeof NODES, args: readonly string[], cwd = workplace): TskRun {
  const node = NODES[major];
  const bin = join(root, `path-${major}`);
  if (!existsSync(bin)) {
    mkdirSync(bin);
    execFileSync('ln', ['-s', node, join(bin, 'node')]);
  }
  const PATH = [bin, join(prefix, 'bin'), process.env['PATH']].join(delimiter);
  const { status, stdout, stderr } = spawnSync('tsk', args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  return { code: status, stdout, stderr };
}

test('the package holds the command, what goes onto the device, the templates, and no more', () => {
  const allowed =
    /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|tskrazy\.schema\.json|docs\/[\w-]+\.md|dist\/(tsk\.js|chunks\/[\w-]+\.js|app\/(index|gpio\/[\w-]+)\.(js|d\.ts)|device\/(init|net|web)\.cjs(\.map)?|templates\/(ts|js|go|homebridge|node-red|zigbee2mqtt)\/.+))$/;
  const paths = packed.files.map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => !allowed.test(path)),
    [],
  );
  for (const wanted of [
    'LICENSE',
    'README.md',
    'docs/updates.md',
    'tskrazy.schema.json',
    'dist/tsk.js',
    'dist/device/web.cjs.map',
  ]) {
    assert.ok(paths.includes(wanted), wanted);
  }
  // Much more would be a kernel or a test that got in.
  assert.ok(packed.size < 1.5 * 1024 * 1024, `${packed.size} bytes`);
  assert.equal(packed.files.find(({ path }) => path === 'dist/tsk.js')!.mode & 0o111, 0o111);
});

test('nothing in the package needs what only the checkout has', async () => {
  const names = Object.keys(packageJson.dependencies);
  const { metafile } = await build({
    entryPoints: [join(installed, 'dist', 'tsk.js')],
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  });
  const imported = Object.values(metafile.inputs).flatMap((input) =>
    input.imports.filter(({ external }) => external === true).map(({ path }) => path),
  );
  const packages = new Set(imported.filter((path) => !isBuiltin(path)));
  const undeclared = [...packages].filter(
    (path) => !names.some((name) => path === name || path.startsWith(`${name}/`)),
  );
  assert.deepEqual(undeclared, []);
  const unused = names.filter(
    (name) => ![...packages].some((path) => path === name || path.startsWith(`${name}/`)),
  );
  assert.deepEqual(unused, []);
  for (const name of ['init', 'net', 'web']) {
    const code = readFileSync(join(installed, 'dist', 'device', `${name}.cjs`), 'utf8');
    const required = [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, path]) => path!);
    assert.deepEqual(
      required.filter((path) => !path.startsWith('node:')),
      [],
      name,
    );
  }
});

test('the installation has no development dependency', () => {
  const present = readdirSync(join(installed, 'node_modules'));
  for (const name of Object.keys(packageJson.devDependencies))
    assert.equal(present.includes(name), false, name);
});

for (const major of [22, 26] as const) {
  test(`Node.js ${major}: version, help, doctor, completion and errors`, () => {
    const version = tsk(major, ['--version']);
    assert.deepEqual(version, { code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
    assert.match(tsk(major, ['version']).stdout, new RegExp(`\\(Node\\.js v${major}\\.`));
    assert.match(tsk(major, ['--help']).stdout, /^Usage: tsk /);
    const { checks } = JSON.parse(tsk(major, ['doctor', '--json']).stdout) as { checks: unknown[] };
    assert.ok(checks.length > 3);
    const completion = tsk(major, ['completion', 'bash']);
    assert.deepEqual([completion.code, completion.stderr], [0, '']);
    assert.match(completion.stdout, /complete .*tsk/);
    const wrong = tsk(major, ['bild']);
    assert.equal(wrong.stderr, 'Error: Unknown command "bild"\nHint: Did you mean build?\n');
  });
}

test('tsk new and tsk build give the image that the checkout builds, whatever Node.js runs them', async () => {
  assert.equal(tsk(22, ['new', 'garden']).code, 0);
  const directory = join(workplace, 'garden');
  const disk = join(directory, 'd.img');
  const buildIds: string[] = [];
  for (const major of [22, 26] as const) {
    const { code, stdout, stderr } = tsk(major, ['build', '--disk', 'd.img', '--json'], directory);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    assert.ok(statSync(disk).size > 2 ** 30);
    buildIds.push((JSON.parse(stdout) as { buildId: string }).buildId);
  }
  const fromCheckout = await runTsk(['-i', directory, 'build', '--json', '--offline']);
  buildIds.push((JSON.parse(fromCheckout.stdout) as { buildId: string }).buildId);
  assert.equal(new Set(buildIds).size, 1, buildIds.join(' '));
});
