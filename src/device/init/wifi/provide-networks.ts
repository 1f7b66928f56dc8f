// Where the device's Wi-Fi networks come from at boot: what /perm has, and what somebody has put on the boot partition.

import { mergeNetworks, type WifiFile, withKey } from '../../../shared/network/wifi-file.ts';
import { WIFI_CARD_FILE } from '../../../shared/network/wifi.ts';
import { derivePsk } from '../../../shared/network/wifi-psk.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device/device.ts';
import { blankCardFile, type CardFile, readCardFile } from './card-file.ts';
import { handToNet, readStore, writeStore } from './wifi-store.ts';

const CARD = `"${WIFI_CARD_FILE}" on the boot partition`;

/** What fails costs no more than itself: a network that is known already must not be lost for a bad card. */
export async function provideNetworks(device: Device, blank = blankCardFile): Promise<void> {
  const config = device.config.wifi;
  if (config === undefined) return;
  const stored = recall(device);
  const card = await look(device);
  let wifi: WifiFile = stored ?? { country: config.country, networks: [] };
  if (card.state === 'new') {
    const taken = await Promise.all(card.wifi.networks.map((network) => withKey(network, derivePsk)));
    wifi = { country: card.wifi.country, networks: mergeNetworks(taken, wifi.networks) };
  }
  device.wifiNetworks = wifi;
  handToNet(device.sys, config, wifi);
  if (card.state === 'bad') device.warn(`${CARD} ${card.problem}: it is left as it is`);
  if (card.state === 'new') await take(device, wifi, card, blank);
}

function recall(device: Device): WifiFile | undefined {
  const { sys, config } = device;
  try {
    return config.wifi && readStore(sys, config.wifi);
  } catch (error) {
    device.warn(`Cannot read the Wi-Fi networks of /perm: ${describeError(error)}`);
    return undefined;
  }
}

async function look(device: Device): Promise<CardFile> {
  try {
    return await readCardFile(device.sys);
  } catch (error) {
    device.warn(`Cannot look for ${CARD}: ${describeError(error)}`);
    return { state: 'absent' };
  }
}

async function take(
  device: Device,
  wifi: WifiFile,
  card: CardFile & { state: 'new' },
  blank: typeof blankCardFile,
): Promise<void> {
  const { sys, config, log, perm } = device;
  if (config.wifi === undefined) return;
  const names = card.wifi.networks.map(({ ssid }) => `"${ssid}"`).join(', ');
  if (perm.state !== 'mounted') {
    log.say(`Wi-Fi: uses ${CARD} (${names}), and leaves it there: /perm keeps nothing`);
    return;
  }
  writeStore(sys, config.wifi, wifi);
  try {
    await blank(sys, card.sizeBytes);
    log.say(`Wi-Fi: has taken ${CARD} (${names})`);
  } catch (error) {
    device.warn(`Cannot overwrite the passwords in ${CARD}: ${describeError(error)}`);
  }
}
