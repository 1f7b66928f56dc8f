import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeNetworks, parseWifiFile, type WifiNetwork, withKey } from './wifi-file.ts';
import { derivePsk } from './wifi-psk.ts';

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const HOME = { ssid: 'home', passphrase: 'correct horse' };
const networks = (...list: object[]): Uint8Array => bytesOf({ country: 'DE', networks: list });

test('parseWifiFile reads every kind of network', () => {
  const list: WifiNetwork[] = [
    HOME,
    { ssid: 'garden', psk: 'ab'.repeat(32), hidden: true },
    { ssid: 'lab', passphrase: 'ü'.repeat(31), wpa3: true },
    { ssid: 'ü'.repeat(16), open: true },
  ];
  assert.deepEqual(parseWifiFile(networks(...list)), { country: 'DE', networks: list });
});

test('parseWifiFile passes over a byte order mark and flags that are off', () => {
  const text = '\u{feff}{"country":"DE","networks":[{"ssid":"a","open":true,"hidden":false}]}\r\n';
  assert.deepEqual(parseWifiFile(Buffer.from(text)).networks, [{ ssid: 'a', open: true }]);
});

const REFUSED: [what: string, bytes: Uint8Array, message: string][] = [
  ['1 MB', Buffer.alloc(2 ** 20, ' '), 'has 1048576 bytes, and 16384 are allowed'],
  ['nothing', Buffer.from(''), 'is not JSON, or only a part of it: look for a missing comma or quote'],
  [
    'half of a file',
    networks(HOME).subarray(0, 40),
    'is not JSON, or only a part of it: 3 of its brackets are not closed',
  ],
  ['Latin-1', Buffer.from('{"country":"DE","networks":[{"ssid":"caf\xe9"}]}', 'latin1'), 'is not in UTF-8'],
  ['a list', bytesOf([]), 'is no JSON object'],
  ['no country', bytesOf({ networks: [HOME] }), 'has no "country", such as "DE"'],
  [
    'a country of three letters',
    bytesOf({ country: 'GER', networks: [] }),
    'has a "country" that must be two capital letters, as in "DE" or "US" (ISO 3166)',
  ],
  ['no networks', bytesOf({ country: 'DE' }), 'has no "networks", or they are no list'],
  [
    'another key',
    bytesOf({ country: 'DE', network: [] }),
    'has the key "network"; known are "country" and "networks"',
  ],
  [
    'a word for a network',
    bytesOf({ country: 'DE', networks: ['home'] }),
    'has a network 1 that is no object',
  ],
  ['a network without name', networks({ passphrase: 'correct horse' }), 'has no "ssid" in network 1'],
  ['an empty name', networks({ ssid: '', open: true }), 'has a network 1 whose name is empty: ""'],
  [
    'a name of 33 bytes',
    networks({ ssid: `${'ü'.repeat(16)}x`, open: true }),
    `has a network 1 whose name has 33 bytes, and 32 are allowed: "${'ü'.repeat(16)}x"`,
  ],
  [
    'a name that is no text',
    Buffer.from('{"country":"DE","networks":[{"ssid":"\\ud800","open":true}]}'),
    'has a network 1 whose name is no text that has a form in UTF-8: "\ud800"',
  ],
  ['two of one name', networks(HOME, { ssid: 'home', open: true }), 'has two networks of the name "home"'],
  [
    'a passphrase of 7',
    networks({ ssid: 'a', passphrase: 'secret7' }),
    'has a passphrase in network "a" that has 7 characters, and 8 to 63 are allowed',
  ],
  [
    'a passphrase of 64',
    networks({ ssid: 'a', passphrase: 'x'.repeat(64) }),
    'has a passphrase in network "a" that has 64 characters, and 8 to 63 are allowed',
  ],
  [
    'a key for a passphrase',
    networks({ ssid: 'a', passphrase: 'ab'.repeat(32) }),
    'has a passphrase in network "a" that has 64 characters, and 8 to 63 are allowed; 64 hexadecimal digits are a "psk"',
  ],
  [
    'a newline in a passphrase',
    networks({ ssid: 'a', passphrase: 'correct\nhorse' }),
    'has a passphrase in network "a" that has a control character',
  ],
  [
    'a short key',
    networks({ ssid: 'a', psk: 'abcd' }),
    'has a "psk" in network "a" that is not 64 hexadecimal digits',
  ],
  ['no key', networks({ ssid: 'a' }), 'has neither "passphrase" nor "psk" nor "open": true in network "a"'],
  [
    'two keys',
    networks({ ...HOME, open: true }),
    'has more than one of "passphrase", "psk" and "open" in network "home"',
  ],
  [
    'WPA3 without a passphrase',
    networks({ ssid: 'a', psk: 'ab'.repeat(32), wpa3: true }),
    'has "wpa3" without "passphrase" in network "a": WPA3 needs it',
  ],
  [
    'a number for a passphrase',
    networks({ ssid: 'a', passphrase: 12345678 }),
    'has a "passphrase" in network "a" that is no string',
  ],
  [
    'a word for a flag',
    networks({ ...HOME, hidden: 'yes' }),
    'has a "hidden" in network "home" that is not true or false',
  ],
  [
    'an unknown key',
    networks({ ...HOME, password: 'x' }),
    'has the key "password" in network "home"; known are "ssid", "hidden", "passphrase", "psk", "open", "wpa3"',
  ],
  [
    'a crowd',
    networks(...Array.from({ length: 33 }, (_, index) => ({ ssid: `n${index}`, open: true }))),
    'has 33 networks, and 32 are allowed',
  ],
];
for (const [what, bytes, message] of REFUSED)
  test(`parseWifiFile refuses ${what}, and tells no passphrase`, () => {
    assert.throws(() => parseWifiFile(bytes), { name: 'SyntaxError', message });
    assert.doesNotMatch(message, /correct|horse|secret/);
  });

test('derivePsk gives the key of IEEE 802.11, annex J.4.2', async () => {
  assert.equal(
    await derivePsk('password', 'IEEE'),
    'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e',
  );
});

async function derive(passphrase: string, ssid: string): Promise<string> {
  return `${passphrase} of ${ssid}`;
}

test('withKey puts the key in place of a passphrase, unless WPA3 needs that', async () => {
  assert.deepEqual(await withKey({ ...HOME, hidden: true }, derive), {
    ssid: 'home',
    hidden: true,
    psk: 'correct horse of home',
  });
  const kept: WifiNetwork[] = [
    { ...HOME, wpa3: true },
    { ssid: 'a', open: true },
    { ssid: 'a', psk: 'x' },
  ];
  for (const network of kept) assert.deepEqual(await withKey(network, derive), network);
});

test('mergeNetworks prefers the first of a name', () => {
  const [a, b, c] = [{ ssid: 'a' }, { ssid: 'b' }, { ssid: 'a', open: true }];
  assert.deepEqual(mergeNetworks([a, b], [c, { ssid: 'd' }]), [a, b, { ssid: 'd' }]);
});
