// The routes of the control API below /v1/wifi. See shared/network/wifi-api.ts for what they mean.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { readAddNetwork, readConfirmNetwork, readRemoveNetwork } from '../../../shared/network/wifi-api.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import type { WifiChanges } from '../wifi/wifi-changes.ts';
import { readJson } from './read-json.ts';
import { sendJson } from './send-json.ts';

export type WifiControl = Pick<WifiChanges, 'networks' | 'add' | 'remove' | 'confirm'>;

/** `action`: what comes after /v1/wifi/. `control` is loaded with the first request. */
export async function routeWifi(
  control: () => Promise<WifiControl>,
  action: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (action) {
    case 'add': {
      const wanted = await readJson(request, readAddNetwork);
      return sendJson(response, 200, (await control()).add(wanted));
    }
    case 'remove': {
      const wanted = await readJson(request, readRemoveNetwork);
      return sendJson(response, 200, (await control()).remove(wanted));
    }
    case 'confirm': {
      const { id } = await readJson(request, readConfirmNetwork);
      return sendJson(response, 200, (await control()).confirm(id));
    }
    default:
      throw new ApiRefusal('no-such-address', `There is no "/v1/wifi/${action}"`);
  }
}
