// The command line as people and scripts meet it: its words, exit codes and streams.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { TEMPLATES } from '../../src/host/package-root.ts';
import { TSK, TSK_OF_CHECKOUT } from '../support/tsk-program.ts';
import { appContext } from '../support/builds/app-builds.ts';
import { startNpmRegistry } from '../support/builds/npm-registry.ts';
import { requireTool } from '../support/require-tool.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-cli-'));
after(() => rmSync(root, { recursive: true }));

const checkout = fileURLToPath(new URL('../..', import.meta.url));
// Nothing of the person who runs the tests: no machines of theirs, no editor, no colours.
const env = {
  PATH: process.env['PATH'] ?? '',
  HOME: root,
  XDG_STATE_HOME: join(root, 'state'),
  XDG_CACHE_HOME: join(root, 'cache'),
  TERM: 'xterm',
};

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

function tsk(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TSK, ...args], {
    cwd: options.cwd ?? root,
    env: { ...env, ...options.env },
    encoding: 'utf8',
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  return { code: status, stdout, stderr };
}

/** Everything on standard error, in one string; standard output must be empty. */
function failure(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): string {
  const { code, stdout, stderr } = tsk(args, options);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  return stderr;
}

function makeInstance(config: string): string {
  const directory = mkdtempSync(join(root, 'instance-'));
  writeFileSync(join(directory, 'tskrazy.json'), config);
  return directory;
}

const VERBS = (
  'new add edit get key secret build flash vm doctor completion version ' +
  'status ps logs start stop restart reboot poweroff update rollback'
).split(' ');

const SUBVERBS = [
  ['vm', 'run'],
  ['vm', 'stop'],
  ['vm', 'list'],
  ['key', 'show'],
  ['key', 'rotate'],
  ['key', 'retire'],
  ['key', 'export'],
  ['key', 'import'],
  ['key', 'new'],
  ['secret', 'set'],
  ['secret', 'list'],
  ['secret', 'rm'],
];

test('tsk --help lists every verb; without arguments it goes to standard error', () => {
  const help = tsk(['--help']);
  assert.equal(help.code, 0);
  for (const verb of VERBS) assert.match(help.stdout, new RegExp(`^  ${verb}\\b`, 'm'));
  const bare = tsk([]);
  assert.equal(bare.code, 1);
  assert.equal(bare.stderr, help.stdout);
});

test('every verb has a help with examples', () => {
  for (const verb of [...VERBS.map((name) => [name]), ...SUBVERBS]) {
    const { code, stdout } = tsk([...verb, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: tsk ${verb.join(' ')} `), verb.join(' '));
    assert.match(stdout, /\nExamples:\n {2}# .*\n {2}.*tsk /, verb.join(' '));
    // One default each, as a person writes it.
    assert.doesNotMatch(stdout, /\(default:[^)]*\)\s+\(default:|\(default:\s\d{5}/, verb.join(' '));
  }
});

test('a mistyped verb, option or value is refused with the nearest one', () => {
  assert.equal(failure(['bild']), 'Error: Unknown command "bild"\nHint: Did you mean build?\n');
  assert.equal(failure(['vm', 'rn']), 'Error: Unknown command "rn"\nHint: Did you mean run?\n');
  assert.equal(
    failure(['build', '--dsk', 'x']),
    'Error: Unknown option "--dsk"\nHint: Did you mean --disk?\n',
  );
  assert.equal(
    failure(['new', 'x', '--board', 'pc-amd46']),
    'Error: Option "--board <board>" argument "pc-amd46" is invalid. Choose from pc-amd64, pc-arm64, raspberry-pi\nHint: Did you mean pc-amd64?\n',
  );
  assert.match(failure(['new', 'x', '--template', 'nodered']), /Hint: Did you mean node-red\?\n/);
  assert.match(failure(['version', 'please']), /^Error: Too many arguments for "version"/);
  assert.equal(failure(['add']), 'Error: Missing required argument "app"\nHint: See "tsk add --help".\n');
  assert.match(failure(['secret', 'set', 'a']), /\nHint: See "tsk secret set --help"\.\n/);
  assert.match(failure(['wibble']), /\nHint: See "tsk --help"\.\n/);
  assert.match(failure(['build', '--size', 'big']), /Give a size like 2G, 1500MiB or 8GB\n/);
  assert.match(failure(['vm', 'run', '--forward', '80:x']), /Give a port number from 0 to 65535\n/);
  assert.match(failure(['vm', 'run', '--forward', '1:2:3']), /Give GUEST or HOST:GUEST, such as 2222:22\n/);
  assert.match(failure(['vm', 'run', '--memory', '512']), /Give 128MiB or more, with the unit\n/);
  assert.match(failure(['vm', 'run', '--disk', '8']), /The partitions need \d+MiB at least\n/);
  assert.equal(existsSync(join(root, 'x')), false);
});

test('tsk secret: set from standard input, listed without a value, removed', () => {
  const apps = { sensor: { node: './main.ts', secrets: ['TOKEN', 'KEY'] } };
  const directory = makeInstance(JSON.stringify({ hostname: 'garden', board: 'pc-amd64', apps }));
  const at = { cwd: directory };
  const set = (...args: string[]): Run => tsk(['secret', 'set', ...args], { ...at, input: 'canary\n' });
  const done = set('sensor', 'TOKEN', '--json');
  assert.deepEqual(JSON.parse(done.stdout), { app: 'sensor', name: 'TOKEN', sizeBytes: 6, isNamed: true });
  const path = join(directory, '.tskrazy/secrets/sensor/TOKEN');
  assert.equal(readFileSync(path, 'utf8'), 'canary');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(
    set('sensor', 'OTHER').stderr,
    /does not get it yet: add "secrets": \["OTHER"\] to apps\.sensor/,
  );
  assert.equal(
    tsk(['secret', 'list'], at).stdout,
    'sensor  TOKEN  set\nsensor  KEY    missing\nsensor  OTHER  set, but not in "secrets" of the app\n',
  );
  assert.ok(!tsk(['secret', 'list', '--json'], at).stdout.includes('canary'));
  assert.match(tsk(['secret', 'rm', 'sensor', 'OTHER'], at).stdout, /^Removed OTHER of app sensor\./);
  assert.match(failure(['secret', 'rm', 'sensor', 'OTHER'], at), /it is not set\nHint: "tsk secret list"/);
  const asArgument = failure(['secret', 'set', 'sensor', 'KEY', 'canary'], at);
  assert.match(
    asArgument,
    /^Error: Cannot set the secret KEY to an argument: other programs of this computer see it\n/,
  );
  assert.ok(!asArgument.includes('canary'));
  assert.match(
    failure(['secret', 'set', 'senso', 'KEY'], at),
    /no app "senso" in tskrazy\.json\nHint: Did you mean sensor\?/,
  );
  assert.match(
    failure(['secret', 'set', 'sensor', '../x'], at),
    /^Error: Cannot use "\.\.\/x" as the name of a secret\n/,
  );
  assert.match(
    failure(['build', '--offline'], at),
    /\nError: Cannot build: the secret KEY of app "sensor" is not set here\n/,
  );
});

test('mistakes in the configuration: exit code 1, place and caret; as data with --json', () => {
  const directory = makeInstance('{\n  "hostname": "garden",\n  "board": "pc-amd64",\n  "appz": {}\n}\n');
  const expected = `Error: Cannot use "tskrazy.json": it has a mistake

tskrazy.json:4:3: unknown key "appz": did you mean "apps"?
      "appz": {}
      ^^^^^^
`;
  for (const verb of [['build'], ['get'], ['vm', 'run'], ['add', 'x', '--go', '.']]) {
    assert.equal(failure(verb, { cwd: directory }), expected);
  }
  const { code, stdout, stderr } = tsk(['build', '--json'], { cwd: directory });
  assert.equal(code, 1);
  assert.equal(stderr, '');
  const { error } = JSON.parse(stdout) as { error: { message: string; problems: unknown } };
  assert.deepEqual(error.problems, [
    { file: 'tskrazy.json', line: 4, column: 3, message: 'unknown key "appz": did you mean "apps"?' },
  ]);
});

test('with --json a wrong command line is data as well', () => {
  const { code, stdout, stderr } = tsk(['build', '--dsk', 'x', '--json']);
  assert.equal(code, 1);
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), {
    error: { message: 'Unknown option "--dsk"', hint: 'Did you mean --disk?' },
  });
});

test('a directory without an instance says how to make one', () => {
  const directory = mkdtempSync(join(root, 'empty-'));
  assert.match(
    failure(['build'], { cwd: directory }),
    /^Error: Cannot open instance ".*": there is no "tskrazy.json"\nHint: .*tsk new/,
  );
});

test('the only instance in a directory is meant there', () => {
  const directory = mkdtempSync(join(root, 'shelf-'));
  assert.match(
    tsk(['new', 'pi'], { cwd: directory }).stdout,
    /\n {2}cd pi\n {2}tsk vm run {2}.*\n {2}tsk flash {2}/,
  );
  const key = tsk(['key', 'show'], { cwd: directory });
  assert.deepEqual([key.code, key.stderr], [0, 'Instance: pi\n']);
  assert.equal(tsk(['new', 'other'], { cwd: directory }).stderr, '');
  assert.match(
    failure(['key', 'show'], { cwd: directory }),
    /^Error: Cannot open instance ".*": there is no "tskrazy.json"\n/,
  );
});

test('an instance that cannot be written says so, and why', (t) => {
  const directory = makeInstance('{ "hostname": "a", "board": "pc-amd64" }');
  const probe = spawnSync('unshare', ['--mount', '--map-root-user', 'true']);
  if (probe.status !== 0) return t.skip('unshare cannot make a mount namespace here');
  // Node.js tells of a read-only file system as "no such file or directory", a bug of ours by its looks.
  const mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
  const words = [directory, process.execPath, TSK, '-i', directory, 'build'];
  const run = spawnSync('unshare', ['--mount', '--map-root-user', 'sh', '-c', mount, 'sh', ...words], {
    env,
  });
  assert.equal(
    run.stderr.toString(),
    `Error: Cannot use "${join(directory, '.tskrazy')}": the file system is read-only\n` +
      'Hint: A build keeps its password, keys and work there: copy the instance to where it can be written.\n',
  );
  assert.equal(run.status, 1);
});

test('tsk new --template list shows the templates and makes nothing', () => {
  const listed = tsk(['new', 'unmade', '--template', 'list'], { cwd: root });
  assert.deepEqual([listed.code, listed.stderr, existsSync(join(root, 'unmade'))], [0, '', false]);
  const names = listed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => /^(\S+) {2,}\S.*$/.exec(line)?.[1]);
  assert.deepEqual(names, TEMPLATES);
});

test('tsk new, add, edit', () => {
  const made = tsk(['new', 'My Garden', '--template', 'js'], { cwd: root });
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^Made instance "my-garden" for raspberry-pi in My Garden:\n/);
  assert.match(made.stdout, /\n {2}cd 'My Garden'\n/);
  const directory = join(root, 'My Garden');
  const again = failure(['new'], { cwd: directory });
  assert.match(
    again,
    /^Error: Cannot make a new instance in ".*": it already has ".gitignore", .*"tskrazy.json"\nHint: /,
  );

  const added = tsk(['add', './src/main.js', '--name', 'two', '--env', 'A=b=c', '--', '-v', 'x'], {
    cwd: directory,
  });
  assert.equal(added.stdout, 'Added app "two": node ./src/main.js -v x\n', added.stderr);
  const config = readFileSync(join(directory, 'tskrazy.json'), 'utf8');
  assert.match(
    config,
    /\n {4}\/\/ A JavaScript program.*\n {4}"hello": \{ "node": "\.\/src\/main\.js" \},\n {4}"two": \{ "node"/,
  );
  assert.match(config, /"args": \["-v", "x"\], "env": \{ "A": "b=c" \} \}\n {2}\}\n\}\n$/);
  assert.equal(added.stderr, '');
  const early = tsk(['add', 'three', '--node', './typo.ts'], { cwd: directory });
  assert.match(early.stdout, /^Added app "three"/);
  assert.match(early.stderr, /^Warning: "\.\/typo\.ts" is not there: make it before the next build/);
  assert.match(failure(['add', 'two', '--go', '.'], { cwd: directory }), /already has an app of that name\n/);
  assert.match(
    failure(['add', 'init', '--go', '.'], { cwd: directory }),
    /^Error: Cannot add app "init": "init" is a name that tskrazy itself uses/,
  );

  const editor = join(root, 'editor with blanks.sh');
  writeFileSync(editor, '#!/bin/sh\nsed -i.bak "s/\\"board\\"/\\"boart\\"/" "$1"\n');
  chmodSync(editor, 0o755);
  const edited = failure(['edit'], { cwd: directory, env: { VISUAL: `"${editor}"` } });
  assert.match(edited, /tskrazy\.json:9:3: unknown key "boart": did you mean "board"\?\n/);
  assert.equal(
    tsk(['edit'], { cwd: directory, env: { EDITOR: `sed -i.bak s/boart/board/` } }).stdout,
    'The configuration is valid.\n',
  );
  assert.equal(tsk(['edit'], { cwd: directory, env: { EDITOR: 'true' } }).stdout, 'Nothing changed.\n');
  assert.match(
    failure(['edit'], { cwd: directory, env: { EDITOR: 'no-such-editor-xyz 2>/dev/null' } }),
    /ended with exit code 127\nHint: Set \$VISUAL or \$EDITOR/,
  );
});

test('tsk add: published programs, with what is known of them', async (t) => {
  const directory = await registryInstance(t);
  if (directory === undefined) return;
  const add = (...args: string[]) => tsk(['add', ...args], { cwd: directory });
  const zigbee = add(
    'zigbee',
    '--npm',
    'zigbee2mqtt@2',
    '--plugin',
    'x-one',
    '--plugin',
    '@x/two@^1',
    '--env',
    'TZ=UTC',
    '--',
    '-v',
  );
  assert.deepEqual(zigbee, { code: 0, stdout: 'Added app "zigbee": npm zigbee2mqtt@2 -v\n', stderr: '' });
  assert.equal(add('bridge', '--npm', 'homebridge').code, 0);
  assert.equal(add('red', '--npm', 'node-red@5').code, 0);
  assert.equal(add('plain', '--npm', 'x-one').code, 0);
  const { config } = await openInstance(directory);
  const written = config.apps.map(({ name, npm, plugins, args, env, health, ports, sandbox }) => {
    const devices = sandbox === 'off' ? [] : sandbox.devices;
    return { name, npm, plugins, args, env, health, ports, devices };
  });
  const none = { plugins: undefined, args: [], env: {}, health: undefined, ports: undefined, devices: [] };
  assert.deepEqual(written, [
    {
      ...none,
      name: 'zigbee',
      npm: 'zigbee2mqtt@2',
      plugins: ['x-one', '@x/two@^1'],
      args: ['-v'],
      env: { ZIGBEE2MQTT_CONFIG_FRONTEND_ENABLED: 'true', TZ: 'UTC' },
      health: 'http://localhost:8080/',
      devices: ['/dev/serial/by-id/*', '/dev/ttyUSB*', '/dev/ttyACM*'],
    },
    { ...none, name: 'bridge', npm: 'homebridge', ports: ['any', 'udp/5353'] },
    { ...none, name: 'red', npm: 'node-red@5', health: 'http://localhost:1880/' },
    { ...none, name: 'plain', npm: 'x-one' },
  ]);
  // What was written is what a build asks the registry for.
  const { changes } = await pinNpmPrograms(
    { formatVersion: 1, createdAtSec: 0, boards: {} },
    config.apps.filter(({ name }) => name === 'zigbee'),
    appContext(directory),
    { update: false, withoutTool: 'refuse' },
  );
  assert.deepEqual(changes, [
    { app: 'zigbee', from: null, to: '2.1.0' },
    { app: 'zigbee, x-one', from: null, to: '3.0.0' },
    { app: 'zigbee, @x/two', from: null, to: '1.2.0' },
  ]);

  const refused = (...args: string[]) => failure(['add', ...args], { cwd: directory });
  const before = readFileSync(join(directory, 'tskrazy.json'), 'utf8');
  assert.match(
    refused('a', '--node', './main.ts', '--plugin', 'x-one'),
    /^Error: Cannot add app "a": .*has "plugins", which only apps with "npm" have\n/,
  );
  assert.match(refused('a', '--npm', '/x'), /must be the name of an npm package/);
  assert.match(refused('a', '--npm', 'x-one', '--plugin', '../x'), /must be the name of an npm package/);
  assert.equal(readFileSync(join(directory, 'tskrazy.json'), 'utf8'), before);
  const own = add('own', '--npm', './server');
  assert.deepEqual([own.code, own.stdout], [0, 'Added app "own": npm ./server\n']);
  assert.match(own.stderr, /^Warning: "\.\/server" is not there: /);
});

/** An instance without apps, whose npm asks a registry of these packages alone. */
async function registryInstance(t: TestContext): Promise<string | undefined> {
  if (requireTool(t, 'npm') === undefined) return undefined;
  const registry = await startNpmRegistry(t);
  for (const [name, version] of [
    ['zigbee2mqtt', '2.1.0'],
    ['zigbee2mqtt', '3.0.0'],
    ['x-one', '3.0.0'],
    ['@x/two', '1.2.0'],
  ] as const)
    await registry.publish(name, version);
  return registry.makeInstance({ 'tskrazy.json': '{ "hostname": "a", "board": "pc-amd64" }' });
}

test('tsk build refuses a size or a path before it builds', () => {
  const directory = makeInstance('{ "hostname": "a", "board": "pc-amd64" }');
  const build = (...args: string[]) => failure(['build', ...args], { cwd: directory });
  assert.match(
    build('--size', '4G'),
    /^Error: Cannot use "--size": it goes with "--disk"\nHint: Add "--disk FILE"\.\n$/,
  );
  assert.match(
    build('--disk', 'x.img', '--size', '100M'),
    /^Error: Cannot make a disk of 105 MB: the partitions need .* at least\nHint: Give --size \d+MiB or more\.\n$/,
  );
  assert.match(
    build('--disk', 'no/x.img'),
    /^Error: Cannot write the disk image to ".*x\.img": ".*no" is not a directory\n/,
  );
  assert.match(build('--root', '.'), /it exists and is not a regular file\n/);
  assert.match(
    build('--archive', 'x.tar.gz'),
    /^Error: Cannot write the archive to "x\.tar\.gz": its name ends neither in \.tar nor in \.tar\.zst\nHint: .*NAME\.tar/,
  );
});

test('tsk flash and tsk vm refuse what is not there', () => {
  const directory = makeInstance('{ "hostname": "a", "board": "pc-amd64" }');
  assert.match(
    failure(['flash', './nothing'], { cwd: directory }),
    /^Error: Cannot flash "\.\/nothing": there is no such device or file\nHint: /,
  );
  writeFileSync(join(directory, 'small.img'), 'x');
  assert.match(
    failure(['flash', 'small.img'], { cwd: directory }),
    /^Error: Cannot flash ".*small\.img": it is too small: it has 0 MiB and \d+ MiB are needed\nHint: Write to a larger file, /,
  );
  assert.match(
    failure(['vm', 'stop'], { cwd: directory }),
    /^Error: Cannot stop the virtual machine of "a": none runs\n/,
  );
  assert.match(
    failure(['vm', 'stop', 'b']),
    /^Error: Cannot stop virtual machine "b": none of that name runs\n/,
  );
  const foreground = JSON.parse(tsk(['vm', 'run', '--json'], { cwd: directory }).stdout) as unknown;
  assert.deepEqual(foreground, {
    error: {
      message: 'Cannot use "--json" with a virtual machine in the foreground',
      hint: 'Add --detach.',
    },
  });
  assert.equal(tsk(['vm', 'list']).stdout, 'No virtual machine runs.\n');
  assert.deepEqual(JSON.parse(tsk(['vm', 'list', '--json']).stdout), { vms: [] });
});

test('tsk version and doctor: for people and for scripts', () => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };
  assert.equal(tsk(['--version']).stdout, `${version}\n`);
  assert.match(
    tsk(['version']).stdout,
    new RegExp(`^tsk ${version} \\(Node\\.js v${process.versions.node}, `),
  );
  assert.equal((JSON.parse(tsk(['version', '--json']).stdout) as { tsk: string }).tsk, version);
  const doctor = tsk(['doctor']);
  assert.match(doctor.stdout, /^✓ Node\.js {2,}\d+\.\d+\.\d+/);
  const { checks } = JSON.parse(tsk(['doctor', '--json']).stdout) as { checks: { id: string }[] };
  assert.ok(checks.some((check) => check.id === 'uefi-pc-arm64'));
});

test('tsk doctor: without npm the exit code is 1 and the install command is there, where one is known', () => {
  const empty = mkdtempSync(join(root, 'path-'));
  const { code, stdout } = tsk(['doctor'], { env: { PATH: empty } });
  assert.equal(code, 1);
  assert.match(stdout, /^✗ npm .*missing: images cannot be built without it/m);
  assert.doesNotMatch(stdout, /Install what is missing with/);
  writeFileSync(join(empty, 'dnf'), '#!/bin/sh\n', { mode: 0o755 });
  assert.match(
    tsk(['doctor'], { env: { PATH: empty } }).stdout,
    /\nInstall what is missing with: (sudo )?dnf install --assumeyes nodejs npm golang/,
  );
});

/** Runs `body` as the main function of a program that ends as tsk does. */
function programWith(body: string): string[] {
  const shell = pathToFileURL(join(checkout, 'src/host/cli/run-program.ts')).href;
  const errors = pathToFileURL(join(checkout, 'src/host/user-error.ts')).href;
  return [
    '--input-type=module',
    '--eval',
    `import { runProgram } from '${shell}'; import { UserError } from '${errors}';
     await runProgram(async (signal) => { ${body} }, { json: false });`,
  ];
}

function runBody(body: string): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, programWith(body), {
    env,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

test('a bug prints its stack and says so, exit code 70', () => {
  for (const body of [
    "throw new TypeError('wrong', { cause: new Error('inner') })",
    "setImmediate(() => { throw new TypeError('wrong') }); await new Promise(() => setTimeout(() => {}, 60_000))",
    "void Promise.reject(new TypeError('wrong')); await new Promise(() => setTimeout(() => {}, 60_000))",
  ]) {
    const { code, stderr } = runBody(body);
    assert.equal(code, 70, stderr);
    assert.match(stderr, /TypeError: wrong\n\s+at /);
    assert.match(stderr, /\nThis is a bug in tsk\. Please report it with the lines above \(tsk \d/);
  }
  assert.match(
    runBody("throw new TypeError('wrong', { cause: new Error('inner') })").stderr,
    /\nCaused by: Error: inner\n/,
  );
});

test("a user's error prints its chain of causes and the nearest hint", () => {
  const { code, stderr } = runBody(
    "throw new UserError('Cannot a', { cause: new UserError('Cannot b: c', { hint: 'Do d.', cause: Object.assign(new Error('EIO: x'), { syscall: 'read' }) }) })",
  );
  assert.equal(code, 1);
  assert.equal(stderr, 'Error: Cannot a\n  because: Cannot b: c\nHint: Do d.\n');
});

test('Ctrl-C: the work hears of it and cleans up, exit code 130; one more ends at once', async () => {
  const tidy =
    "console.log('ready'); await new Promise((done) => { const timer = setTimeout(() => {}, 60_000); signal.addEventListener('abort', () => { clearTimeout(timer); console.log('cleaned'); done() }) }); signal.throwIfAborted()";
  assert.deepEqual(await interrupt(tidy, 1), { code: 130, stdout: 'ready\ncleaned\n', stderr: '' });
  const stuck =
    "console.log('ready'); signal.addEventListener('abort', () => setInterval(() => console.log('again'), 20)); await new Promise(() => setTimeout(() => {}, 60_000))";
  // Those that come right behind the first are it once more.
  const { code, stdout, stderr } = await interrupt(stuck, Infinity);
  assert.deepEqual([code, stderr], [130, '']);
  assert.match(stdout, /^ready\n(?:again\n)+$/);
});

/** Sends an interrupt after each of the first `count` lines that the program prints. */
async function interrupt(body: string, count: number): Promise<Run> {
  const child = spawn(process.execPath, programWith(body), { env });
  const run: Run = { code: null, stdout: '', stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => (run.stderr += chunk.toString()));
  let sent = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    run.stdout += chunk.toString();
    while (sent < count && run.stdout.split('\n').length - 1 > sent) {
      child.kill('SIGINT');
      sent += 1;
    }
  });
  [run.code] = (await once(child, 'close')) as [number | null];
  return run;
}

test('a reader that goes away is no error', () => {
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `"${process.execPath}" "${TSK_OF_CHECKOUT}" doctor --json | true`],
    { env, encoding: 'utf8' },
  );
  assert.equal(status, 0);
  assert.equal(stderr, '');
});

test('the secrets of an instance reach its clone by a file, and nothing else does', () => {
  const owner = makeInstance('{ "hostname": "garden", "board": "pc-amd64", "apps": {} }');
  const clone = makeInstance('{ "hostname": "garden", "board": "pc-amd64", "apps": {} }');
  const file = join(owner, 'garden.key');
  const written = tsk(['-i', owner, 'key', 'export', file, '--json']);
  assert.equal(written.code, 0, written.stderr);
  assert.match(written.stderr, /^$/);
  const { keyId } = JSON.parse(written.stdout) as { keyId: string };
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const password = readFileSync(join(owner, '.tskrazy/password'), 'utf8').trim();
  assert.ok(!`${written.stdout}${written.stderr}`.includes(password));
  assert.match(
    failure(['-i', owner, 'key', 'export', file]),
    /Cannot export to ".*garden.key": it is there already/,
  );
  for (const nowhere of [join(owner, 'usb/garden.key'), join(file, 'garden.key')])
    assert.match(
      failure(['-i', owner, 'key', 'export', nowhere]),
      /^Error: Cannot write the secrets to ".*": ".*" is not a directory\nHint: /,
    );

  writeFileSync(join(clone, 'tskrazy.lock.json'), '{}');
  for (const args of [
    ['build', '--offline'],
    ['flash', file, '--yes'],
    ['key', 'show'],
    ['key', 'rotate'],
    ['key', 'export', join(clone, 'x.key')],
  ])
    assert.match(
      failure(['-i', clone, ...args]),
      /^Error: Cannot sign an image of "garden": its key, ".*", is not there, .*\nHint: (?:.*\n)*.*--new-key/,
      args.join(' '),
    );
  assert.deepEqual(readdirSync(join(clone, '.tskrazy')), ['.gitignore']);
  const ofJob = tsk(['-i', clone, 'key', 'show', '--json'], { env: { TSK_KEY_FILE: file } });
  assert.equal((JSON.parse(ofJob.stdout) as { current: { id: string } }).current.id, keyId);
  assert.match(
    failure(['-i', clone, 'key', 'rotate'], { env: { TSK_KEY_FILE: file } }),
    /^Error: Cannot change the update key: it comes from ".*garden.key" in this environment\n/,
  );
  assert.equal(tsk(['-i', clone, 'key', 'import', file]).code, 0);
  const shown = JSON.parse(tsk(['-i', clone, 'key', 'show', '--json']).stdout) as { current: { id: string } };
  assert.equal(shown.current.id, keyId);
  assert.equal(readFileSync(join(clone, '.tskrazy/password'), 'utf8').trim(), password);

  const other = makeInstance('{ "hostname": "shed", "board": "pc-amd64", "apps": {} }');
  const own = tsk(['-i', other, 'key', 'new', '--json']);
  assert.equal(own.code, 0, own.stderr);
  assert.match(failure(['-i', other, 'key', 'new']), /^Error: Cannot make a key: the instance has one/);
  assert.match(
    failure(['-i', other, 'key', 'import', file]),
    /the instance has another one, .*\nHint: .*--replace/,
  );
  assert.equal(tsk(['-i', other, 'key', 'import', file, '--replace']).code, 0);
});

test('what people see most leads to the page that explains it', () => {
  const empty = mkdtempSync(join(root, 'empty-'));
  assert.match(
    failure(['build'], { cwd: empty }),
    /\nHint: .*\nMore: docs\/troubleshooting\.md#no-instance\n$/,
  );
  const { stdout } = tsk(['build', '--json'], { cwd: empty });
  const { error } = JSON.parse(stdout) as { error: { more: string } };
  assert.equal(error.more, 'docs/troubleshooting.md#no-instance');
});
