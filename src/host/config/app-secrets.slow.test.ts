import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  checkAppSecrets,
  listSecrets,
  openAppSecrets,
  removeSecret,
  replaceAppSecrets,
  writeSecret,
} from './app-secrets.ts';
import { type Instance, openInstance } from './instance.ts';
import { openSecrets } from './instance-secrets.ts';
import { formatSecrets, parseSecrets } from './secrets-export.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-app-secrets-'));
after(() => rmSync(root, { recursive: true, force: true }));

async function makeInstance(): Promise<Instance> {
  const directory = mkdtempSync(join(root, 'garden-'));
  const apps = {
    sensor: { node: './main.ts', secrets: ['TOKEN', 'KEY'] },
    other: { node: './main.ts' },
  };
  const config = { hostname: 'garden', board: 'pc-amd64', apps };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  return openInstance(directory);
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('secrets of apps lie in files that only their owner reads, and not in what a repository takes', async () => {
  const instance = await makeInstance();
  await writeSecret(instance, 'sensor', 'TOKEN', Buffer.from('canary'));
  const directory = join(instance.stateDirectory, 'secrets');
  const path = join(directory, 'sensor', 'TOKEN');
  assert.equal(readFileSync(path, 'utf8'), 'canary');
  assert.deepEqual([directory, join(directory, 'sensor'), path].map(modeOf), [0o700, 0o700, 0o600]);
  assert.equal(readFileSync(join(directory, '.gitignore'), 'utf8'), '*\n');
  // One that was copied from somewhere.
  chmodSync(path, 0o644);
  await openAppSecrets(instance);
  assert.equal(modeOf(path), 0o600);
  assert.deepEqual([...(await listSecrets(instance))], [['sensor', ['TOKEN']]]);
  assert.deepEqual(
    [await removeSecret(instance, 'sensor', 'TOKEN'), await removeSecret(instance, 'sensor', 'TOKEN')],
    [true, false],
  );
});

test('a build is refused while a secret is missing, with the commands that set it', async () => {
  const instance = await makeInstance();
  const check = async (): Promise<void> =>
    checkAppSecrets(instance.config.apps, await openAppSecrets(instance));
  await assert.rejects(check(), {
    name: 'UserError',
    message: 'Cannot build: the secrets TOKEN of app "sensor", KEY of app "sensor" are not set here',
    hint: /^"tsk secret set sensor TOKEN", "tsk secret set sensor KEY" ask for the value\./,
  });
  await writeSecret(instance, 'sensor', 'TOKEN', Buffer.from('x'));
  await assert.rejects(check(), { message: 'Cannot build: the secret KEY of app "sensor" is not set here' });
  await writeSecret(instance, 'sensor', 'KEY', Buffer.alloc(33_000, 'canary'));
  await assert.rejects(check(), {
    message: 'Cannot build app "sensor": its secrets are 33001 bytes, and 32768 are allowed',
  });
  await writeSecret(instance, 'sensor', 'KEY', Buffer.from([0, 255, 10]));
  await check();
});

test('secrets go to another computer with the key, the salt of their hashes too', async () => {
  const instance = await makeInstance();
  await writeSecret(instance, 'sensor', 'TOKEN', Buffer.from('canary'));
  await writeSecret(instance, 'sensor', 'KEY', Buffer.from([0, 255, 10]));
  const options = { for: 'device', notice: () => undefined, environment: {} } as const;
  const { apps, ...secrets } = await openSecrets(instance, options);
  assert.match(apps.salt, /^[0-9a-f]{64}$/);
  assert.deepEqual((await openAppSecrets(instance)).salt, apps.salt);
  const text = formatSecrets({ ...secrets, apps });
  assert.deepEqual(parseSecrets(text, 'x').apps, apps);
  // As the environment of a CI job.
  const job = await makeInstance();
  assert.deepEqual((await openSecrets(job, { ...options, environment: { TSK_KEY: text } })).apps, apps);
  // Imported.
  await replaceAppSecrets(job, apps);
  assert.deepEqual(await openAppSecrets(job), apps);
  for (const secrets of [
    { '../../x': { KEY: Buffer.from('x') } },
    { sensor: { '../KEY': Buffer.from('x') } },
  ])
    await assert.rejects(replaceAppSecrets(job, { ...apps, apps: secrets }), /these are no such names$/);
});
