import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formsOfSecret, maskSecrets, maskValue } from './mask-secrets.ts';

test('maskSecrets: what is known, what looks like a secret, and half of what names one piece of hardware', () => {
  for (const [text, masked] of [
    ['login with x7Kp2 failed', 'login with *** failed'],
    ['DB_PASSWORD=hunter2 and more', 'DB_PASSWORD=*** and more'],
    ['{"apiKey": "abc", "port": 80}', '{"apiKey": "***", "port": 80}'],
    ['the token is abc.def', 'the token is ***'],
    ['Authorization: Bearer eyJhbGciOi', 'Authorization: Bearer ***'],
    [
      'GET https://api.example/v1?access_token=abc&unit=1',
      'GET https://api.example/v1?access_token=***&unit=1',
    ],
    ['mqtt://michael:pass@broker:1883/x', 'mqtt://***@broker:1883/x'],
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n', '***\n'],
    ['eth0 52:54:00:12:34:56', 'eth0 52:54:00:xx:xx:xx'],
    ['fe80::5054:ff:fe12:3456/64', 'fe80::5054:ff:fexx:xxxx/64'],
    ['\x1b[31mred\x07\ttab', String.raw`\x1b[31mred\x07` + '\ttab'],
  ] as const)
    assert.equal(maskSecrets(text, ['x7Kp2', '']), masked);
});

test('maskSecrets: leaves alone what the report is about', () => {
  for (const text of [
    '10.0.2.15/24, fd77::1/64, 2001:db8::15',
    'http://garden/api/v1/status',
    'no password was asked for',
    'key 966bf32b46148c6d, build 7f3a91cc04d2',
    '[    1.234567] usb 1-1: new high-speed USB device number 2',
  ])
    assert.equal(maskSecrets(text, []), text);
});

test('maskValue: all texts of a value, and nothing else', () => {
  assert.deepEqual(maskValue({ a: ['x secret', 1, null], b: { c: true } }, ['secret']), {
    a: ['x ***', 1, null],
    b: { c: true },
  });
});

test('formsOfSecret: as programs quote it, and not what is in every text', () => {
  const known = formsOfSecret('p@ss "word"\n');
  for (const text of [
    'login with p@ss "word" failed',
    'GET /?q=p%40ss%20%22word%22',
    String.raw`{"given": "p@ss \"word\""}`,
    'Basic of cEBzcyAid29yZCIK',
    '7040737320 2277 6f7264 220a'.replaceAll(' ', ''),
  ])
    assert.match(maskSecrets(text, known), /\*\*\*/, text);
  const key = formsOfSecret('-----BEGIN X-----\nMC4CAQAwBQYDK2Vw\n}\n-----END X-----\n');
  assert.equal(maskSecrets('-----BEGIN X-----, }, MC4CAQAwBQYDK2Vw', key), '-----BEGIN X-----, }, ***');
  assert.deepEqual(
    formsOfSecret('on').filter((form) => form === 'on'),
    [],
  );
  assert.equal(maskSecrets('long-secret and long', ['long', 'long-secret']), '*** and ***');
});
