// Answers the requests about Wi-Fi networks. init keeps them and tries them; a passphrase that came over the network ends here.

import {
  INIT_WIFI_API,
  readAddNetwork,
  readConfirmNetwork,
  readRemoveNetwork,
  type WifiNetworks,
} from '../../shared/network/wifi-api.ts';
import { withKey } from '../../shared/network/wifi-file.ts';
import { derivePsk } from '../../shared/network/wifi-psk.ts';
import type { UntrustedValue } from '../../shared/untrusted-json.ts';
import type { Exchange, Handler, WebContext } from './exchange.ts';
import { readFields } from './request-body.ts';
import { sendJson } from './respond.ts';

export const listNetworks: Handler = async ({ init }, { response }) => {
  sendJson(response, 200, await init.get<WifiNetworks>(INIT_WIFI_API.networks));
};

export const addNetwork: Handler = async (context, exchange) => {
  const { network, isTried } = await readFields(exchange.request, context.bodyPace, readAddNetwork);
  await pass(context, exchange, INIT_WIFI_API.add, { ...(await withKey(network, derivePsk)), isTried });
};

export const removeNetwork = passing(INIT_WIFI_API.remove, readRemoveNetwork);
export const confirmNetwork = passing(INIT_WIFI_API.confirm, readConfirmNetwork);

/** Hands on to init what `read` makes of the body. */
function passing(path: string, read: (body: UntrustedValue) => object): Handler {
  return async (context, exchange) => {
    await pass(context, exchange, path, await readFields(exchange.request, context.bodyPace, read));
  };
}

async function pass({ init, status }: WebContext, { response }: Exchange, path: string, body: object) {
  const networks = await init.post<WifiNetworks>(path, body);
  // Who looks next sees that it is tried.
  status.expire();
  sendJson(response, 200, networks);
}
