import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WIFI_TRIAL_LIMIT_MS } from '../../../shared/network/wifi-api.ts';
import {
  IDLE,
  stepWifiTrial,
  type TriedRadio,
  type WifiTrialAction,
  type WifiTrialEvent,
  type WifiTrialMachine,
} from './wifi-trial.ts';

const NETWORK = { id: '00'.repeat(8), ssid: 'lab' };
const SEARCHING: TriedRadio = {
  id: NETWORK.id,
  isJoined: false,
  hasAddress: false,
  problem: null,
  isLasting: false,
};
const IN_IT: TriedRadio = { ...SEARCHING, isJoined: true, hasAddress: true };
const BEGIN: WifiTrialEvent = { type: 'begin', network: NETWORK };
const CONFIRM: WifiTrialEvent = { type: 'confirmed', id: NETWORK.id };
const TIME: WifiTrialEvent = { type: 'time' };
const told = (radio: Partial<TriedRadio>): WifiTrialEvent => ({
  type: 'told',
  radio: { ...SEARCHING, ...radio },
});

/** Events by the seconds at which they come. */
function run(...events: [sec: number, event: WifiTrialEvent][]): {
  machine: WifiTrialMachine;
  actions: WifiTrialAction[];
} {
  let machine = IDLE;
  const actions: WifiTrialAction[] = [];
  for (const [sec, event] of events) {
    const step = stepWifiTrial(machine, event, sec * 1000);
    ({ machine } = step);
    actions.push(...step.actions);
  }
  return { machine, actions };
}

function reasonOf(...events: [sec: number, event: WifiTrialEvent][]): string | undefined {
  const { machine, actions } = run([0, BEGIN], ...events);
  assert.deepEqual(machine, IDLE);
  const last = actions.at(-1);
  return last?.type === 'go back' ? last.reason : undefined;
}

test('stepWifiTrial: a network that is joined is kept when somebody says that the device is reached', () => {
  const { machine, actions } = run([0, BEGIN], [4, told(SEARCHING)], [29, told(IN_IT)], [58, CONFIRM]);
  assert.deepEqual(machine, IDLE);
  assert.deepEqual(actions, [
    { type: 'try', network: NETWORK },
    { type: 'keep', network: NETWORK },
  ]);
});

for (const [what, reason, events] of [
  ['nobody is there', 'could not be joined within 30 s', [[30, TIME]]],
  [
    'it is not in reach',
    'is not in reach',
    [
      [9, told({ problem: 'is not in reach' })],
      [30, TIME],
    ],
  ],
  [
    'it gives no address',
    'gives no address (DHCP)',
    [
      [9, told({ isJoined: true })],
      [30, TIME],
    ],
  ],
  [
    'nobody asks over it',
    'let nobody reach the device within 30 s',
    [
      [9, told(IN_IT)],
      [39, TIME],
    ],
  ],
  [
    'it is lost',
    'was lost again',
    [
      [9, told(IN_IT)],
      [12, told(SEARCHING)],
      [39, TIME],
    ],
  ],
  [
    'its password is wrong',
    'refuses the password: it is wrong',
    [[5, told({ problem: 'refuses the password: it is wrong', isLasting: true })]],
  ],
  [
    'a confirmation comes too late',
    'let nobody reach the device within 30 s',
    [
      [9, told(IN_IT)],
      [39, CONFIRM],
    ],
  ],
] as const satisfies [string, string, [number, WifiTrialEvent][]][])
  test(`stepWifiTrial: the others come back when ${what}`, () => {
    assert.equal(reasonOf(...events), reason);
  });

test('stepWifiTrial: a network that comes and goes gains no time by it, and can still be confirmed', () => {
  const flapping: [number, WifiTrialEvent][] = [
    [10, told(IN_IT)],
    [15, told(SEARCHING)],
    [25, told(IN_IT)],
  ];
  assert.equal(reasonOf(...flapping, [40, TIME]), 'let nobody reach the device within 30 s');
  assert.equal(run([0, BEGIN], ...flapping, [39, CONFIRM]).actions.at(-1)?.type, 'keep');
});

test('stepWifiTrial: what is said of another trial, or before the network is joined, changes nothing', () => {
  const { machine, actions } = run(
    [0, BEGIN],
    [1, { type: 'told', radio: { ...IN_IT, id: 'of before' } }],
    [2, { type: 'told', radio: { ...IN_IT, id: null } }],
    [3, CONFIRM],
    [4, told(IN_IT)],
    [5, { type: 'confirmed', id: 'of before' }],
    [6, { type: 'begin', network: { id: 'another', ssid: 'x' } }],
  );
  assert.deepEqual(machine, { ...NETWORK, state: 'joined', deadlineMs: 4000 + WIFI_TRIAL_LIMIT_MS });
  assert.deepEqual(actions, [{ type: 'try', network: NETWORK }]);
  for (const event of [told(IN_IT), CONFIRM, TIME])
    assert.deepEqual(run([0, event]), { machine: IDLE, actions: [] });
});

test('stepWifiTrial: whatever happens, each trial ends once, within twice its limit, and well only when confirmed in it', () => {
  // Linear congruential: the same draws at each run.
  let seed = 7;
  const draw = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const coin = (): boolean => draw(2) === 0;
  for (let round = 0; round < 500; round++) {
    let machine = IDLE;
    let nowMs = 0;
    let begunMs = 0;
    for (let count = 0; count < 60; count++) {
      nowMs += draw(8000);
      const radio: TriedRadio = {
        id: [NETWORK.id, 'of before', null][draw(3)] ?? null,
        isJoined: coin(),
        hasAddress: coin(),
        problem: coin() ? 'is not in reach' : null,
        isLasting: draw(8) === 0,
      };
      const event: WifiTrialEvent = [BEGIN, CONFIRM, TIME, told(radio)][draw(4)] ?? TIME;
      const before = machine;
      const step = stepWifiTrial(before, event, nowMs);
      machine = step.machine;
      if (before.state === 'idle' && machine.state !== 'idle') begunMs = nowMs;
      const ends = step.actions.filter(({ type }) => type !== 'try');
      assert.equal(ends.length, before.state !== 'idle' && machine.state === 'idle' ? 1 : 0);
      if (ends[0]?.type === 'keep') assert.ok(before.state === 'joined' && event.type === 'confirmed');
      if (machine.state === 'idle') continue;
      assert.ok(machine.deadlineMs > nowMs && machine.deadlineMs <= begunMs + 2 * WIFI_TRIAL_LIMIT_MS);
    }
  }
});
