import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskSecrets } from './mask-secrets.ts';

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
