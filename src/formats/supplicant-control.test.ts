import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeSsid,
  encodeSupplicantText,
  parseScanResults,
  parseSupplicantEvent,
  parseSupplicantFields,
} from './supplicant-control.ts';

function eventOf(message: string): [name: string, fields: Record<string, string>] | undefined {
  const event = parseSupplicantEvent(message);
  return event && [event.name, Object.fromEntries(event.fields)];
}

test('parseSupplicantEvent reads what wpa_supplicant 2.10 says of its networks', () => {
  assert.deepEqual(
    eventOf('<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=3 id_str=]'),
    ['CTRL-EVENT-CONNECTED', { id: '3', id_str: ']' }],
  );
  assert.deepEqual(
    eventOf(
      '<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="a \\"b\\" id=9" auth_failures=1 duration=10 reason=WRONG_KEY',
    ),
    [
      'CTRL-EVENT-SSID-TEMP-DISABLED',
      { id: '0', ssid: 'a \\"b\\" id=9', auth_failures: '1', duration: '10', reason: 'WRONG_KEY' },
    ],
  );
  assert.deepEqual(eventOf('<3>CTRL-EVENT-NETWORK-NOT-FOUND '), ['CTRL-EVENT-NETWORK-NOT-FOUND', {}]);
  assert.equal(eventOf('<3>CTRL-EVENT-TERMINATING')?.[0], 'CTRL-EVENT-TERMINATING');
});

for (const message of ['OK', 'FAIL', '', '<3>', '<3>Trying to associate', '3>CTRL-EVENT-CONNECTED', 'PONG'])
  test(`parseSupplicantEvent takes ${JSON.stringify(message)} for no event`, () => {
    assert.equal(parseSupplicantEvent(message), undefined);
  });

test('parseSupplicantFields leaves out what has no name or no value', () => {
  assert.deepEqual(
    [...parseSupplicantFields('RSSI=-42\n=x\nnothing\nFREQUENCY=2412\nssid=a=b\n')],
    [
      ['RSSI', '-42'],
      ['FREQUENCY', '2412'],
      ['ssid', 'a=b'],
    ],
  );
});

const HEAD = 'bssid / frequency / signal level / flags / ssid\n';

test('parseScanResults says of each network how it is joined', () => {
  const lines = [
    '02:00:00:00:00:00\t2412\t-30\t[WPA2-PSK-CCMP][ESS]\thome',
    '02:00:00:00:00:01\t5180\t-71\t[WPA2-SAE-CCMP][ESS]\tlab',
    '02:00:00:00:00:02\t2412\t-40\t[WPA2-PSK+SAE-CCMP][ESS]\tmixed',
    '02:00:00:00:00:03\t2412\t-40\t[ESS]\tguests',
    '02:00:00:00:00:04\t2412\t-40\t[WPA2-EAP-CCMP][ESS]\toffice',
    '02:00:00:00:00:05\t2412\t-40\t[WEP][ESS]\told',
    '02:00:00:00:00:06\t2412\t-40\t[ESS]\tK\\xc3\\xbcche\\t\\"x\\"',
  ];
  assert.deepEqual(
    parseScanResults(HEAD + lines.join('\n')).map(({ ssid, keyManagement }) => [ssid, keyManagement]),
    [
      ['home', ['wpa2']],
      ['lab', ['wpa3']],
      ['mixed', ['wpa2', 'wpa3']],
      ['guests', []],
      ['office', ['enterprise']],
      ['old', ['wep']],
      ['Küche\t"x"', []],
    ],
  );
});

test('parseScanResults leaves out lines that make no sense, and ends with a crowd', () => {
  const bad = ['', 'x', 'a\tb\tc\td', '02:00\tx\t-1\t[ESS]\tn', '02:00\t2412\tx\t[ESS]\tn'].join('\n');
  assert.deepEqual(parseScanResults(HEAD + bad), []);
  const crowd = Array.from({ length: 2000 }, (_, index) => `x\t2412\t-1\t[ESS]\tn${index}`).join('\n');
  assert.equal(parseScanResults(HEAD + crowd).length, 256);
});

test('a name that is no UTF-8 stays as it came', () => {
  assert.equal(decodeSsid('caf\\xe9'), 'caf\\xe9');
  assert.equal(decodeSsid('caf\\xc3\\xa9'), 'café');
});

test('encodeSupplicantText has neither blanks nor quotes', () => {
  assert.equal(encodeSupplicantText('a "ü'), '612022c3bc');
});
