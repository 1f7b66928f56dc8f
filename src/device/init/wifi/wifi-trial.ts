// The trial of a Wi-Fi network on a running device as a pure state machine. A radio is in one network at a time, so the others
// have to make room for the new one; this decides when it is kept, and when they come back. What is done about it, files and
// timers, is in wifi-changes.ts.
//
//   state     entered when                              leaves on
//   idle      no network is tried                       begin: joining
//   joining   a network is to be tried, or was left     it is joined and has an address: joined; it cannot ever be joined
//             again before somebody was there           (wrong password): idle, gone back; time: idle, gone back
//   joined    the device has an address in it           somebody says that the device is reached: idle, kept;
//                                                       it is lost: joining; time: idle, gone back
//
// The time is WIFI_TRIAL_LIMIT_MS for the first address, and as much again from there on: a network that comes and goes gains
// nothing by it. Only a program that knows the password of the device ends it well.

import { WIFI_TRIAL_LIMIT_MS } from '../../../shared/network/wifi-api.ts';

export interface TriedNetwork {
  id: string;
  ssid: string;
}

export type WifiTrialMachine =
  | { state: 'idle' }
  | (TriedNetwork & { state: 'joining'; deadlineMs: number; wasJoined: boolean; problem: string | null })
  | (TriedNetwork & { state: 'joined'; deadlineMs: number });

/** The radio of a trial, as `net` tells it. */
export interface TriedRadio {
  /** Trial of which `net` speaks; null: it has not heard of one. */
  id: string | null;
  isJoined: boolean;
  hasAddress: boolean;
  /** What is wrong with the network: the end of a sentence that begins with its name. */
  problem: string | null;
  /** Waiting does not help against it. */
  isLasting: boolean;
}

export type WifiTrialEvent =
  | { type: 'begin'; network: TriedNetwork }
  | { type: 'told'; radio: TriedRadio }
  | { type: 'confirmed'; id: string }
  | { type: 'time' };

export type WifiTrialAction =
  | { type: 'try'; network: TriedNetwork }
  | { type: 'keep'; network: TriedNetwork }
  | { type: 'go back'; network: TriedNetwork; reason: string };

interface Step {
  machine: WifiTrialMachine;
  actions: readonly WifiTrialAction[];
}

export const IDLE: WifiTrialMachine = { state: 'idle' };

const LIMIT_SEC = WIFI_TRIAL_LIMIT_MS / 1000;

/** What does not fit the state changes nothing: the caller asks first. */
export function stepWifiTrial(machine: WifiTrialMachine, event: WifiTrialEvent, nowMs: number): Step {
  if (machine.state === 'idle')
    return event.type === 'begin' ? begin(event.network, nowMs) : unchanged(machine);
  // Whatever comes too late: the way back is promised by the clock.
  if (nowMs >= machine.deadlineMs) return goBack(machine, reasonAtEnd(machine));
  if (event.type === 'told' && event.radio.id === machine.id) return onRadio(machine, event.radio, nowMs);
  if (event.type === 'confirmed' && event.id === machine.id && machine.state === 'joined')
    return { machine: IDLE, actions: [{ type: 'keep', network: networkOf(machine) }] };
  return unchanged(machine);
}

function begin(network: TriedNetwork, nowMs: number): Step {
  const deadlineMs = nowMs + WIFI_TRIAL_LIMIT_MS;
  return {
    machine: { ...network, state: 'joining', deadlineMs, wasJoined: false, problem: null },
    actions: [{ type: 'try', network }],
  };
}

function onRadio(
  machine: Exclude<WifiTrialMachine, { state: 'idle' }>,
  { isJoined, hasAddress, problem, isLasting }: TriedRadio,
  nowMs: number,
): Step {
  const network = networkOf(machine);
  if (isJoined && hasAddress) {
    if (machine.state === 'joined') return unchanged(machine);
    const deadlineMs = machine.wasJoined ? machine.deadlineMs : nowMs + WIFI_TRIAL_LIMIT_MS;
    return unchanged({ ...network, state: 'joined', deadlineMs });
  }
  if (!isJoined && problem !== null && isLasting) return goBack(machine, problem);
  const wasJoined = machine.state === 'joined' || machine.wasJoined;
  const why = isJoined ? 'gives no address (DHCP)' : problem;
  return unchanged({ ...network, state: 'joining', deadlineMs: machine.deadlineMs, wasJoined, problem: why });
}

function reasonAtEnd(machine: Exclude<WifiTrialMachine, { state: 'idle' }>): string {
  if (machine.state === 'joined') return `let nobody reach the device within ${LIMIT_SEC} s`;
  if (machine.problem !== null) return machine.problem;
  return machine.wasJoined ? 'was lost again' : `could not be joined within ${LIMIT_SEC} s`;
}

function goBack(machine: Exclude<WifiTrialMachine, { state: 'idle' }>, reason: string): Step {
  return { machine: IDLE, actions: [{ type: 'go back', network: networkOf(machine), reason }] };
}

function unchanged(machine: WifiTrialMachine): Step {
  return { machine, actions: [] };
}

function networkOf({ id, ssid }: TriedNetwork): TriedNetwork {
  return { id, ssid };
}
