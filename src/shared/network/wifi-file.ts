// Networks with their keys, as JSON: in `.tskrazy/wifi.json` of an instance, in `wifi.json` of a boot partition, which people
// write by hand, and in /perm of a device. One form for all:
//
//   { "country": "DE", "networks": [
//     { "ssid": "home", "passphrase": "correct horse" },
//     { "ssid": "garden", "psk": "<64 hexadecimal digits>", "hidden": true },
//     { "ssid": "lab", "passphrase": "correct horse", "wpa3": true },
//     { "ssid": "guests", "open": true } ] }
//
// A passphrase that the device or the instance keeps becomes its key (PSK), which works for that network only. WPA3 needs the
// passphrase itself. Pure: the derivation is given.

import { countryProblem, MAX_WIFI_NETWORKS, ssidProblem } from './wifi.ts';

export interface WifiNetwork {
  ssid: string;
  hidden?: boolean;
  /** One of them: */
  passphrase?: string;
  /** IEEE 802.11, J.4: 64 hexadecimal digits. */
  psk?: string;
  open?: boolean;
  /** WPA3 and nothing else; goes with a passphrase. */
  wpa3?: boolean;
}

export interface WifiFile {
  country: string;
  networks: readonly WifiNetwork[];
}

export const MAX_WIFI_FILE_BYTES = 16_384;

const KEYS = new Set(['ssid', 'hidden', 'passphrase', 'psk', 'open', 'wpa3']);
const PSK = /^[0-9a-f]{64}$/i;
const MIN_PASSPHRASE_BYTES = 8;
const MAX_PASSPHRASE_BYTES = 63;

/**
 * Reads what somebody wrote. Throws SyntaxError whose message is the end of a sentence that begins with the file's name, and
 * has no word of a passphrase.
 */
export function parseWifiFile(bytes: Uint8Array): WifiFile {
  if (bytes.length > MAX_WIFI_FILE_BYTES)
    throw new SyntaxError(`has ${bytes.length} bytes, and ${MAX_WIFI_FILE_BYTES} are allowed`);
  const object = objectOf(parseJson(bytes), 'it');
  const unknown = Object.keys(object).find((key) => key !== 'country' && key !== 'networks');
  if (unknown !== undefined)
    throw new SyntaxError(`has the key "${unknown}"; known are "country" and "networks"`);
  const country = readCountry(object['country']);
  const list = object['networks'];
  if (!Array.isArray(list)) throw new SyntaxError('has no "networks", or they are no list');
  if (list.length > MAX_WIFI_NETWORKS)
    throw new SyntaxError(`has ${list.length} networks, and ${MAX_WIFI_NETWORKS} are allowed`);
  const networks = list.map((each, index) => readNetwork(each, index));
  const twice = networks.find(({ ssid }, index) => networks.findIndex((each) => each.ssid === ssid) < index);
  if (twice !== undefined) throw new SyntaxError(`has two networks of the name "${twice.ssid}"`);
  return { country, networks };
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    // A byte order mark, which some editors write, is passed over.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('is not in UTF-8', { cause });
  }
  try {
    return JSON.parse(text);
  } catch {
    // What V8 says quotes the text, and that may be of a passphrase.
    throw new SyntaxError(`is not JSON, or only a part of it: ${placeOfError(text)}`);
  }
}

/** Where the longest start is that could still become JSON, by lines: enough to find a missing comma. */
function placeOfError(text: string): string {
  const trimmed = text.trimEnd();
  const opened = (trimmed.match(/[{[]/g) ?? []).length - (trimmed.match(/[}\]]/g) ?? []).length;
  return opened > 0
    ? `${opened} of its brackets ${opened === 1 ? 'is' : 'are'} not closed`
    : 'look for a missing comma or quote';
}

function readCountry(value: unknown): string {
  if (value === undefined) throw new SyntaxError('has no "country", such as "DE"');
  const problem = typeof value === 'string' ? countryProblem(value) : 'must be two capital letters';
  if (problem !== undefined) throw new SyntaxError(`has a "country" that ${problem}`);
  return value as string;
}

function readNetwork(value: unknown, index: number): WifiNetwork {
  const object = objectOf(value, `network ${index + 1}`);
  const { ssid } = object;
  if (typeof ssid !== 'string') throw new SyntaxError(`has no "ssid" in network ${index + 1}`);
  const problem = ssidProblem(ssid);
  if (problem !== undefined)
    throw new SyntaxError(`has a network ${index + 1} whose name ${problem}: "${ssid}"`);
  const unknown = Object.keys(object).find((key) => !KEYS.has(key));
  if (unknown !== undefined)
    throw new SyntaxError(
      `has the key "${unknown}" in network "${ssid}"; known are ${[...KEYS].map((key) => `"${key}"`).join(', ')}`,
    );
  return checkNetwork({
    ssid,
    ...flag(object, 'hidden', ssid),
    ...flag(object, 'open', ssid),
    ...flag(object, 'wpa3', ssid),
    ...text(object, 'passphrase', ssid),
    ...text(object, 'psk', ssid),
  });
}

/** Throws SyntaxError as parseWifiFile does. */
export function checkNetwork(network: WifiNetwork): WifiNetwork {
  const { ssid, passphrase, psk, open, wpa3 } = network;
  const ways = [passphrase, psk, open].filter((each) => each !== undefined).length;
  if (ways === 0)
    throw new SyntaxError(`has neither "passphrase" nor "psk" nor "open": true in network "${ssid}"`);
  if (ways > 1)
    throw new SyntaxError(`has more than one of "passphrase", "psk" and "open" in network "${ssid}"`);
  if (wpa3 === true && passphrase === undefined)
    throw new SyntaxError(`has "wpa3" without "passphrase" in network "${ssid}": WPA3 needs it`);
  const problem = passphrase === undefined ? undefined : passphraseProblem(passphrase);
  if (problem !== undefined) throw new SyntaxError(`has a passphrase in network "${ssid}" that ${problem}`);
  if (psk !== undefined && !PSK.test(psk))
    throw new SyntaxError(`has a "psk" in network "${ssid}" that is not 64 hexadecimal digits`);
  return network;
}

/** As the end of a sentence; without a word of it. */
export function passphraseProblem(passphrase: string): string | undefined {
  const bytes = new TextEncoder().encode(passphrase).length;
  if (bytes >= MIN_PASSPHRASE_BYTES && bytes <= MAX_PASSPHRASE_BYTES)
    // What no keyboard has got here by mistake.
    return /\p{Cc}/u.test(passphrase) ? 'has a control character' : undefined;
  const rule = `has ${bytes} characters, and ${MIN_PASSPHRASE_BYTES} to ${MAX_PASSPHRASE_BYTES} are allowed`;
  return PSK.test(passphrase) ? `${rule}; 64 hexadecimal digits are a "psk"` : rule;
}

/** With its key in place of the passphrase, where that is enough. */
export async function withKey(
  network: WifiNetwork,
  derivePsk: (passphrase: string, ssid: string) => Promise<string>,
): Promise<WifiNetwork> {
  const { passphrase, ...rest } = network;
  if (passphrase === undefined || network.wpa3 === true) return network;
  return { ...rest, psk: await derivePsk(passphrase, network.ssid) };
}

/** Those of `first`, then those of `others` that have other names. */
export function mergeNetworks<T extends { ssid: string }>(first: readonly T[], others: readonly T[]): T[] {
  const names = new Set(first.map(({ ssid }) => ssid));
  return [...first, ...others.filter(({ ssid }) => !names.has(ssid))];
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new SyntaxError(what === 'it' ? 'is no JSON object' : `has a ${what} that is no object`);
}

function flag(object: Record<string, unknown>, key: 'hidden' | 'open' | 'wpa3', ssid: string) {
  const value = object[key];
  if (value === undefined || value === false) return {};
  if (value !== true) throw new SyntaxError(`has a "${key}" in network "${ssid}" that is not true or false`);
  return { [key]: true };
}

function text(object: Record<string, unknown>, key: 'passphrase' | 'psk', ssid: string) {
  const value = object[key];
  if (value === undefined) return {};
  if (typeof value !== 'string')
    throw new SyntaxError(`has a "${key}" in network "${ssid}" that is no string`);
  return { [key]: value };
}
