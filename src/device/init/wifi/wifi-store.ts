// The networks that the device knows, with their keys: kept in /perm, handed to `net` in /run. Both are readable by root only.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { WIFI_RUN_PATH, WIFI_STORE_PATH, type WifiConfig } from '../../../shared/network/wifi.ts';
import type { HandedNetworks } from '../../../shared/network/wifi-api.ts';
import {
  mergeNetworks,
  parseWifiFile,
  type WifiFile,
  type WifiNetwork,
} from '../../../shared/network/wifi-file.ts';
import { writeDurably } from '../../durable-file.ts';
import { readIfExists } from '../../read-if-exists.ts';
import type { Sys } from '../../sys/sys.ts';

/** The country of the image at the time when the file was stored: one that the image names later is the newer word. */
interface StoredFile extends WifiFile {
  imageCountry: string;
}

/** undefined: none was stored yet. Throws SyntaxError for what a dying disk has made of it. */
export function readStore(sys: Pick<Sys, 'path'>, config: WifiConfig): WifiFile | undefined {
  const text = readIfExists(sys.path(WIFI_STORE_PATH));
  if (text === undefined) return undefined;
  const { imageCountry, ...stored } = JSON.parse(text) as StoredFile;
  const wifi = parseWifiFile(Buffer.from(JSON.stringify(stored)));
  return imageCountry === config.country ? wifi : { ...wifi, country: config.country };
}

export function writeStore(sys: Pick<Sys, 'path'>, config: WifiConfig, wifi: WifiFile): void {
  const path = sys.path(WIFI_STORE_PATH);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const stored: StoredFile = { ...wifi, imageCountry: config.country };
  writeDurably(path, `${JSON.stringify(stored, null, 2)}\n`, 0o600);
}

/** Those that tskrazy.json names come first, in its order and hidden as it says. */
export function inOrder(config: WifiConfig, networks: readonly WifiNetwork[]): WifiNetwork[] {
  const known = new Map(networks.map((network) => [network.ssid, network]));
  const named = config.networks.flatMap((entry) => {
    const network = known.get(entry.ssid);
    return network === undefined ? [] : [{ ...network, ...entry }];
  });
  return mergeNetworks(named, networks);
}

export function handToNet(sys: Pick<Sys, 'path'>, config: WifiConfig, wifi: HandedNetworks): void {
  const handed: HandedNetworks = { ...wifi, networks: inOrder(config, wifi.networks) };
  const path = sys.path(WIFI_RUN_PATH);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify(handed), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
