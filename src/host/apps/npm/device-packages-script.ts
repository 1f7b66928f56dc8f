// What makes `installOnDevice` of an npm app, on the device: the `npm` that the program finds, and what happens before its first
// line. Both run in the app's own process and sandbox, on the Node.js that it has: an add-on that does not load there is found
// by loading it in a process of its own, and what needs it is put aside before the program could end because of it.

/** In the data directory. `running` is there while npm changes packages, and stays where that was cut off. */
const NAMES = {
  aside: 'node_modules.disabled',
  state: '.tskrazy-packages.json',
  running: '.tskrazy-installing',
  cache: '.tskrazy-npm-',
};

/** `npmPath`: npm-cli.js on the device. */
export function devicePackagesScript(npmPath: string): string {
  return `// Made by tsk: packages that the program installs on the device, in its data directory.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const names = ${JSON.stringify(NAMES)};
const data = process.env.TSK_DATA_DIR;
const modules = path.join(data, 'node_modules');
const aside = path.join(data, names.aside);
const running = path.join(data, names.running);
const machine = { arm64: 183, x64: 62 }[process.arch];
// ENOEXEC at best: no script is run, whatever npm is told.
const noShell = ['--ignore-scripts', '--script-shell=/tskrazy/runs/no/scripts'];
const tell = (text) => fs.writeSync(2, 'tskrazy: ' + text + '\\n');

function readJson(file) {
  try {
    const value = JSON.parse(fs.readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
function list(directory) {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
const keysOf = (value) => (typeof value === 'object' && value !== null ? Object.keys(value) : []);

// Names of the packages in a node_modules, @scope/name among them.
function packagesIn(directory) {
  return list(directory).flatMap((entry) => {
    if (!entry.isDirectory() || entry.name.startsWith('.')) return [];
    if (!entry.name.startsWith('@')) return [entry.name];
    return packagesIn(path.join(directory, entry.name)).map((name) => entry.name + '/' + name);
  });
}
function asked() {
  const { dependencies, optionalDependencies } = readJson(path.join(data, 'package.json'));
  return [...new Set([...keysOf(dependencies), ...keysOf(optionalDependencies)])];
}
function versionIn(directory) {
  const { version } = readJson(path.join(directory, 'package.json'));
  return typeof version === 'string' ? version : undefined;
}

// Files "*.node" of a package for this machine, but not those of packages below it.
function addonsOf(directory, depth = 0) {
  return list(directory).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory())
      return entry.name === 'node_modules' || depth > 6 ? [] : addonsOf(file, depth + 1);
    return entry.name.endsWith('.node') && machineOf(file) === machine ? [file] : [];
  });
}
function machineOf(file) {
  const head = Buffer.alloc(20);
  try {
    const descriptor = fs.openSync(file, 'r');
    fs.readSync(descriptor, head, 0, 20, 0);
    fs.closeSync(descriptor);
  } catch {
    return undefined;
  }
  return head.readUInt32BE(0) === 0x7f454c46 ? head.readUInt16LE(18) : undefined;
}
// Undefined: it loads. The process ends at once: some add-ons hold on to it.
function loadProblem(file) {
  const code = 'process.dlopen({ exports: {} }, process.argv[1]); process.exit(0)';
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', code, file], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 60000,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return undefined;
  const abi = /NODE_MODULE_VERSION (\\d+)/.exec(stderr)?.[1];
  return abi !== undefined
    ? 'is for ABI ' + abi
    : 'does not load (' + (/^Error: (.*)/m.exec(stderr)?.[1] ?? signal ?? 'exit code ' + status) + ')';
}

// Where node finds a package that lies in the data directory.
function find(name, from) {
  for (let directory = from; directory.startsWith(data); directory = path.dirname(directory)) {
    const found = path.join(directory, 'node_modules', name);
    if (fs.existsSync(path.join(found, 'package.json'))) return found;
  }
  return undefined;
}
// Why a package cannot be used: its own add-on, or that of a package which it cannot do without.
function problemOf(directory, seen) {
  if (seen.has(directory)) return seen.get(directory);
  seen.set(directory, undefined);
  const addons = addonsOf(directory);
  const problems = [];
  for (const file of addons) {
    const problem = loadProblem(file);
    if (problem === undefined) break;
    problems.push('its add-on "' + path.relative(modules, file) + '" ' + problem);
  }
  let problem = addons.length > 0 && problems.length === addons.length ? problems[0] : undefined;
  const { dependencies, optionalDependencies } = readJson(path.join(directory, 'package.json'));
  const optional = new Set(keysOf(optionalDependencies));
  for (const name of keysOf(dependencies).filter((each) => !optional.has(each))) {
    const below = problem === undefined ? find(name, directory) : undefined;
    if (below !== undefined) problem = problemOf(below, seen);
  }
  seen.set(directory, problem);
  return problem;
}

function move(name, from, to) {
  const target = path.join(to, name);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.rmSync(target, { recursive: true, force: true });
  fs.renameSync(path.join(from, name), target);
}
// What was put aside for another Node.js may be right for this one; what has been installed anew counts.
function restore() {
  for (const name of packagesIn(aside))
    if (fs.existsSync(path.join(modules, name))) fs.rmSync(path.join(aside, name), { recursive: true });
    else move(name, aside, modules);
}
function disableUnfit() {
  const seen = new Map();
  const wanted = asked();
  for (const name of wanted.length > 0 ? wanted : packagesIn(modules)) {
    const directory = path.join(modules, name);
    if (!fs.existsSync(directory)) continue;
    const problem = problemOf(directory, seen);
    if (problem === undefined) continue;
    const title = '"' + name + '" ' + (versionIn(directory) ?? '');
    move(name, modules, aside);
    tell(
      'package ' + title + ', which was installed on the device, is disabled: ' + problem + ', and Node.js ' +
        process.versions.node + ' has ABI ' + process.versions.modules + '. Install it again, or a version for this Node.js.',
    );
  }
}

// To init, for the page and "tsk status".
function report() {
  const all = asked().flatMap((name) => {
    const version = versionIn(path.join(modules, name));
    if (version !== undefined) return [name + '@' + version];
    const disabled = versionIn(path.join(aside, name));
    return disabled === undefined ? [] : ['!' + name + '@' + disabled];
  });
  let line = 'installed ' + all.length;
  for (const each of all) if (line.length + each.length < 1000) line += ' ' + each;
  const socket = require('node:net').connect(process.env.TSK_SOCKET ?? '');
  socket.on('connect', () => socket.end(line + '\\n'));
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

// npm writes it in place. Node.js, too, refuses to run what lies beside one that is not whole.
function mendPackageJson() {
  const file = path.join(data, 'package.json');
  if (!fs.existsSync(file)) return;
  try {
    const value = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  } catch {
    // As below.
  }
  const { packages } = readJson(path.join(data, 'package-lock.json'));
  const { dependencies = {} } = packages?.[''] ?? {};
  fs.writeFileSync(file + '.new', JSON.stringify({ dependencies }, null, 2), { flush: true });
  fs.renameSync(file, file + '.damaged');
  fs.renameSync(file + '.new', file);
  tell('package.json in the data directory was not whole; it is made anew from package-lock.json, and the old one is package.json.damaged');
}

// Before the first line of the program.
function start() {
  mendPackageJson();
  fs.mkdirSync(modules, { recursive: true });
  for (const { name } of list(data))
    if (name.startsWith(names.cache)) fs.rmSync(path.join(data, name), { recursive: true, force: true });
  if (fs.existsSync(running)) {
    tell('an installation was cut off: npm ' + fs.readFileSync(running, 'utf8') + '. Do it again if something is missing.');
    fs.rmSync(running);
  }
  const state = path.join(data, names.state);
  if (readJson(state).abi !== process.versions.modules) {
    restore();
    disableUnfit();
    fs.writeFileSync(state + '.new', JSON.stringify({ abi: process.versions.modules }), { flush: true });
    fs.renameSync(state + '.new', state);
  }
  report().unref();
}

const CHANGES = /^(?:i|in|ins|inst|insta|instal|install|add|ci|un|uninstall|unlink|remove|rm|r|up|update|upgrade|udpate|dedupe|ddp|prune|audit)$/;

// What the program calls "npm".
function npm(args) {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const command = args.find((each) => !each.startsWith('-')) ?? '';
  const isChange = CHANGES.test(command);
  const cache = fs.mkdtempSync(path.join(data, names.cache));
  if (isChange) {
    fs.writeFileSync(running, args.join(' '), { flush: true });
    // What is new is looked at before the program starts the next time.
    fs.rmSync(path.join(data, names.state), { force: true });
  }
  const env = {
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    // What the image has is not installed once more.
    npm_config_legacy_peer_deps: 'true',
    npm_config_update_notifier: 'false',
    ...process.env,
    npm_config_cache: cache,
    npm_config_ignore_scripts: 'true',
  };
  const child = spawn(process.execPath, [${JSON.stringify(npmPath)}, ...args.slice(0, end), ...noShell, ...args.slice(end)], {
    stdio: 'inherit',
    env,
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    tell('npm cannot be started: ' + error.message);
    process.exitCode = 1;
  });
  child.on('close', (code) => {
    process.exitCode = code ?? 1;
    fs.rmSync(cache, { recursive: true, force: true });
    if (!isChange) return;
    fs.rmSync(running, { force: true });
    tellScripts();
    report();
  });
}
function tellScripts() {
  const { packages } = readJson(path.join(modules, '.package-lock.json'));
  const withScript = keysOf(packages).filter((each) => packages[each].hasInstallScript === true);
  const unmade = withScript.filter((each) => addonsOf(path.join(data, each)).length === 0);
  if (unmade.length > 0)
    tell(
      'no install script is run on the device, and these have one: ' +
        unmade.map((each) => each.slice(each.lastIndexOf('node_modules/') + 13)).join(', '),
    );
}

module.exports = { npm, start };
`;
}

/**
 * The file that Node.js starts with, in the place of the program. Options such as `--require` would have it look for a package.json in
 * the current directory first, which is the data directory: one that npm had half written when the power went would end each start.
 * `others`: scripts that go before the program, which would be options otherwise, and take themselves away from `execArgv`.
 */
export function devicePackagesStart(others: readonly string[]): string {
  return `// Made by tsk: what goes before the program, and then the program as the main module.
'use strict';
try {
  require('./device-packages.cjs').start();
} catch (error) {
  require('node:fs').writeSync(2, 'tskrazy: what was installed on the device was not looked at: ' + error.message + '\\n');
}
for (const path of ${JSON.stringify(others)}) {
  process.execArgv.unshift('--require', path);
  require(path);
}
process.argv.splice(1, 1);
require('node:module').runMain();
`;
}
