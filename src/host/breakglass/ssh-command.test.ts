import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { makeFiles, userError } from '../../../test/support/builds/app-builds.ts';
import { formatOpensshPublicKey } from '../../formats/openssh-key.ts';
import { knownHostsPath, pinHostKey } from './ssh-command.ts';

test('pinHostKey notes a key of a device, and nothing that would be more than one key of one host', async (t) => {
  const directory = makeFiles(t, {});
  const key = formatOpensshPublicKey(generateKeyPairSync('ed25519').privateKey);
  for (const other of [
    '',
    'ssh-ed25519',
    `${key} x`,
    `${key}\n* ${key}`,
    `,* ${key}`,
    `x ${key}`,
    key.replace('ssh-ed25519', 'ssh-rsa'),
    'ssh-ed25519 AAAA',
  ])
    await assert.rejects(pinHostKey(directory, 'garden', other, false), userError(/is no key of ed25519$/));
  assert.equal(existsSync(knownHostsPath(directory)), false);
  await pinHostKey(directory, 'garden', key, false);
  await pinHostKey(directory, 'garden', key, false);
});
