import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WifiTrials } from '../../../shared/network/wifi-api.ts';
import {
  exampleHistory,
  exampleNetwork,
  exampleServices,
  exampleSystem,
  exampleUpdateState,
} from '../../../../test/support/web/fake-device.ts';
import type { NetStatus } from '../../../shared/network/net-status.ts';
import type { ServiceStatus } from '../../../shared/services/services.ts';
import { screenLines, type ScreenFacts } from './screen-text.ts';

function facts(more: Partial<ScreenFacts> = {}): ScreenFacts {
  return {
    system: exampleSystem(),
    model: 'Raspberry Pi 4 Model B Rev 1.5',
    tls: undefined,
    webPort: 80,
    services: exampleServices(),
    network: exampleNetwork(),
    updates: { ...exampleUpdateState(), trial: null, history: [] },
    nowMs: Date.now(),
    ...more,
  };
}

test('screenLines: who it is, where it is reached, and what is not well first', () => {
  assert.deepEqual(screenLines(facts()), [
    'garden   Raspberry Pi 4 Model B Rev 1.5',
    'tskrazy 0.1.0, build 6f1c0a9be27d, slot a',
    '',
    'Page       http://garden.local/',
    'eth0       192.168.1.37/24, fd00:1234:5678:1:5054:ff:fe12:3456/64, fe80::5054...',
    '',
    'camera     backoff: It ended with exit code 1 and is started again after a pause',
    'backup     stopped: It was stopped by hand',
    'irrigation running',
    'sensor-hub running',
  ]);
});

test('screenLines: nothing that an app has written, and nothing that steers a terminal', () => {
  const [irrigation] = exampleServices();
  const service: ServiceStatus = {
    ...irrigation!,
    state: 'failed',
    lastLine: 'password is hunter2',
    reason: 'Cannot execute "/user/\u001B[2Jx": ENOENT – gone',
  };
  const text = screenLines(facts({ services: [service] })).join('\n');
  assert.doesNotMatch(text, /hunter2/);
  assert.ok(text.includes('irrigation failed: Cannot execute "/user/\\x1b[2Jx": ENOENT ? gone'));
});

test('screenLines: however many apps, warnings and words there are, it fits', () => {
  const [app] = exampleServices();
  const services = Array.from({ length: 50 }, (_, index) => ({ ...app!, name: `app-${index}` }));
  const system = { ...exampleSystem(), warnings: Array.from({ length: 9 }, () => 'x'.repeat(300)) };
  const tls = { port: 8443, fingerprint: Array.from({ length: 32 }, () => 'AB').join(':') };
  const [eth0] = exampleNetwork().interfaces;
  const interfaces = Array.from({ length: 9 }, (_, index) => ({
    ...eth0!,
    name: `eth${index}`,
    carrier: index > 6,
  }));
  const network = { ...exampleNetwork(), interfaces };
  const [record] = exampleHistory();
  const updates = {
    ...exampleUpdateState(),
    trial: null,
    history: [{ ...record!, outcome: 'did not start' as const }],
  };
  const lines = screenLines(facts({ services, system, tls, network, updates }));
  assert.ok(lines.length <= 24, String(lines.length));
  assert.match(lines.find((line) => line.startsWith('eth')) ?? '', /^eth7 /);
  assert.ok(lines.every((line) => line.length <= 80));
  assert.ok(lines.includes('           and 42 more'));
  assert.ok(lines.includes('Page       https://garden.local:8443/'));
});

function shownOfRadios(interfaces: NetStatus['interfaces'], problem: string | null = null): string[] {
  const network = { ...exampleNetwork(), interfaces, wifi: { country: 'DE', problem } };
  return screenLines(facts({ network })).filter((line) => /^(wlan|Wi-Fi)/.test(line));
}

test('screenLines: a radio says its network, or why it is in none', () => {
  const [eth0] = exampleNetwork().interfaces;
  const wifi = { ssid: 'home', signalDbm: -48, frequencyMHz: 2412, networks: [] };
  const radio = { ...eth0!, name: 'wlan0', addresses: ['192.168.1.5/24'], problem: null, wifi };
  assert.deepEqual(shownOfRadios([radio]), ['wlan0      Wi-Fi "home", strong (-48 dBm), 192.168.1.5/24']);
  const without = { ...radio, carrier: false, addresses: [], wifi: { ...wifi, ssid: null } };
  assert.deepEqual(shownOfRadios([without]), ['wlan0      looks for a Wi-Fi network']);
  const problem = 'Wi-Fi network "home" refuses the password: it is wrong';
  assert.deepEqual(shownOfRadios([{ ...without, problem }]), [`wlan0      ${problem}`]);
  assert.deepEqual(shownOfRadios([], 'No radio has come up'), ['Wi-Fi      No radio has come up']);
});

test('screenLines: a network that is tried, and for an hour what came of it', () => {
  const { nowMs } = facts();
  const trial = { id: '0', ssid: 'lab', phase: 'joining' as const, endsAtMs: nowMs + 9000 };
  const shown = (wifi: WifiTrials): string[] =>
    screenLines(facts({ system: { ...exampleSystem(), wifi } })).filter((line) => line.startsWith('Wi-Fi'));
  assert.deepEqual(shown({ trial, last: null }), ['Wi-Fi      "lab" is being tried: the device joins it']);
  const last = { id: '0', ssid: 'lab', isKept: false, reason: 'is not in reach', endedAtMs: nowMs - 1000 };
  assert.deepEqual(shown({ trial: null, last }), [
    'Wi-Fi      "lab" was tried, and is not kept: it is not in reach',
  ]);
  assert.deepEqual(shown({ trial: null, last: { ...last, endedAtMs: nowMs - 3_601_000 } }), []);
});

test('screenLines: a trial, and an update that has failed', () => {
  const { nowMs } = facts();
  const state = exampleUpdateState();
  const trial = {
    id: '1',
    slot: 'b',
    buildId: 'c'.repeat(64),
    mode: 'reboot',
    confirmBy: 'client',
    who: 'tsk',
    fromBuildId: 'a'.repeat(64),
    startedAtMs: nowMs,
    deadlineAtMs: nowMs + 150_000,
    waitsFor: ['app camera runs'],
  } as const;
  const shown = (updates: ScreenFacts['updates']): string =>
    screenLines(facts({ updates, nowMs })).at(-1) ?? '';
  assert.equal(
    shown({ ...state, trial }),
    'Update     build cccccccccccc on trial, 3 min left, waits: app camera runs',
  );
  const failed = {
    id: '2',
    startedAtMs: 0,
    endedAtMs: 0,
    fromBuildId: 'a'.repeat(64),
    toBuildId: 'd'.repeat(64),
    toSlot: 'b',
    mode: 'reboot',
    who: 'tsk',
    outcome: 'rolled back',
    reason: 'app camera exited with code 1',
    lastLines: { of: 'camera', lines: ['token=secret'] },
    bootId: null,
  } as const;
  assert.equal(
    shown({ ...state, trial: null, history: [failed] }),
    'Update     build dddddddddddd rolled back: app camera exited with code 1',
  );
});
