// What came of joining networks, by what the supplicant tells. Pure.

import type { HeardNetwork, SupplicantEvent } from '../../../formats/supplicant-control.ts';
import { decodeSsid } from '../../../formats/supplicant-control.ts';
import type { WifiNetwork } from '../../../shared/network/wifi-file.ts';

/** Why a network is not joined. */
export type JoinFailure =
  | 'not found'
  | 'wrong password'
  | 'refused'
  | 'needs WPA3'
  | 'needs a passphrase'
  | 'needs none'
  | 'enterprise'
  | 'wep'
  | 'no WPA3 here'
  | 'radio has no WPA3';

export interface JoinState {
  /** Name of the network that is joined now. */
  connected: string | null;
  /** By name of the network; none has been tried yet where there is no entry. */
  failures: ReadonlyMap<string, JoinFailure>;
  /** Whether WPA3's exchange was rejected since the last network was put aside. */
  wasSaeRejected: boolean;
}

export const INITIAL_JOIN_STATE: JoinState = {
  connected: null,
  failures: new Map(),
  wasSaeRejected: false,
};

const AUTH_TYPE_SAE = '3';

/** `ssidOf`: names by the supplicant's numbers. */
export function onSupplicantEvent(
  state: JoinState,
  { name, fields }: SupplicantEvent,
  ssidOf: (id: string | undefined) => string | undefined,
): JoinState {
  switch (name) {
    case 'CTRL-EVENT-CONNECTED': {
      const ssid = ssidOf(fields.get('id'));
      if (ssid === undefined) return state;
      return { connected: ssid, failures: without(state.failures, ssid), wasSaeRejected: false };
    }
    case 'CTRL-EVENT-DISCONNECTED':
      return { ...state, connected: null };
    case 'CTRL-EVENT-AUTH-REJECT':
      return fields.get('auth_type') === AUTH_TYPE_SAE ? { ...state, wasSaeRejected: true } : state;
    case 'CTRL-EVENT-SSID-TEMP-DISABLED': {
      const ssid = ssidOf(fields.get('id')) ?? decodeSsid(fields.get('ssid') ?? '');
      // A wrong password of WPA3 is never called so: its exchange is rejected, and then the connection has failed.
      const isWrong =
        fields.get('reason') === 'WRONG_KEY' ||
        (fields.get('reason') === 'CONN_FAILED' && state.wasSaeRejected);
      return {
        ...state,
        failures: withFailure(state.failures, ssid, isWrong ? 'wrong password' : 'refused'),
        wasSaeRejected: false,
      };
    }
    default:
      return state;
  }
}

/** After a search in which none was found that can be joined. What was wrong with those that are there stays. */
export function onSearched(
  state: JoinState,
  networks: readonly WifiNetwork[],
  heard: readonly HeardNetwork[],
): JoinState {
  let { failures } = state;
  for (const network of networks) {
    const failure = failureOf(
      network,
      heard.filter(({ ssid }) => ssid === network.ssid),
    );
    if (failure !== undefined) failures = withFailure(failures, network.ssid, failure);
    else if (failures.get(network.ssid) === 'not found') failures = without(failures, network.ssid);
  }
  return { ...state, failures };
}

/** undefined: nothing keeps it from being joined. */
function failureOf(network: WifiNetwork, heard: readonly HeardNetwork[]): JoinFailure | undefined {
  if (heard.length === 0) return 'not found';
  const offered = new Set(heard.flatMap(({ keyManagement }) => keyManagement));
  const isOpen = heard.some(({ keyManagement }) => keyManagement.length === 0);
  const wanted = network.open === true ? isOpen : offered.has(network.wpa3 === true ? 'wpa3' : 'wpa2');
  if (wanted) return undefined;
  if (isOpen) return 'needs none';
  if (network.open === true) return 'needs a passphrase';
  if (offered.has('wpa3')) return 'needs WPA3';
  if (offered.has('wpa2')) return 'no WPA3 here';
  return offered.has('enterprise') ? 'enterprise' : 'wep';
}

function withFailure(
  failures: JoinState['failures'],
  ssid: string,
  failure: JoinFailure,
): JoinState['failures'] {
  return new Map([...failures, [ssid, failure]]);
}

function without(failures: JoinState['failures'], ssid: string): JoinState['failures'] {
  return new Map([...failures].filter(([name]) => name !== ssid));
}
