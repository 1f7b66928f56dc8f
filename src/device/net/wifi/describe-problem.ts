// Why there is no Wi-Fi, in a sentence for the page, the screen and `tsk status`. Pure.

import type { WifiNetwork } from '../../../shared/network/wifi-file.ts';
import { describeError } from '../../describe-error.ts';
import type { JoinFailure, JoinState } from './join-state.ts';

/** As the end of a sentence that begins with the network's name. */
const FAILURES: Readonly<Record<JoinFailure, string>> = {
  'not found': 'is not in reach',
  'wrong password': 'refuses the password: it is wrong',
  refused: 'refuses the device',
  'needs WPA3': 'takes WPA3 only: add it anew with its passphrase and WPA3',
  'needs a passphrase': 'is not open: add it anew with its passphrase',
  'needs none': 'is open: a device that has a password for it does not join it',
  enterprise: 'asks for a user (802.1X), which is not supported',
  wep: 'has WEP, which is not safe and not supported',
  'no WPA3 here': 'has no WPA3: add it anew without that',
  'radio has no WPA3': "needs WPA3, which this board's Wi-Fi cannot do",
};

/** The one that tells most comes first. */
const ORDER: readonly JoinFailure[] = [
  'wrong password',
  'refused',
  'needs WPA3',
  'radio has no WPA3',
  'no WPA3 here',
  'needs a passphrase',
  'needs none',
  'enterprise',
  'wep',
  'not found',
];

/** null: it is joined, or being searched for. */
export function describeJoinProblem(state: JoinState, networks: readonly WifiNetwork[]): string | null {
  if (state.connected !== null) return null;
  if (networks.length === 0) return 'No Wi-Fi network is set up ("tsk wifi add")';
  const failed = networks
    .flatMap(({ ssid }) => {
      const failure = state.failures.get(ssid);
      return failure === undefined ? [] : [{ ssid, failure }];
    })
    .toSorted((a, b) => ORDER.indexOf(a.failure) - ORDER.indexOf(b.failure));
  const [first] = failed;
  if (first === undefined) return null;
  if (first.failure === 'not found') {
    // While one is still to be tried, nothing is wrong.
    if (failed.length < networks.length) return null;
    const [only, ...others] = failed.map(({ ssid }) => `"${ssid}"`);
    if (others.length === 0) return `Wi-Fi network ${only} is not in reach`;
    return `None of its Wi-Fi networks is in reach: ${[only, ...others].join(', ')}`;
  }
  return `Wi-Fi network "${first.ssid}" ${FAILURES[first.failure]}`;
}

/** Searching for longer does not help. */
export function isLastingFailure(failure: JoinFailure): boolean {
  return failure !== 'not found' && failure !== 'refused';
}

/** For the log: radios keep to what is allowed everywhere then. */
export function describeRegulatoryRefusal(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  // What cfg80211 says of a signature that is wrong or by somebody else, and of a file that is none.
  const why = code === 'ENODATA' ? 'it is not signed by a key that the kernel knows' : describeError(error);
  return `the kernel does not take the regulatory database: ${why}`;
}

export function describeFailure(failure: JoinFailure): string {
  return FAILURES[failure];
}
