// What `tsk wifi` does on a running device. A network that is added is tried there; this end follows the device to wherever it
// answers, and says to it that it is reached.

import { setTimeout as delay } from 'node:timers/promises';
import {
  type AddNetwork,
  describeWifiTrial,
  type EndedWifiTrial,
  type RemoveNetwork,
  WIFI_API,
  WIFI_TRIAL_LIMIT_MS,
  type WifiNetworks,
  type WifiTrial,
} from '../../shared/network/wifi-api.ts';
import type { WifiNetwork } from '../../shared/network/wifi-file.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { RefusalError } from '../devices/refusal-error.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions, requireName } from './device-session.ts';
import { formatTable, paint } from './output.ts';
import type { Session } from './session.ts';

export interface DeviceWifiOptions extends DeviceOptions {
  device?: boolean;
}

const POLL_MS = 500;
const ANSWER_LIMIT_MS = 5000;
/** Two limits of the device, and what it takes it to be back in the network of before. */
const FOLLOW_LIMIT_MS = 3 * WIFI_TRIAL_LIMIT_MS + 30_000;

/** Whether the running device is meant, and not what new disks get. */
export function isOnDevice({ device, host }: DeviceWifiOptions): boolean {
  return device === true || host !== undefined;
}

export async function addToDevice(
  session: Session,
  network: WifiNetwork,
  isTried: boolean,
  options: DeviceWifiOptions,
): Promise<void> {
  const { output } = session;
  const { ssid } = network;
  const { client, status } = await connect(session, options);
  const { hostname } = status.system;
  const act = `add Wi-Fi "${ssid}"`;
  const body = { ...network, isTried } satisfies WifiNetwork & Pick<AddNetwork, 'isTried'>;
  const { trial } = await post(client, WIFI_API.add, body, act);
  if (trial === null) {
    output.result({ ssid, hostname, outcome: 'added' }, `${hostname} knows Wi-Fi "${ssid}" from now on.`);
    return;
  }
  const step = output.progress.start(`Trying "${ssid}" on ${hostname}`);
  const { isKept, reason } = await followTrial(session, client, trial, options);
  if (!isKept) {
    throw new UserError(`Cannot add Wi-Fi "${ssid}" to "${hostname}": it ${reason ?? 'did not work'}`, {
      hint: 'The device is back in the networks that it had.',
    });
  }
  step.done();
  output.result(
    { ssid, hostname, outcome: 'kept' },
    `${hostname} was reached in Wi-Fi "${ssid}", and keeps it.`,
  );
}

/** The device says itself what came of it; what answers nowhere has gone back by then. */
async function followTrial(
  session: Session,
  first: DeviceClient,
  { id, ssid }: WifiTrial,
  options: DeviceWifiOptions,
): Promise<EndedWifiTrial> {
  const { signal } = session;
  const deadlineMs = performance.now() + FOLLOW_LIMIT_MS;
  let client = first;
  while (performance.now() < deadlineMs) {
    await delay(POLL_MS, undefined, { signal });
    try {
      const { trial, last } = await readNetworks(client, { limitMs: ANSWER_LIMIT_MS, isNew: true });
      if (trial?.id === id) {
        if (trial.phase === 'joined') await confirm(client, id);
        continue;
      }
      if (last?.id === id) return last;
      throw new Lost(`it was started anew meanwhile`);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Lost) throw lost(ssid, client, error.message);
      if (!(error instanceof UserError)) throw error;
      client = (await findAgain(session, options)) ?? client;
    }
  }
  throw lost(ssid, client, 'it does not answer');
}

class Lost extends Error {}

function lost(ssid: string, { device }: DeviceClient, why: string): UserError {
  return new UserError(`Cannot see what "${device.name}" makes of Wi-Fi "${ssid}": ${why}`, {
    hint: 'Unless somebody has reached it, it is back in the networks that it had. "tsk wifi list --device" shows them.',
  });
}

async function confirm(client: DeviceClient, id: string): Promise<void> {
  try {
    await post(client, WIFI_API.confirm, { id }, 'keep the network');
  } catch (error) {
    // It has left the network in this moment, or its time was over: it says so.
    if (!(error instanceof RefusalError) || error.code !== 'no-wifi-trial') throw error;
  }
}

/** In another network it has another address, and its name stands for that. undefined: not yet. */
async function findAgain(session: Session, options: DeviceWifiOptions): Promise<DeviceClient | undefined> {
  const places = options.host === undefined ? [options] : [options, { ...options, host: undefined }];
  for (const { host, insecureHttp } of places) {
    try {
      const found = await connect(session, {
        ...(host !== undefined && { host }),
        ...(insecureHttp !== undefined && { insecureHttp }),
      });
      return found.client;
    } catch (error) {
      session.signal.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
    }
  }
  return undefined;
}

export async function listOnDevice(session: Session, options: DeviceWifiOptions): Promise<void> {
  const { output } = session;
  const { client, status } = await connect(session, options);
  const known = await readNetworks(client);
  const joined = new Set((status.network?.interfaces ?? []).map(({ wifi }) => wifi?.ssid));
  const rows = known.networks.map((network) => ({ ...network, isJoined: joined.has(network.ssid) }));
  const table = rows.map(({ ssid, security, hidden, isJoined }) => [
    ssid,
    security,
    hidden ? 'hidden' : '',
    isJoined ? paint('green', 'joined') : '',
  ]);
  const text = rows.length === 0 ? 'The device knows no Wi-Fi network.' : formatTable(table);
  const news = describeWifiTrial(known);
  output.result({ ...known, networks: rows }, news === null ? text : `${text}\n${news}.`);
}

export async function removeFromDevice(
  session: Session,
  ssid: string,
  evenJoined: boolean,
  options: DeviceWifiOptions,
): Promise<void> {
  const { client, status } = await connect(session, options);
  const { hostname } = status.system;
  const { networks } = await readNetworks(client);
  if (networks.length > 0)
    requireName(
      'remove Wi-Fi',
      ssid,
      networks.map((each) => each.ssid),
    );
  try {
    const body: RemoveNetwork = { ssid, evenJoined };
    await post(client, WIFI_API.remove, body, `remove Wi-Fi "${ssid}"`);
  } catch (error) {
    if (!(error instanceof RefusalError) || error.code !== 'network-in-use') throw error;
    throw new UserError(error.message, {
      hint: 'With --even-joined it is removed all the same: the device may not be reached any more then.',
      cause: error,
    });
  }
  session.output.result({ ssid, hostname }, `${hostname} has forgotten Wi-Fi "${ssid}".`);
}

async function readNetworks(
  client: DeviceClient,
  options: { limitMs?: number; isNew?: boolean } = {},
): Promise<WifiNetworks> {
  return client.askJson(WIFI_API.networks, { act: 'read the Wi-Fi networks', ...options });
}

async function post(client: DeviceClient, path: string, body: object, act: string): Promise<WifiNetworks> {
  return client.askJson(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: [Buffer.from(JSON.stringify(body))],
    act,
  });
}
