// What `tsk wifi` does.

import { text } from 'node:stream/consumers';
import { countryProblem, ssidProblem, type WifiConfig } from '../../shared/network/wifi.ts';
import { passphraseProblem, type WifiNetwork, withKey } from '../../shared/network/wifi-file.ts';
import { derivePsk } from '../../shared/network/wifi-psk.ts';
import { addWifi } from '../config/add-wifi.ts';
import { type Instance, openInstance } from '../config/instance.ts';
import { addWifiKey, readWifiKeys, removeWifiKey } from '../config/wifi-keys.ts';
import { nearestName } from '../nearest-name.ts';
import { UserError } from '../user-error.ts';
import {
  addToDevice,
  type DeviceWifiOptions,
  isOnDevice,
  listOnDevice,
  removeFromDevice,
} from './device-wifi.ts';
import { askLine } from './ask-line.ts';
import { askUnseen } from './ask-unseen.ts';
import { formatTable, paint } from './output.ts';
import type { Session } from './session.ts';

export interface WifiAddOptions extends DeviceWifiOptions {
  /** False: --no-try. */
  try?: boolean;
  country?: string;
  hidden?: boolean;
  open?: boolean;
  wpa3?: boolean;
}

export async function addNetwork(
  session: Session,
  ssid: string,
  argument: readonly string[],
  options: WifiAddOptions,
): Promise<void> {
  const { output } = session;
  refuseArgument(ssid, argument);
  const problem = ssidProblem(ssid);
  if (problem !== undefined) throw new UserError(`Cannot add Wi-Fi "${ssid}": its name ${problem}`);
  const { open = false, wpa3 = false, hidden = false } = options;
  if (open && wpa3) {
    throw new UserError(`Cannot add Wi-Fi "${ssid}": an open network has no WPA3`, {
      hint: 'Leave out --open or --wpa3.',
    });
  }
  if (isOnDevice(options) && options.country !== undefined)
    throw new UserError('Cannot change the country of a running device: it is that of its image', {
      hint: 'Change network.wifi.country in tskrazy.json ("tsk edit"), then "tsk update".',
    });
  if (!isOnDevice(options) && options.try === false)
    throw new UserError('Cannot use --no-try: only a running device tries networks', {
      hint: 'Add --device, or --host HOST.',
    });
  const instance = await openInstance(session.instanceDirectory);
  const country = isOnDevice(options) ? undefined : chooseCountry(instance, options.country);
  const network: WifiNetwork = { ssid, ...(hidden && { hidden }), ...(wpa3 && { wpa3 }) };
  const complete = open
    ? { ...network, open }
    : await withKey({ ...network, passphrase: await readPassphrase(session, ssid) }, derivePsk);
  if (isOnDevice(options)) return addToDevice(session, complete, options.try !== false, options);
  // Not before the passphrase is there and right: an instance has Wi-Fi then, or nothing has changed.
  if (country !== undefined) await addWifi(instance.configPath, country);
  await addWifiKey(instance, complete);
  output.result(
    { ssid, security: open ? 'open' : wpa3 ? 'wpa3' : 'wpa2', hidden },
    `Added Wi-Fi "${ssid}". A disk that is written from here has it: "tsk flash".`,
  );
}

/** Of a new instance: asks at a terminal for the first network. Whether there is one now. */
export async function setUpWifi(session: Session, country: string): Promise<boolean> {
  const instance = await openInstance(session.instanceDirectory);
  await addWifi(instance.configPath, country);
  if (!process.stdin.isTTY) return false;
  const ssid = await askLine('Name of its Wi-Fi network (nothing: later): ', session.signal);
  if (ssid === '') return false;
  await addNetwork(session, ssid, [], {});
  return true;
}

/** Throws UserError for what is none. */
export function checkCountry(country: string): void {
  const problem = countryProblem(country);
  if (problem !== undefined) throw new UserError(`Cannot use "${country}" as country: it ${problem}`);
}

/** Which to write into tskrazy.json; undefined: it has one. */
function chooseCountry({ config }: Instance, given: string | undefined): string | undefined {
  if (given !== undefined) checkCountry(given);
  const present = config.wifi?.country;
  if (present === undefined) {
    if (given !== undefined) return given;
    throw new UserError(`Cannot add Wi-Fi to "${config.hostname}": it does not say which country it is in`, {
      hint: 'Radios may do other things in each: add --country, as in "--country DE".',
    });
  }
  if (given === undefined || given === present) return undefined;
  throw new UserError(
    `Cannot use "${given}" as country: network.wifi.country of tskrazy.json is "${present}"`,
    {
      hint: 'Correct it there ("tsk edit").',
    },
  );
}

function refuseArgument(ssid: string, argument: readonly string[]): void {
  if (argument.length === 0) return;
  throw new UserError(
    `Cannot take the passphrase of Wi-Fi "${ssid}" as an argument: other programs of this computer see it`,
    {
      hint:
        `"tsk wifi add '${ssid}'" asks for it. What you have typed stands in the history of your shell now: remove it there. ` +
        'A name of several words needs quotes.',
    },
  );
}

async function readPassphrase({ signal }: Session, ssid: string): Promise<string> {
  const passphrase = process.stdin.isTTY
    ? await askUnseen(`Passphrase of "${ssid}" (it is not shown): `, signal)
    : (await text(process.stdin)).replace(/\r?\n$/, '');
  const problem = passphraseProblem(passphrase);
  if (problem !== undefined) throw new UserError(`Cannot add Wi-Fi "${ssid}": the passphrase ${problem}`);
  return passphrase;
}

export async function listNetworks(session: Session, options: DeviceWifiOptions): Promise<void> {
  if (isOnDevice(options)) return listOnDevice(session, options);
  const { instanceDirectory, output } = session;
  const instance = await openInstance(instanceDirectory);
  const rows = networkRows(instance.config.wifi, await readWifiKeys(instance));
  const table = rows.map((row) => [
    row.ssid,
    row.security ?? paint('yellow', 'no key here'),
    row.hidden ? 'hidden' : '',
  ]);
  output.result(rows, rows.length === 0 ? 'No Wi-Fi network is set up here.' : formatTable(table));
}

interface NetworkRow {
  ssid: string;
  hidden: boolean;
  /** null: it is named in tskrazy.json, and has no key here. */
  security: 'open' | 'wpa2' | 'wpa3' | null;
}

/** In the order in which a device prefers them. */
function networkRows(wifi: WifiConfig | undefined, keys: readonly WifiNetwork[]): NetworkRow[] {
  const named = wifi?.networks ?? [];
  const others = keys.filter(({ ssid }) => !named.some((each) => each.ssid === ssid));
  return [...named, ...others].map(({ ssid, hidden }) => {
    const key = keys.find((each) => each.ssid === ssid);
    const security =
      key === undefined ? null : key.open === true ? 'open' : key.wpa3 === true ? 'wpa3' : 'wpa2';
    return { ssid, hidden: hidden === true || key?.hidden === true, security };
  });
}

export interface WifiRemoveOptions extends DeviceWifiOptions {
  evenJoined?: boolean;
}

export async function removeNetwork(
  session: Session,
  ssid: string,
  options: WifiRemoveOptions,
): Promise<void> {
  const { evenJoined = false } = options;
  if (isOnDevice(options)) return removeFromDevice(session, ssid, evenJoined, options);
  if (evenJoined)
    throw new UserError('Cannot use --even-joined: only a running device is in a network', {
      hint: 'Add --device, or --host HOST.',
    });
  const { instanceDirectory, output } = session;
  const instance = await openInstance(instanceDirectory);
  if (!(await removeWifiKey(instance, ssid))) {
    const known = (await readWifiKeys(instance)).map((each) => each.ssid);
    const nearest = nearestName(ssid, known);
    throw new UserError(`Cannot remove Wi-Fi "${ssid}": there is no key of it here`, {
      hint: nearest === undefined ? '"tsk wifi list" shows which there are.' : `Did you mean "${nearest}"?`,
    });
  }
  output.result(
    { ssid },
    `Removed Wi-Fi "${ssid}" here. A device that knows it keeps it, unless you remove it there (--device).`,
  );
}
