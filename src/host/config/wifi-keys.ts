// Wi-Fi networks of an instance with their keys: `.tskrazy/wifi.json`, readable by its owner only. They go onto the boot partition
// of new disks, never into an image: the root of a device can be read by who has its card, and its updates by who has the build.

import { join } from 'node:path';
import { WIFI_CARD_FILE, type WifiConfig } from '../../shared/network/wifi.ts';
import { mergeNetworks, parseWifiFile, type WifiNetwork } from '../../shared/network/wifi-file.ts';
import { readFileIfPresent, replacePrivateFile } from '../files/private-file.ts';
import { UserError } from '../user-error.ts';
import type { Instance } from './instance.ts';
import { displayPath } from './problem.ts';

type Place = Pick<Instance, 'stateDirectory'>;

const pathOf = ({ stateDirectory }: Place): string => join(stateDirectory, 'wifi.json');

export async function readWifiKeys(instance: Place): Promise<readonly WifiNetwork[]> {
  const path = pathOf(instance);
  const text = await readFileIfPresent(path);
  if (text === undefined) return [];
  try {
    return parseKeys(text);
  } catch (cause) {
    throw new UserError(`Cannot use "${displayPath(path)}": it ${(cause as Error).message}`, {
      hint: 'Correct it, or delete it and add the networks anew ("tsk wifi add").',
      cause,
    });
  }
}

function parseKeys(text: string): readonly WifiNetwork[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw new SyntaxError('is not JSON');
  }
  const networks = (file as { networks?: unknown } | null)?.networks;
  // One on a card has a country as well; here that of tskrazy.json counts.
  return parseWifiFile(Buffer.from(JSON.stringify({ country: 'ZZ', networks }))).networks;
}

/** Replaces the one of its name. */
export async function addWifiKey(instance: Place, network: WifiNetwork): Promise<void> {
  await writeKeys(instance, mergeNetworks([network], await readWifiKeys(instance)));
}

/** Whether there was one. */
export async function removeWifiKey(instance: Place, ssid: string): Promise<boolean> {
  const networks = await readWifiKeys(instance);
  const left = networks.filter((network) => network.ssid !== ssid);
  if (left.length === networks.length) return false;
  await writeKeys(instance, left);
  return true;
}

async function writeKeys(instance: Place, networks: readonly WifiNetwork[]): Promise<void> {
  await replacePrivateFile(pathOf(instance), JSON.stringify({ networks }, null, 2));
}

/** wifi.json for a new disk; undefined: there are no keys, or the instance has no Wi-Fi. */
export async function cardFileOf(instance: Instance): Promise<Uint8Array | undefined> {
  const { wifi } = instance.config;
  if (wifi === undefined) return undefined;
  const networks = await readWifiKeys(instance);
  if (networks.length === 0) return undefined;
  return Buffer.from(`${JSON.stringify({ country: wifi.country, networks }, null, 2)}\n`);
}

/** What whoever writes a disk should know. */
export async function wifiWarnings(instance: Instance): Promise<string[]> {
  const { wifi } = instance.config;
  const keys = await readWifiKeys(instance);
  if (wifi === undefined)
    return keys.length === 0
      ? []
      : [
          'the instance has keys of Wi-Fi networks, and no Wi-Fi: add "wifi": { "country": "..." } to "network"',
        ];
  if (keys.length === 0 && wifi.networks.length === 0)
    return [`the device knows no Wi-Fi network: "tsk wifi add SSID", or write ${WIFI_CARD_FILE} to the card`];
  const missing = withoutKey(wifi, keys).map((ssid) => `"${ssid}"`);
  return missing.length === 0 ? [] : [`no key here for Wi-Fi ${missing.join(', ')}: "tsk wifi add SSID"`];
}

function withoutKey(wifi: WifiConfig, keys: readonly WifiNetwork[]): string[] {
  return wifi.networks.map(({ ssid }) => ssid).filter((ssid) => !keys.some((key) => key.ssid === ssid));
}
