// Wi-Fi networks of a running device, over its web API and over init's. No key is ever told. Types and paths; no I/O.
//
//   GET  /api/v1/wifi           read    -> WifiNetworks
//   POST /api/v1/wifi/add       change  -> WifiNetworks. Body: AddNetwork. Is tried at once, unless it says otherwise
//   POST /api/v1/wifi/remove    change  -> WifiNetworks. Body: RemoveNetwork
//   POST /api/v1/wifi/confirm   change  -> WifiNetworks. Body: { id } of the trial
//
// init has the same below /v1/wifi.
//
// A network that is tried takes the place of the others for a while, and they come back by themselves unless somebody says,
// over it or by cable, that the device is still reached.

import type { UntrustedValue } from '../untrusted-json.ts';
import { ssidProblem } from './wifi.ts';
import { checkNetwork, type WifiFile, type WifiNetwork } from './wifi-file.ts';

export const WIFI_API = {
  networks: '/api/v1/wifi',
  add: '/api/v1/wifi/add',
  remove: '/api/v1/wifi/remove',
  confirm: '/api/v1/wifi/confirm',
} as const;

export const INIT_WIFI_API = {
  networks: '/v1/wifi',
  add: '/v1/wifi/add',
  remove: '/v1/wifi/remove',
  confirm: '/v1/wifi/confirm',
} as const;

/** For joining a network that is tried and getting an address, and then for somebody to say that the device is reached. */
export const WIFI_TRIAL_LIMIT_MS = 30_000;

export type WifiSecurity = 'open' | 'wpa2' | 'wpa3';

export interface KnownNetwork {
  ssid: string;
  security: WifiSecurity;
  hidden: boolean;
}

/** Times are by the device's clock as it is now. */
export interface WifiTrial {
  id: string;
  ssid: string;
  /** `joined`: the device has an address in it, and waits for somebody to say that it is reached. */
  phase: 'joining' | 'joined';
  endsAtMs: number;
}

export interface EndedWifiTrial {
  id: string;
  ssid: string;
  isKept: boolean;
  /** Why it is not: the end of a sentence that begins with the network's name. */
  reason: string | null;
  endedAtMs: number;
}

export interface WifiTrials {
  trial: WifiTrial | null;
  /** The last one that has ended since the start of the device. */
  last: EndedWifiTrial | null;
}

export interface WifiNetworks extends WifiTrials {
  country: string;
  /** In the order in which the device prefers them. */
  networks: readonly KnownNetwork[];
}

export interface AddNetwork {
  network: WifiNetwork;
  /** False: it is kept as it comes, for another place or time. */
  isTried: boolean;
}

export interface RemoveNetwork {
  ssid: string;
  /** Also when the device is in it now, which may cut it off. */
  evenJoined: boolean;
}

/** What init hands to `net`. With a trial, that network alone is joined. */
export interface HandedNetworks extends WifiFile {
  trial?: { id: string; ssid: string };
}

/** Whether the one is the other after or without a trial. */
export function isSameButForTrial(one: HandedNetworks, other: HandedNetworks): boolean {
  const text = ({ trial: _trial, ...file }: HandedNetworks): string => JSON.stringify(file);
  return other.trial === undefined && text(one) === text(other);
}

/** More than any name or key has. */
const TEXT = /^[^]{0,200}$/u;

/** The body of a request. Throws SyntaxError, without a word of a key. */
export function readAddNetwork(body: UntrustedValue): AddNetwork {
  const ssid = body.field('ssid').text(TEXT);
  const text = (key: 'passphrase' | 'psk') => optional(body, key, (value) => value.text(TEXT));
  const flag = (key: 'hidden' | 'open' | 'wpa3') =>
    optional(body, key, (value) => (value.boolean() ? true : undefined));
  const network = {
    ssid,
    ...flag('hidden'),
    ...flag('open'),
    ...flag('wpa3'),
    ...text('passphrase'),
    ...text('psk'),
  };
  const isTried = body.field('isTried').boolean();
  const problem = ssidProblem(ssid);
  if (problem !== undefined) throw new SyntaxError(`Cannot add Wi-Fi "${ssid}": its name ${problem}`);
  try {
    return { network: checkNetwork(network), isTried };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new SyntaxError(`Cannot add Wi-Fi "${ssid}": it ${cause.message}`, { cause });
  }
}

export function readRemoveNetwork(body: UntrustedValue): RemoveNetwork {
  return { ssid: body.field('ssid').text(TEXT), evenJoined: body.field('evenJoined').boolean() };
}

export function readConfirmNetwork(body: UntrustedValue): { id: string } {
  return { id: body.field('id').text(/^[0-9a-f]{16}$/) };
}

function optional<Key extends string, Value>(
  body: UntrustedValue,
  key: Key,
  read: (value: UntrustedValue) => Value | undefined,
): { [each in Key]?: Value } {
  const value = body.field(key);
  const given = value.isAbsent ? undefined : read(value);
  return given === undefined ? {} : ({ [key]: given } as { [each in Key]?: Value });
}

export function securityOf({ open, wpa3 }: WifiNetwork): WifiSecurity {
  if (open === true) return 'open';
  return wpa3 === true ? 'wpa3' : 'wpa2';
}

/** Afterwards it is history. */
const NEWS_MS = 60 * 60_000;

/** As `describeWifiTrial`, as long as somebody may wait for it. */
export function wifiNews(trials: WifiTrials, nowMs: number): string | null {
  const { trial, last } = trials;
  return trial === null && last !== null && nowMs - last.endedAtMs > NEWS_MS
    ? null
    : describeWifiTrial(trials);
}

/** The same for a row that has "Wi-Fi" for its heading. */
export function wifiNewsInRow(trials: WifiTrials | undefined, nowMs: number): string | null {
  const news = trials === undefined ? null : wifiNews(trials, nowMs);
  return news?.replace(/^Wi-Fi network /, '') ?? null;
}

/** How a trial stands, or what came of it, in a sentence. */
export function describeWifiTrial({ trial, last }: WifiTrials): string | null {
  if (trial !== null) {
    const what =
      trial.phase === 'joining'
        ? 'the device joins it'
        : 'the device is in it, and waits to be asked over it';
    return `Wi-Fi network "${trial.ssid}" is being tried: ${what}`;
  }
  if (last === null) return null;
  if (last.isKept) return `Wi-Fi network "${last.ssid}" was tried, and is kept`;
  return `Wi-Fi network "${last.ssid}" was tried, and is not kept: it ${last.reason ?? 'did not work'}`;
}
