import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashPassword, verifyPassword } from '../../shared/api/password.ts';
import { ensurePassword, openInstance } from './instance.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'tsk-instance-')));
after(() => rmSync(root, { recursive: true }));

function makeInstance(text: string): string {
  const directory = mkdtempSync(join(root, 'instance-'));
  writeFileSync(join(directory, 'tskrazy.json'), text);
  return directory;
}

test('openInstance: fills in the defaults, keeps the order of the apps', async () => {
  const directory = makeInstance(
    '\uFEFF{ "hostname": "a", "board": "pc-arm64", "apps": { "z": { "node": "m.ts" }, "b": { "go": ".", "restart": "never" } },' +
      '"components": { "kernel": { "directory": "k" }, "node": { "npmPackage": "p" } } }',
  );
  const { config, stateDirectory, lockPath } = await openInstance(directory);
  const defaults = {
    args: [],
    env: {},
    include: [],
    autostart: true,
    stopTimeoutSec: 5,
    waitFor: [],
    ready: false,
    user: 'own',
    sandbox: { devices: [], paths: {}, capabilities: [] },
    limits: { maxProcesses: 512 },
  };
  assert.deepEqual(config, {
    hostname: 'a',
    board: 'pc-arm64',
    apps: [
      { ...defaults, name: 'z', node: 'm.ts', restart: 'always' },
      { ...defaults, name: 'b', go: '.', restart: 'never' },
    ],
    serialConsole: null,
    bootloaderLines: [],
    breakglass: 'on',
    network: {},
    time: {},
    kernel: { extraArgs: [] },
    update: { trustedKeys: [] },
    web: { port: 80, hosts: [], tls: 'on', tlsPort: 443 },
    components: {
      kernel: { kind: 'directory', path: join(directory, 'k') },
      node: { kind: 'package', name: 'p' },
    },
  });
  assert.equal(lockPath, join(directory, 'tskrazy.lock.json'));
  assert.equal(statSync(stateDirectory).mode & 0o777, 0o700);
});

test('openInstance: the directory is the same by whatever links one comes to it', async () => {
  const directory = makeInstance('{ "hostname": "a", "board": "pc-arm64" }');
  symlinkSync(directory, join(root, 'link'));
  assert.equal((await openInstance(join(root, 'link'))).directory, directory);
});

test('openInstance: no file, a directory in its place, one that may not be read', async (t) => {
  await assert.rejects(openInstance(join(root, 'nowhere')), (error: { message: string; hint?: string }) => {
    assert.equal(
      error.message,
      `Cannot open instance "${join(root, 'nowhere')}": there is no "tskrazy.json"`,
    );
    assert.match(error.hint ?? '', /tsk new/);
    return true;
  });
  const directory = mkdtempSync(join(root, 'directory-'));
  mkdirSync(join(directory, 'tskrazy.json'));
  await assert.rejects(
    openInstance(directory),
    /^UserError: Cannot read ".*tskrazy.json": it is a directory$/,
  );
  if (process.getuid?.() === 0) {
    t.diagnostic('root may read everything: permissions are not tried');
    return;
  }
  const unreadable = makeInstance('{}');
  chmodSync(join(unreadable, 'tskrazy.json'), 0);
  await assert.rejects(openInstance(unreadable), /: permission denied$/);
});

test('ensurePassword: draws one of 20 characters that stays, with a hash that stays too', async () => {
  const instance = await openInstance(makeInstance('{ "hostname": "a", "board": "pc-amd64" }'));
  const first = await ensurePassword(instance);
  assert.match(first.password, /^[2-9A-HJ-NP-Za-km-z]{20}$/);
  assert.equal(verifyPassword(first.password, first.hash), true);
  assert.deepEqual(await ensurePassword(instance), first);
  assert.equal(statSync(join(instance.stateDirectory, 'password')).mode & 0o777, 0o600);
});

test('ensurePassword: what was noted of an earlier check is believed of that password and that hash only', async () => {
  const instance = await openInstance(makeInstance('{ "hostname": "a", "board": "pc-amd64" }'));
  const stateFile = (name: string): string => join(instance.stateDirectory, name);
  const first = await ensurePassword(instance);
  const noted = readFileSync(stateFile('password-checked'), 'utf8');
  assert.ok(!noted.includes(first.password));
  assert.equal(statSync(stateFile('password-checked')).mode & 0o777, 0o600);
  writeFileSync(stateFile('password-checked'), 'damaged');
  assert.deepEqual(await ensurePassword(instance), first);
  assert.equal(readFileSync(stateFile('password-checked'), 'utf8'), noted);
  writeFileSync(stateFile('password-hash'), hashPassword('of another'));
  const { hash } = await ensurePassword(instance);
  assert.equal(verifyPassword(first.password, hash), true);
});

test('ensurePassword: two at once agree', async () => {
  const instance = await openInstance(makeInstance('{ "hostname": "a", "board": "pc-amd64" }'));
  const [one, two] = await Promise.all([ensurePassword(instance), ensurePassword(instance)]);
  assert.equal(one.password, two.password);
});

test('ensurePassword: a password that the user wrote is taken, an empty one refused', async () => {
  const instance = await openInstance(makeInstance('{ "hostname": "a", "board": "pc-amd64" }'));
  const before = await ensurePassword(instance);
  writeFileSync(join(instance.stateDirectory, 'password'), 'my own\n');
  const after = await ensurePassword(instance);
  assert.equal(after.password, 'my own');
  assert.notEqual(after.hash, before.hash);
  assert.equal(readFileSync(join(instance.stateDirectory, 'password-hash'), 'utf8'), `${after.hash}\n`);
  writeFileSync(join(instance.stateDirectory, 'password'), '');
  await assert.rejects(
    ensurePassword(instance),
    /^UserError: Cannot use the password in ".*": the file is empty$/,
  );
});
