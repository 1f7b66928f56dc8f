// Which secrets an instance is built with: drawn, found, refused, or from the environment.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkUpdateKey, openSecrets, openUpdateKeys, shownPassword } from './instance-secrets.ts';
import { type Instance, openInstance } from './instance.ts';
import { formatSecrets, parseSecrets } from './secrets-export.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-secrets-'));
after(() => rmSync(root, { recursive: true, force: true }));

async function makeInstance(files: { lock?: boolean; password?: string } = {}): Promise<Instance> {
  const directory = mkdtempSync(join(root, 'garden-'));
  writeFileSync(join(directory, 'tskrazy.json'), '{ "hostname": "garden", "board": "pc-amd64", "apps": {} }');
  if (files.lock === true) writeFileSync(join(directory, 'tskrazy.lock.json'), '{}');
  const instance = await openInstance(directory);
  if (files.password !== undefined) writeFileSync(join(instance.stateDirectory, 'password'), files.password);
  return instance;
}

async function open(
  instance: Instance,
  use: 'device' | 'update' | 'virtual machine',
  more: { newKey?: boolean; environment?: Record<string, string> } = {},
) {
  const notices: string[] = [];
  const secrets = await openSecrets(instance, {
    for: use,
    notice: (text) => notices.push(text),
    environment: {},
    ...more,
  });
  return { secrets, notices, id: secrets.updateKeys.current.id };
}

const keyPath = ({ stateDirectory }: Instance): string => join(stateDirectory, 'update-key.pem');

test('a new instance has its secrets drawn, and one line says so, once', async () => {
  for (const use of ['device', 'update', 'virtual machine'] as const) {
    const instance = await makeInstance();
    const first = await open(instance, use);
    assert.equal(first.notices.length, 1);
    assert.match(
      first.notices[0] ?? '',
      /^Made a password and an update key in \S+\.tskrazy: keep a copy \("tsk key export FILE"\)\.$/,
    );
    writeFileSync(instance.lockPath, '{}');
    const second = await open(instance, 'device');
    assert.deepEqual([second.notices, second.id], [[], first.id], use);
    assert.equal(second.secrets.passwordHash, first.secrets.passwordHash);
  }
});

test('a clone, which has the lock and not the key, is refused what is for devices', async () => {
  for (const files of [{ lock: true }, { lock: true, password: 'demo' }]) {
    const instance = await makeInstance(files);
    for (const use of ['device', 'update'] as const) {
      await assert.rejects(open(instance, use), (error: Error & { hint?: string }) => {
        assert.match(
          error.message,
          /^Cannot sign an image of "garden": its key, ".*update-key\.pem", is not there, and its lock file shows that it was built before$/,
        );
        for (const way of ['tsk key import FILE', 'TSK_KEY_FILE', '--new-key'])
          assert.ok(error.hint?.includes(way), way);
        return true;
      });
    }
    await assert.rejects(checkUpdateKey(instance, { for: 'device' }), /is not there/);
    await assert.rejects(openUpdateKeys(instance, { for: 'update', notice: () => {}, environment: {} }));
    assert.ok(!existsSync(keyPath(instance)), 'one was drawn all the same');
    assert.equal(existsSync(join(instance.stateDirectory, 'password')), files.password !== undefined);
  }
});

test('--new-key is taken for what it says', async () => {
  const instance = await makeInstance({ lock: true });
  const { id, notices } = await open(instance, 'device', { newKey: true });
  assert.match(notices[0] ?? '', /^Made a password and an update key in /);
  const again = await open(instance, 'device', { newKey: true });
  assert.deepEqual([again.id, again.notices], [id, []]);
});

test('a password that is missing alone is drawn: the next update brings it', async () => {
  const instance = await makeInstance();
  await open(instance, 'device');
  writeFileSync(instance.lockPath, '{}');
  rmSync(join(instance.stateDirectory, 'password'));
  const { notices } = await open(instance, 'device');
  assert.match(notices[0] ?? '', /^Made a password in /);
});

test('a look at a clone in a virtual machine is free, and does not become a device by mistake', async () => {
  const instance = await makeInstance({ lock: true });
  const look = await open(instance, 'virtual machine');
  assert.match(look.notices[0] ?? '', /for virtual machines of this computer only/);
  assert.deepEqual((await open(instance, 'virtual machine')).notices, []);
  assert.equal((await open(instance, 'update')).id, look.id);
  await assert.rejects(open(instance, 'device'), /was made for virtual machines of this computer only/);
  assert.equal((await open(instance, 'device', { newKey: true })).id, look.id);
  assert.equal((await open(instance, 'device')).id, look.id);
});

test('the environment comes first: TSK_KEY, then TSK_KEY_FILE, and nothing is written or shown', async () => {
  const owner = await open(await makeInstance({ password: 'demo' }), 'device');
  const other = await open(await makeInstance(), 'device');
  const text = formatSecrets(owner.secrets);
  const file = join(root, 'exported.key');
  writeFileSync(file, text);
  const clone = await makeInstance({ lock: true });
  for (const environment of [
    { TSK_KEY: text },
    { TSK_KEY_FILE: file },
    { TSK_KEY: text, TSK_KEY_FILE: '/nowhere' },
    { TSK_KEY: '', TSK_KEY_FILE: file },
  ]) {
    const { secrets, notices, id } = await open(clone, 'device', { environment });
    const { password, passwordHash } = owner.secrets;
    assert.deepEqual([id, notices], [owner.id, []]);
    assert.deepEqual([secrets.password, secrets.passwordHash], [password, passwordHash]);
    assert.ok(!shownPassword(secrets).includes('demo'));
  }
  assert.ok(!existsSync(keyPath(clone)) && !existsSync(join(clone.stateDirectory, 'password')));
  const here = await makeInstance();
  await open(here, 'device');
  const environment = { TSK_KEY: formatSecrets(other.secrets) };
  assert.equal((await open(here, 'device', { environment })).id, other.id);
});

test('what the environment holds and is no export is refused without a word of it', async () => {
  const instance = await makeInstance({ lock: true });
  const pem = readFileSync(keyPath(await withKey()), 'utf8');
  for (const [TSK_KEY, problem] of [
    ['{"formatVersion":1,"secret":1}', /^UserError: Cannot use the secrets in "TSK_KEY": they are not what/],
    ['secret', /they are not what "tsk key export" writes$/],
    [pem, /there is a key in it, and no password$/],
    [pem.slice(0, 60), /^UserError: Cannot use the update key in "TSK_KEY"/],
  ] as const) {
    await assert.rejects(open(instance, 'device', { environment: { TSK_KEY } }), (error: Error) => {
      assert.match(String(error), problem);
      assert.ok(!String(error).includes('secret":') && !String(error).includes(pem.slice(40, 60)));
      return true;
    });
  }
  const environment = { TSK_KEY_FILE: '/nowhere/garden.key' };
  await assert.rejects(
    open(instance, 'device', { environment }),
    /^UserError: Cannot use the secrets of TSK_KEY_FILE: cannot read "\/nowhere\/garden.key": it is not there$/,
  );
});

async function withKey(): Promise<Instance> {
  const instance = await makeInstance();
  await open(instance, 'device');
  return instance;
}

test('formatSecrets, parseSecrets: one line, and all of it comes back; a PEM file is a key alone', async () => {
  const instance = await withKey();
  const { secrets, id } = await open(instance, 'device');
  const previous = (await open(await makeInstance(), 'device')).secrets.updateKeys.current;
  const text = formatSecrets({ ...secrets, updateKeys: { ...secrets.updateKeys, previous } });
  assert.ok(!text.includes('\n'));
  const parsed = parseSecrets(`${text}\n`, 'x');
  assert.deepEqual([parsed.password, parsed.passwordHash], [secrets.password, secrets.passwordHash]);
  assert.deepEqual([parsed.updateKeys.current.id, parsed.updateKeys.previous?.id], [id, previous.id]);
  const alone = parseSecrets(readFileSync(keyPath(instance), 'utf8'), 'x');
  assert.deepEqual([alone.updateKeys.current.id, alone.password], [id, undefined]);
});

test('secrets that others could read are closed, and a link to a volume that is away is named', async () => {
  const instance = await withKey();
  chmodSync(keyPath(instance), 0o644);
  await open(instance, 'device');
  assert.equal(statSync(keyPath(instance)).mode & 0o777, 0o600);

  const { directory, stateDirectory } = await makeInstance({ lock: true });
  rmSync(stateDirectory, { recursive: true });
  symlinkSync('/nowhere/secrets', stateDirectory);
  await assert.rejects(openInstance(directory), {
    name: 'UserError',
    message: `Cannot use "${stateDirectory}": it is a link to "/nowhere/secrets", which is not there`,
  });
  const linked = await makeInstance();
  symlinkSync('/nowhere/key.pem', keyPath(linked));
  await assert.rejects(open(linked, 'device'), /it is a link to "\/nowhere\/key.pem", which is not there$/);
});
