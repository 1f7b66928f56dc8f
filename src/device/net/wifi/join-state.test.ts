import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type HeardNetwork,
  parseScanResults,
  parseSupplicantEvent,
} from '../../../formats/supplicant-control.ts';
import type { WifiNetwork } from '../../../shared/network/wifi-file.ts';
import { describeJoinProblem, describeRegulatoryRefusal } from './describe-problem.ts';
import { INITIAL_JOIN_STATE, type JoinState, onSearched, onSupplicantEvent } from './join-state.ts';

const HOME: WifiNetwork = { ssid: 'home', psk: 'ab'.repeat(32) };
const LAB: WifiNetwork = { ssid: 'lab', passphrase: 'correct horse', wpa3: true };
const GUESTS: WifiNetwork = { ssid: 'guests', open: true };
const ALL = [HOME, LAB, GUESTS];

function after(...messages: string[]): JoinState {
  let state = INITIAL_JOIN_STATE;
  for (const message of messages) {
    const event = parseSupplicantEvent(`<3>CTRL-EVENT-${message}`);
    assert.ok(event);
    state = onSupplicantEvent(state, event, (id) => ALL[Number(id)]?.ssid);
  }
  return state;
}

function heard(ssid: string, flags: string): HeardNetwork[] {
  return parseScanResults(`\n02:00:00:00:00:00\t2412\t-30\t${flags}[ESS]\t${ssid}`);
}

const CONNECTED = 'CONNECTED - Connection to 02:00:00:00:00:00 completed [id=0 id_str=]';
const GONE = 'DISCONNECTED bssid=02:00:00:00:00:00 reason=3 locally_generated=1';
const WRONG_KEY = 'SSID-TEMP-DISABLED id=0 ssid="home" auth_failures=1 duration=10 reason=WRONG_KEY';
const REJECT = 'AUTH-REJECT 02:00:00:00:00:00 auth_type=3 auth_transaction=2 status_code=1';
const FAILED = 'SSID-TEMP-DISABLED id=1 ssid="lab" auth_failures=1 duration=10 reason=CONN_FAILED';

test('a network that is joined has no problem, and one that is gone is searched for', () => {
  assert.equal(after(CONNECTED).connected, 'home');
  assert.equal(describeJoinProblem(after(WRONG_KEY, CONNECTED), ALL), null);
  assert.deepEqual(
    [after(CONNECTED, GONE).connected, describeJoinProblem(after(CONNECTED, GONE), ALL)],
    [null, null],
  );
});

test('a wrong password is called so with WPA2 and with WPA3, which does not call it that', () => {
  assert.equal(
    describeJoinProblem(after(WRONG_KEY), ALL),
    'Wi-Fi network "home" refuses the password: it is wrong',
  );
  assert.equal(
    describeJoinProblem(after(REJECT, REJECT, REJECT, REJECT, FAILED), ALL),
    'Wi-Fi network "lab" refuses the password: it is wrong',
  );
});

test('a connection that failed for another reason is no wrong password', () => {
  assert.equal(describeJoinProblem(after(FAILED), ALL), 'Wi-Fi network "lab" refuses the device');
  assert.equal(
    describeJoinProblem(after(REJECT, CONNECTED, GONE, FAILED), ALL),
    'Wi-Fi network "lab" refuses the device',
  );
  const open = 'AUTH-REJECT 02:00:00:00:00:00 auth_type=0 auth_transaction=2 status_code=1';
  assert.equal(describeJoinProblem(after(open, FAILED), ALL), 'Wi-Fi network "lab" refuses the device');
});

test('events that name nobody, or an unknown network, change nothing', () => {
  assert.equal(after('CONNECTED - Connection to x completed [id=9 id_str=]').connected, null);
  assert.deepEqual(after('SCAN-STARTED '), INITIAL_JOIN_STATE);
});

const SEARCHES: [what: string, network: WifiNetwork, heard: HeardNetwork[], problem: string | null][] = [
  ['is not there', HOME, [], 'Wi-Fi network "home" is not in reach'],
  ['is there', HOME, heard('home', '[WPA2-PSK-CCMP]'), null],
  ['is mixed', HOME, heard('home', '[WPA2-PSK+SAE-CCMP]'), null],
  [
    'takes WPA3 only',
    HOME,
    heard('home', '[WPA2-SAE-CCMP]'),
    'Wi-Fi network "home" takes WPA3 only: add it anew with its passphrase and WPA3',
  ],
  [
    'has no WPA3',
    LAB,
    heard('lab', '[WPA2-PSK-CCMP]'),
    'Wi-Fi network "lab" has no WPA3: add it anew without that',
  ],
  [
    'is open, which may be somebody else',
    HOME,
    heard('home', ''),
    'Wi-Fi network "home" is open: a device that has a password for it does not join it',
  ],
  [
    'is not open any more',
    GUESTS,
    heard('guests', '[WPA2-PSK-CCMP]'),
    'Wi-Fi network "guests" is not open: add it anew with its passphrase',
  ],
  [
    'asks for a user',
    HOME,
    heard('home', '[WPA2-EAP-CCMP]'),
    'Wi-Fi network "home" asks for a user (802.1X), which is not supported',
  ],
  [
    'has WEP',
    HOME,
    heard('home', '[WEP]'),
    'Wi-Fi network "home" has WEP, which is not safe and not supported',
  ],
];
for (const [what, network, air, problem] of SEARCHES)
  test(`a search says that a network ${what}`, () => {
    const state = onSearched(INITIAL_JOIN_STATE, [network], air);
    assert.equal(describeJoinProblem(state, [network]), problem);
  });

test('nothing is in reach only when none is, and a wrong password tells more', () => {
  assert.equal(
    describeJoinProblem(onSearched(INITIAL_JOIN_STATE, ALL, []), ALL),
    'None of its Wi-Fi networks is in reach: "home", "lab", "guests"',
  );
  const found = onSearched(after(WRONG_KEY), ALL, heard('home', '[WPA2-PSK-CCMP]'));
  assert.match(describeJoinProblem(found, ALL) ?? '', /"home" refuses the password/);
  assert.equal(describeJoinProblem(INITIAL_JOIN_STATE, []), 'No Wi-Fi network is set up ("tsk wifi add")');
});

test('a network that is heard again is not called absent any more', () => {
  const absent = onSearched(INITIAL_JOIN_STATE, [HOME], []);
  assert.equal(
    describeJoinProblem(onSearched(absent, [HOME], heard('home', '[WPA2-PSK-CCMP]')), [HOME]),
    null,
  );
});

function refused(code: string): string {
  return describeRegulatoryRefusal(Object.assign(new Error(`${code}: netlink`), { code }));
}

test('a regulatory database with a wrong signature is said, and so is whatever else the kernel has against it', () => {
  assert.equal(
    refused('ENODATA'),
    'the kernel does not take the regulatory database: it is not signed by a key that the kernel knows',
  );
  assert.equal(refused('ENOENT'), 'the kernel does not take the regulatory database: ENOENT: netlink');
});
