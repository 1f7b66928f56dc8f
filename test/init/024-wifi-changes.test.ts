// Wi-Fi networks of a running device are changed: the new one is tried, kept or not, and what is kept is in /perm.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { WifiChanges } from '../../src/device/init/wifi/wifi-changes.ts';
import { writeStore } from '../../src/device/init/wifi/wifi-store.ts';
import { describeWifiTrial, WIFI_TRIAL_LIMIT_MS } from '../../src/shared/network/wifi-api.ts';
import { NET_STATUS_PATH, type WifiStatus } from '../../src/shared/network/net-status.ts';
import { WIFI_RUN_PATH, WIFI_STORE_PATH } from '../../src/shared/network/wifi.ts';
import type { WifiNetwork } from '../../src/shared/network/wifi-file.ts';
import { bootDevice, consoleLines, prepareDevice, putExt4 } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const KEY = 'ab'.repeat(32);
const CONFIG = { country: 'DE', networks: [{ ssid: 'home' }] };
const HOME: WifiNetwork = { ssid: 'home', psk: KEY };
const LAB: WifiNetwork = { ssid: 'lab', passphrase: 'correct horse', wpa3: true };

class Scene implements Disposable {
  readonly sys = new RecordingSys();
  nowMs = 1_000_000;
  changes!: WifiChanges;
  status!: () => ReturnType<Awaited<ReturnType<typeof bootDevice>>['device']['status']>;

  async boot(networks: readonly WifiNetwork[] = [HOME]): Promise<void> {
    const { sys } = this;
    prepareDevice(sys, { board: 'raspberry-pi', wifi: CONFIG });
    putExt4(sys);
    writeStore(sys, CONFIG, { country: 'DE', networks });
    const { device } = await bootDevice(sys);
    this.changes = new WifiChanges(device, () => this.nowMs);
    device.wifiTrials = this.changes;
    this.status = () => device.status();
  }

  [Symbol.dispose](): void {
    // No timer may stay.
    this.nowMs += 3 * WIFI_TRIAL_LIMIT_MS;
    this.changes.look();
    this.sys[Symbol.dispose]();
  }

  /** What `net` says then. */
  told(wifi: Partial<WifiStatus>, addresses: readonly string[] = [], state = 'bound'): void {
    const radio = { ssid: null, signalDbm: null, frequencyMHz: null, networks: [], ...wifi };
    const each = { name: 'wlan0', carrier: radio.ssid !== null, addresses, dhcp: { state, lease: null } };
    this.sys.file(NET_STATUS_PATH, JSON.stringify({ interfaces: [{ ...each, wifi: radio, problem: null }] }));
    this.changes.look();
  }

  handed(): { networks: WifiNetwork[]; trial?: { id: string; ssid: string } } {
    return JSON.parse(readFileSync(this.sys.path(WIFI_RUN_PATH), 'utf8')) as ReturnType<Scene['handed']>;
  }

  stored(): string[] {
    const text = readFileSync(this.sys.path(WIFI_STORE_PATH), 'utf8');
    return (JSON.parse(text) as { networks: WifiNetwork[] }).networks.map(({ ssid }) => ssid);
  }

  /** As `net` and the page are told. */
  said(): string[] {
    return consoleLines(this.sys).filter((line) => line.includes('Wi-Fi'));
  }
}

test('golden log: a network that is tried, joined and confirmed is kept', async () => {
  using scene = new Scene();
  await scene.boot();
  const { changes } = scene;
  const begun = changes.add({ network: LAB, isTried: true });
  const { id = '' } = begun.trial ?? {};
  assert.deepEqual(scene.handed(), { country: 'DE', networks: [HOME, LAB], trial: { id, ssid: 'lab' } });
  assert.deepEqual(
    begun.networks.map(({ ssid }) => ssid),
    ['home'],
  );
  assert.throws(() => changes.confirm(id), { code: 'no-wifi-trial', message: /no address in "lab" yet/ });
  assert.throws(() => changes.add({ network: HOME, isTried: false }), { code: 'wifi-busy' });
  assert.throws(() => changes.remove({ ssid: 'home', evenJoined: true }), { code: 'wifi-busy' });
  // The lease of the network before is not one of this.
  scene.told({ trial: id, ssid: 'lab' }, ['192.168.1.7/24', 'fe80::1/64'], 'rebooting');
  assert.equal(changes.trials().trial?.phase, 'joining');
  scene.told({ trial: id, ssid: 'lab' }, ['10.1.1.7/24'], 'bound');
  assert.equal(
    describeWifiTrial(scene.status().wifi ?? { trial: null, last: null }),
    'Wi-Fi network "lab" is being tried: the device is in it, and waits to be asked over it',
  );
  assert.deepEqual(scene.stored(), ['home']);
  const kept = changes.confirm(id);
  assert.deepEqual([kept.trial, kept.last?.isKept, scene.stored()], [null, true, ['lab', 'home']]);
  assert.deepEqual(scene.handed(), { country: 'DE', networks: [HOME, LAB] });
  assert.deepEqual(kept.networks, [
    { ssid: 'home', security: 'wpa2', hidden: false },
    { ssid: 'lab', security: 'wpa3', hidden: false },
  ]);
  // Twice said is as good.
  assert.equal(changes.confirm(id).last?.id, id);
  assert.deepEqual(scene.said(), ['init: Wi-Fi: tries "lab"', 'init: Wi-Fi: keeps "lab"']);
  assert.equal(statSync(scene.sys.path(WIFI_STORE_PATH)).mode & 0o777, 0o600);
  assert.doesNotMatch(JSON.stringify([kept, scene.status(), scene.said()]), /correct|abab/);
});

test('golden log: a wrong password and a network out of reach bring the others back, and are told', async () => {
  using scene = new Scene();
  await scene.boot();
  const { changes } = scene;
  const { id = '' } = changes.add({ network: { ...HOME, psk: 'cd'.repeat(32) }, isTried: true }).trial ?? {};
  const failed = { ssid: 'home', problem: 'refuses the password: it is wrong', isLasting: true } as const;
  // Of before the trial: it is in "home" still.
  scene.told({ ssid: 'home' }, ['192.168.1.7/24']);
  scene.told({ trial: id, networks: [failed] });
  assert.deepEqual(scene.handed(), { country: 'DE', networks: [HOME] });
  assert.throws(() => changes.confirm(id), {
    code: 'no-wifi-trial',
    message: /"home" is not kept: it refuses the password/,
  });
  assert.throws(() => changes.confirm('0'.repeat(16)), {
    code: 'no-wifi-trial',
    message: /not tried any more/,
  });
  const second = changes.add({ network: LAB, isTried: true }).trial;
  scene.told({ trial: second?.id ?? '', networks: [{ ssid: 'lab', problem: 'is not in reach' }] });
  scene.nowMs += WIFI_TRIAL_LIMIT_MS;
  changes.look();
  assert.equal(
    describeWifiTrial(changes.trials()),
    'Wi-Fi network "lab" was tried, and is not kept: it is not in reach',
  );
  assert.deepEqual(scene.stored(), ['home']);
  assert.deepEqual(scene.said(), [
    'init: Wi-Fi: tries "home"',
    'init: Wi-Fi: goes back from "home": it refuses the password: it is wrong',
    'init: Wi-Fi: tries "lab"',
    'init: Wi-Fi: goes back from "lab": it is not in reach',
  ]);
});

test('a device without a radio, and one whose net is away, end a trial in time', async () => {
  using scene = new Scene();
  await scene.boot();
  scene.changes.add({ network: LAB, isTried: true });
  scene.sys.file(
    NET_STATUS_PATH,
    JSON.stringify({ interfaces: [], wifi: { country: 'DE', problem: 'No radio has come up' } }),
  );
  scene.changes.look();
  writeFileSync(scene.sys.path(NET_STATUS_PATH), 'half of ');
  scene.nowMs += WIFI_TRIAL_LIMIT_MS;
  scene.changes.look();
  assert.equal(scene.changes.trials().last?.reason, 'could not be joined: No radio has come up');
});

test('a network for another place is kept as it comes, and one is removed, unless the device is in it', async () => {
  using scene = new Scene();
  await scene.boot();
  const { changes } = scene;
  changes.add({ network: { ssid: 'guests', open: true }, isTried: false });
  assert.deepEqual(scene.stored(), ['guests', 'home']);
  scene.told({ ssid: 'home' }, ['192.168.1.7/24']);
  assert.throws(() => changes.remove({ ssid: 'home', evenJoined: false }), {
    code: 'network-in-use',
    message: 'The device is in the network "home" now',
  });
  assert.throws(() => changes.remove({ ssid: 'shed', evenJoined: false }), { code: 'no-such-network' });
  changes.remove({ ssid: 'guests', evenJoined: false });
  changes.remove({ ssid: 'home', evenJoined: true });
  assert.deepEqual([scene.stored(), scene.handed().networks], [[], []]);
  assert.deepEqual(scene.said(), [
    'init: Wi-Fi: knows "guests" from now on',
    'init: Wi-Fi: has forgotten "guests"',
    'init: Wi-Fi: has forgotten "home"',
  ]);
});

test('a device that knows 32 networks takes no other, but new words for one of them', async () => {
  using scene = new Scene();
  await scene.boot(Array.from({ length: 32 }, (_, index) => ({ ssid: `n${index}`, open: true })));
  const { changes } = scene;
  assert.throws(() => changes.add({ network: LAB, isTried: true }), {
    code: 'wifi-full',
    message: 'The device knows 32 networks: remove one first',
  });
  changes.add({ network: { ssid: 'n31', psk: KEY }, isTried: false });
  assert.equal(scene.stored()[0], 'n31');
});

test('an image without Wi-Fi takes no networks', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  const { device } = await bootDevice(sys);
  assert.throws(() => new WifiChanges(device).networks(), {
    code: 'no-wifi',
    message: 'This image has no Wi-Fi: it takes "wifi" in "network" of tskrazy.json',
  });
  assert.ok(!existsSync(sys.path(WIFI_RUN_PATH)));
});
