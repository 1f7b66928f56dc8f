// The dialogue with the supplicant, which is a script here: it answers, babbles, is silent, dies and floods.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ScriptedSupplicant, SILENCE } from '../../../../test/support/network/scripted-supplicant.ts';
import { eventually } from '../../../../test/support/machines/appliance.ts';
import type { WifiFile } from '../../../shared/network/wifi-file.ts';
import { Radio } from './radio.ts';

const NAME = 'wlan9';
const KEY = 'ab'.repeat(32);
const SETTINGS: WifiFile = {
  country: 'DE',
  networks: [
    { ssid: 'home "x"', psk: KEY, hidden: true },
    { ssid: 'lab', passphrase: 'correct "horse', wpa3: true },
    { ssid: 'guests', open: true },
  ],
};

class Scene {
  readonly said: string[] = [];
  readonly directory: string;
  readonly radio: Radio;
  supplicant: ScriptedSupplicant;

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'tsk-wpa-'));
    this.supplicant = new ScriptedSupplicant(this.directory, NAME);
    this.radio = new Radio({
      name: NAME,
      linkIndex: 9,
      nl80211: undefined,
      onChange: () => undefined,
      onOtherNetwork: () => void this.said.push('in another network'),
      log: (text) => void this.said.push(text),
      directory: this.directory,
      answerLimitMs: 300,
      lookEveryMs: 200,
      firstPauseMs: 20,
    });
    t.after(() => {
      this.radio.close();
      this.supplicant.die();
      rmSync(this.directory, { recursive: true });
    });
  }

  start(settings = SETTINGS): void {
    this.radio.use(settings);
  }

  async asked(command: string): Promise<void> {
    await eventually(command, async () => this.supplicant.asked.includes(command));
  }

  async hasSaid(line: RegExp): Promise<void> {
    await eventually(String(line), async () => this.said.some((each) => line.test(each)));
  }

  async ready(): Promise<void> {
    await this.asked(`ENABLE_NETWORK ${(SETTINGS.networks.length - 1).toString()}`);
  }

  join(id: number): void {
    this.supplicant.joined = id;
    this.supplicant.tell(
      `CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=${id} id_str=]`,
    );
  }
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

test('a radio is handed over with its networks, and no key but in hexadecimal', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  const asked = scene.supplicant.asked.filter((command) => !/bgscan|STATUS/.test(command));
  assert.deepEqual(asked, [
    'INTERFACES',
    `INTERFACE_ADD ${NAME}\t/etc/wpa_supplicant.conf\tnl80211\tDIR=${scene.directory}`,
    'ATTACH',
    'GET_CAPABILITY auth_alg',
    'SET country DE',
    'REMOVE_NETWORK all',
    'ADD_NETWORK',
    `SET_NETWORK 0 ssid ${hex('home "x"')}`,
    'SET_NETWORK 0 scan_ssid 1',
    'SET_NETWORK 0 proto RSN',
    'SET_NETWORK 0 pairwise CCMP',
    'SET_NETWORK 0 key_mgmt WPA-PSK',
    'SET_NETWORK 0 ieee80211w 1',
    `SET_NETWORK 0 psk ${KEY}`,
    'SET_NETWORK 0 priority 3',
    'ENABLE_NETWORK 0',
    'ADD_NETWORK',
    `SET_NETWORK 1 ssid ${hex('lab')}`,
    'SET_NETWORK 1 proto RSN',
    'SET_NETWORK 1 pairwise CCMP',
    'SET_NETWORK 1 key_mgmt SAE',
    'SET_NETWORK 1 ieee80211w 2',
    `SET_NETWORK 1 sae_password ${hex('correct "horse')}`,
    'SET_NETWORK 1 priority 2',
    'ENABLE_NETWORK 1',
    'ADD_NETWORK',
    `SET_NETWORK 2 ssid ${hex('guests')}`,
    'SET_NETWORK 2 key_mgmt NONE',
    'SET_NETWORK 2 priority 1',
    'ENABLE_NETWORK 2',
  ]);
  scene.join(1);
  await eventually('the signal', async () => scene.radio.status().signalDbm === -48);
  assert.deepEqual(
    [scene.radio.status().ssid, scene.radio.status().frequencyMHz, scene.radio.problem],
    ['lab', 2412, null],
  );
  assert.deepEqual(scene.said, [`${NAME}: connected to "lab"`]);
});

test('an interface that the supplicant has already is not added again', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script((command) => (command === 'INTERFACES' ? `p2p\n${NAME}\n` : undefined));
  scene.start();
  await scene.ready();
  assert.ok(!scene.supplicant.asked.some((command) => command.startsWith('INTERFACE_ADD')));
});

test('other networks are given in the place of those before', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  scene.join(2);
  await scene.hasSaid(/connected to "guests"/);
  scene.supplicant.joined = undefined;
  scene.radio.use({ country: 'US', networks: [{ ssid: 'new', open: true }] });
  await scene.asked('SET country US');
  await scene.asked(`SET_NETWORK 0 ssid ${hex('new')}`);
  assert.deepEqual(
    scene.radio.status().networks.map(({ ssid }) => ssid),
    ['new'],
  );
});

test('a network that is joined before the others have been told is known', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script((command) => {
    if (command === 'ENABLE_NETWORK 0') scene.join(0);
    return undefined;
  });
  scene.start();
  await scene.ready();
  await scene.hasSaid(/connected to "home/);
});

test('events that were lost are caught up with', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  scene.supplicant.joined = 2;
  await scene.hasSaid(/^wlan9: connected to "guests"/);
  scene.supplicant.joined = undefined;
  await scene.hasSaid(/no longer connected to "guests"/);
  assert.ok(scene.supplicant.asked.includes('DETACH'));
});

test('what the supplicant says by itself in between is no answer', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script((command) => {
    if (command !== 'INTERFACES' && !command.startsWith('INTERFACE_ADD'))
      for (const line of ['Associated with 02:00:00:00:00:00', 'WPA: Key negotiation completed', '', '<'])
        scene.supplicant.tell(line);
    return undefined;
  });
  scene.start();
  await scene.ready();
  scene.join(2);
  await scene.hasSaid(/connected to "guests"/);
  assert.deepEqual(scene.said, [`${NAME}: connected to "guests"`]);
});

test('a supplicant that dies is begun with anew when there is another', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  scene.join(0);
  await scene.hasSaid(/connected to "home/);
  scene.supplicant.die();
  await eventually('it is noticed', async () => scene.radio.status().ssid === null);
  scene.supplicant = new ScriptedSupplicant(scene.directory, NAME);
  await scene.ready();
  scene.join(0);
  await eventually('it is connected again', async () => scene.radio.status().ssid !== null);
  assert.equal(scene.radio.problem, null);
  assert.ok(!scene.said.includes('in another network'));
});

test('a supplicant that falls silent is given up, said so, and asked again', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script(() => SILENCE);
  scene.start();
  await eventually('the problem', async () => scene.radio.problem !== null);
  assert.equal(scene.radio.problem, 'Wi-Fi does not work: the supplicant does not answer');
  scene.supplicant.script(() => undefined);
  await scene.ready();
  await eventually('all is well', async () => scene.radio.problem === null);
  // Nothing of the channels that were given up stays.
  assert.deepEqual(
    readdirSync(scene.directory).filter((name) => name.startsWith('net-')),
    [`net-${NAME}`],
  );
});

for (const [what, command, answer, problem] of [
  [
    'refuses the interface',
    'INTERFACE_ADD',
    'FAIL\n',
    /^Wi-Fi does not work: the supplicant refuses INTERFACE_ADD/,
  ],
  ['answers with nothing', 'ATTACH', '', /^Wi-Fi does not work: the supplicant refuses/],
  [
    'answers with noise',
    'ATTACH',
    '\u0000<<\uffff'.repeat(500),
    /^Wi-Fi does not work: the supplicant refuses/,
  ],
] as const)
  test(`a supplicant that ${what} is a problem, and is tried again`, async (t) => {
    const scene = new Scene(t);
    scene.supplicant.script((asked) => (asked.startsWith(command) ? answer : undefined));
    scene.start();
    await eventually('the problem', async () => scene.radio.problem !== null);
    assert.match(scene.radio.problem ?? '', problem);
    scene.supplicant.script(() => undefined);
    await scene.ready();
    await eventually('all is well', async () => scene.radio.problem === null);
  });

test('what the supplicant refuses of a network is said without its key', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script((command) => (command.includes(' psk ') ? 'FAIL\n' : undefined));
  scene.start();
  await scene.hasSaid(/^wlan9: Wi-Fi does not work: the supplicant refuses SET_NETWORK 0 psk: FAIL$/);
  assert.ok(!scene.said.join('\n').includes(KEY));
});

test('a flood of events leaves the state of the last ones', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  for (let count = 0; count < 20_000; count++) {
    try {
      scene.supplicant.tell(count % 2 === 0 ? 'CTRL-EVENT-SCAN-STARTED ' : `CTRL-EVENT-${'A'.repeat(3000)}`);
    } catch (error) {
      // Its queue is full; or no answer has found room for so long that the radio begins anew.
      assert.match((error as NodeJS.ErrnoException).code ?? '', /^(EAGAIN|ENOENT|ECONNREFUSED)$/);
      await new Promise(setImmediate);
    }
  }
  await eventually('it is heard again', async () => {
    scene.join(2);
    return scene.radio.status().ssid === 'guests';
  });
  assert.equal(scene.radio.problem, null);
});

test('a radio without WPA3 says so of the network that needs it, and uses the others', async (t) => {
  const scene = new Scene(t);
  scene.supplicant.script((command) => (command === 'GET_CAPABILITY auth_alg' ? 'OPEN SHARED' : undefined));
  scene.start();
  await scene.asked('ENABLE_NETWORK 1');
  await eventually('the problem', async () => scene.radio.problem !== null);
  assert.equal(scene.radio.problem, 'Wi-Fi network "lab" needs WPA3, which this board\'s Wi-Fi cannot do');
  assert.ok(!scene.supplicant.asked.some((command) => command.includes('sae_password')));
});

test('a search in vain says that nothing is in reach, and the next ones wait longer, up to a minute', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  const intervals = (): string[] => scene.supplicant.asked.filter((each) => each.startsWith('SCAN_INTERVAL'));
  for (let count = 1; count <= 12; count++) {
    scene.supplicant.tell('CTRL-EVENT-NETWORK-NOT-FOUND ');
    await eventually('the next pause', async () => intervals().length === count);
  }
  assert.deepEqual(
    intervals().map((each) => Number(each.split(' ')[1])),
    [5, 5, 5, 5, 10, 10, 20, 40, 60, 60, 60, 60],
  );
  await scene.hasSaid(/None of its Wi-Fi networks is in reach: "home "x"", "lab", "guests"/);
});

const TRIAL = { id: '00'.repeat(8), ssid: 'lab' };

test('a network that is tried is the only one that may be joined, and the others are allowed again when it is kept', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  scene.join(0);
  await scene.hasSaid(/connected to "home/);
  scene.supplicant.asked.length = 0;
  scene.supplicant.joined = undefined;
  scene.radio.use({ ...SETTINGS, trial: TRIAL });
  // Of before: nothing is said of the trial yet.
  assert.equal(scene.radio.status().trial, undefined);
  await eventually('it has them', async () => scene.radio.status().trial === TRIAL.id);
  assert.deepEqual(
    scene.supplicant.asked.filter((command) => command.startsWith('ENABLE')),
    ['ENABLE_NETWORK 1'],
  );
  assert.equal(scene.radio.status().ssid, null);
  scene.join(1);
  await scene.hasSaid(/connected to "lab"/);
  scene.radio.use(SETTINGS);
  await scene.asked('ENABLE_NETWORK all');
  await eventually('it is over', async () => scene.radio.status().trial === undefined);
  assert.deepEqual([scene.radio.status().ssid, scene.radio.problem], ['lab', null]);
  assert.equal(scene.said.filter((text) => text === 'in another network').length, 1);
  assert.equal(scene.supplicant.asked.filter((command) => command === 'REMOVE_NETWORK all').length, 1);
});

test('a network that is tried in vain is told, and the others are given again', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  const tried = { ssid: 'new', psk: KEY };
  scene.radio.use({
    country: 'DE',
    networks: [tried, ...SETTINGS.networks],
    trial: { ...TRIAL, ssid: 'new' },
  });
  await eventually('it has them', async () => scene.radio.status().trial === TRIAL.id);
  scene.supplicant.tell('CTRL-EVENT-NETWORK-NOT-FOUND ');
  const told = () => scene.radio.status().networks.find(({ ssid }) => ssid === 'new');
  await eventually('it is told', async () => told()?.problem === 'is not in reach');
  // The others are not allowed, so that nothing is wrong with them.
  assert.equal(scene.radio.problem, 'Wi-Fi network "new" is not in reach');
  assert.equal(told()?.isLasting, undefined);
  scene.supplicant.tell(
    'CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="new" auth_failures=1 duration=10 reason=WRONG_KEY',
  );
  await eventually('it is lasting', async () => told()?.isLasting === true);
  scene.supplicant.asked.length = 0;
  scene.radio.use(SETTINGS);
  await scene.ready();
  assert.deepEqual(
    scene.radio.status().networks.map(({ ssid, problem }) => [ssid, problem]),
    SETTINGS.networks.map(({ ssid }) => [ssid, null]),
  );
});

test('a supplicant that dies during a trial is given that network alone again', async (t) => {
  const scene = new Scene(t);
  scene.start();
  await scene.ready();
  scene.radio.use({ ...SETTINGS, trial: TRIAL });
  await eventually('it has them', async () => scene.radio.status().trial === TRIAL.id);
  scene.supplicant.die();
  await eventually('it is noticed', async () => scene.radio.status().trial === undefined);
  scene.supplicant = new ScriptedSupplicant(scene.directory, NAME);
  await eventually('it has them again', async () => scene.radio.status().trial === TRIAL.id);
  assert.deepEqual(
    scene.supplicant.asked.filter((command) => command.startsWith('ENABLE')),
    ['ENABLE_NETWORK 1'],
  );
});

const ONE: WifiFile = { country: 'DE', networks: [{ ssid: 'home', psk: KEY }] };
const aside = (reason: string): string =>
  `CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="home" auth_failures=1 duration=10 reason=${reason}`;
/** As Debian's supplicant told them of an access point of mac80211_hwsim. */
const GOLDEN: [what: string, events: readonly string[], log: readonly string[]][] = [
  [
    'a wrong password of WPA2',
    [
      'CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:01 reason=15',
      'WPA: 4-Way Handshake failed - pre-shared key may be incorrect',
      aside('WRONG_KEY'),
    ],
    [`${NAME}: Wi-Fi network "home" refuses the password: it is wrong`],
  ],
  [
    'a wrong password of WPA3',
    [
      ...Array.from(
        { length: 4 },
        () => 'CTRL-EVENT-AUTH-REJECT 02:00:00:00:01:01 auth_type=3 auth_transaction=2 status_code=1',
      ),
      aside('CONN_FAILED'),
    ],
    [`${NAME}: Wi-Fi network "home" refuses the password: it is wrong`],
  ],
  [
    'a network that is gone and back',
    [
      'CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:01 completed [id=0 id_str=]',
      'CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:01 reason=4',
      'CTRL-EVENT-NETWORK-NOT-FOUND ',
      'CTRL-EVENT-NETWORK-NOT-FOUND ',
      'CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:02 completed [id=0 id_str=]',
    ],
    [
      `${NAME}: connected to "home"`,
      `${NAME}: no longer connected to "home"`,
      `${NAME}: Wi-Fi network "home" is not in reach`,
      `${NAME}: connected to "home"`,
    ],
  ],
];
for (const [what, events, log] of GOLDEN)
  test(`golden log: ${what}`, async (t) => {
    const scene = new Scene(t);
    scene.start(ONE);
    await scene.asked('ENABLE_NETWORK 0');
    for (const event of events) {
      if (event.startsWith('CTRL-EVENT-CONNECTED')) scene.supplicant.joined = 0;
      if (event.startsWith('CTRL-EVENT-DISCONNECTED')) scene.supplicant.joined = undefined;
      scene.supplicant.tell(event);
      const before = scene.supplicant.asked.length;
      // What it makes of a search, it asks for first.
      if (event.includes('NOT-FOUND'))
        await eventually('the search is looked at', async () =>
          scene.supplicant.asked.slice(before).some((command) => command.startsWith('SCAN_INTERVAL')),
        );
    }
    await eventually('all is said', async () => scene.said.length >= log.length);
    assert.deepEqual(scene.said, log);
  });
