// The device's networks as commands of the supplicant's control socket. Names and keys go in hexadecimal: they may have any
// character.

import { encodeSupplicantText } from '../../../formats/supplicant-control.ts';
import type { WifiNetwork } from '../../../shared/network/wifi-file.ts';
import type { ControlChannel } from './control-channel.ts';

/**
 * Makes them the supplicant's only ones, the first one preferred. `names` has their names by the supplicant's numbers from the
 * moment on at which it may join them, which it does at once where it has just searched. With `only` it may join that one.
 */
export async function giveNetworks(
  channel: ControlChannel,
  networks: readonly WifiNetwork[],
  names: Map<string, string>,
  only?: string,
): Promise<void> {
  await channel.tell('REMOVE_NETWORK all');
  for (const [index, network] of networks.entries()) {
    const id = await channel.ask('ADD_NETWORK');
    if (!/^\d+$/.test(id)) throw new Error(`the supplicant refuses another network: ${id}`);
    const settings = { ...settingsOf(network), priority: String(networks.length - index) };
    for (const [key, value] of Object.entries(settings))
      await channel.tell(`SET_NETWORK ${id} ${key} ${value}`);
    names.set(id, network.ssid);
    // New ones are disabled.
    if (only === undefined || network.ssid === only) await channel.tell(`ENABLE_NETWORK ${id}`);
  }
}

function settingsOf(network: WifiNetwork): Record<string, string> {
  const common = {
    // Looks for a better access point of the network where this one is faint.
    bgscan: '"simple:30:-70:300"',
    ssid: encodeSupplicantText(network.ssid),
    ...(network.hidden === true && { scan_ssid: '1' }),
  };
  if (network.open === true) return { ...common, key_mgmt: 'NONE' };
  // WPA of before 2004 and its cipher are not safe; what everybody of the network hears may still have that cipher.
  const wpa = { ...common, proto: 'RSN', pairwise: 'CCMP' };
  if (network.wpa3 === true)
    return {
      ...wpa,
      key_mgmt: 'SAE',
      ieee80211w: '2',
      sae_password: encodeSupplicantText(network.passphrase ?? ''),
    };
  // Management frames are protected where the access point can, as in mixed networks.
  return { ...wpa, key_mgmt: 'WPA-PSK', ieee80211w: '1', psk: network.psk ?? '' };
}
