// What the page asks the device to do.

import { BREAKGLASS_API } from '../../shared/breakglass/breakglass-api.ts';
import type { ServiceAction } from '../../shared/api/init-api.ts';
import { UPDATE_API, type ConfirmRequest, type RollbackRequest } from '../../shared/update/update-api.ts';
import { WEB_API } from '../../shared/api/web-api.ts';
import {
  WIFI_API,
  type AddNetwork,
  type RemoveNetwork,
  type WifiNetworks,
} from '../../shared/network/wifi-api.ts';
import type { WifiNetwork } from '../../shared/network/wifi-file.ts';
import { askJson, post, postJson, remove } from './ask.ts';

export function actOnService(name: string, action: ServiceAction): Promise<void> {
  return post(WEB_API.serviceAction(name, action));
}

export function power(action: 'reboot' | 'poweroff'): Promise<void> {
  return post(WEB_API[action]);
}

export function closeBreakglass(): Promise<void> {
  return remove(BREAKGLASS_API.session);
}

export function readWifi(): Promise<WifiNetworks> {
  return askJson(WIFI_API.networks);
}

export function addWifi(network: WifiNetwork & Pick<AddNetwork, 'isTried'>): Promise<WifiNetworks> {
  return postJson(WIFI_API.add, network);
}

export function removeWifi(ssid: string, evenJoined: boolean): Promise<WifiNetworks> {
  return postJson(WIFI_API.remove, { ssid, evenJoined } satisfies RemoveNetwork);
}

export async function confirmWifi(id: string): Promise<void> {
  await postJson(WIFI_API.confirm, { id });
}

/** Whom the history names for what is done here. */
const CLIENT = { id: 'page', name: 'the page' };

export function confirmTrial(buildId: string): Promise<void> {
  return post(UPDATE_API.confirm, { buildId, client: CLIENT } satisfies ConfirmRequest);
}

export function rollBack(): Promise<void> {
  return post(UPDATE_API.rollback, { client: CLIENT } satisfies RollbackRequest);
}
