import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasSecretInAddress, maskSecrets } from './mask-secrets.ts';

test('maskSecrets: values that their names call secret, however they are passed', () => {
  for (const [text, masked] of [
    ['cannot start /app/x --password hunter2 --port 80', 'cannot start /app/x --password *** --port 80'],
    ['--db-password=hunter2 --token abc', '--db-password=*** --token ***'],
    ['--key abc --api-key=def', '--key *** --api-key=***'],
    ['MQTT_TOKEN=abc SECRET_KEY=def key=ghi', 'MQTT_TOKEN=*** SECRET_KEY=*** key=***'],
    ['{"apiKey": "abc", "port": 80}', '{"apiKey": "***", "port": 80}'],
    ['http://127.0.0.1:8080/health?token=abc&deep=1', 'http://127.0.0.1:8080/health?token=***&deep=1'],
    ['http://admin:hunter2@127.0.0.1/health', 'http://***@127.0.0.1/health'],
    ['Authorization: Bearer eyJhbGciOi', 'Authorization: Bearer ***'],
    ['the token is abc.def', 'the token is ***'],
  ] as const)
    assert.equal(maskSecrets(text), masked);
});

test('maskSecrets: leaves alone what is none', () => {
  for (const text of [
    'exited with code 1 three times in 30 s',
    'no password was asked for',
    'key 966bf32b46148c6d, build 7f3a91cc04d2',
    '--keyboard us --password-file --port 80',
    'monkey=3, keys: 4',
    '--token --verbose',
  ])
    assert.equal(maskSecrets(text), text);
});

const TOKEN = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a';

test('hasSecretInAddress: a password, or a token in its place, in that of the user, or in the query', () => {
  for (const address of [
    'https://user:hunter2@host.example/x.tgz',
    'https://:hunter2@host.example/x.tgz',
    `git+https://${TOKEN}@github.com/a/b.git`,
    `https://${TOKEN}:@github.com/a/b.git`,
    'https://me:@host.example/a.tgz',
    `https://${TOKEN}:x-oauth-basic@github.com/a/b.git`,
    'https://host.example/a.tgz?token=abc',
    'https://host.example/a.tgz?x=1&private_token=abc#main',
    'https://host.example/a.tgz?apikey=abc',
  ]) {
    assert.ok(hasSecretInAddress(`{"a": "${address}"}`), address);
    assert.ok(!maskSecrets(address).includes(TOKEN), address);
  }
});

test('hasSecretInAddress: no address of packages as there are many', () => {
  for (const address of [
    'git+ssh://git@github.com/a/b.git#v1.2.3',
    'git+https://git@github.com/a/b.git',
    'https://some-team-2026@bitbucket.org/some-team-2026/b.git',
    'https://registry.npmjs.org/@scope/a/-/a-1.0.0.tgz',
    'https://registry/@scope/a:1@2.tgz',
    'https://codeload.github.com/a/b/tar.gz/0123456789abcdef0123456789abcdef01234567',
    'https://${NPM_TOKEN}@host.example/a.tgz',
    'https://host.example/a.tgz?token=${NPM_TOKEN}',
    'https://user:<password>@host.example/',
    'https://host.example/?monkey=3&page=2',
    'npm:a@1.0.0',
  ])
    assert.ok(!hasSecretInAddress(`{"a": "${address}"}`), address);
});
