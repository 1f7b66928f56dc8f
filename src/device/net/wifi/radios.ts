// The radios of the device, as the kernel knows them: whether somebody has switched them off
// (rfkill), what they may do where, and that they do not sleep.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  decodeFamilyId,
  encodeFamiliesRequest,
  encodePowerSaveOff,
  encodeReloadRegulatoryDatabase,
  GENERIC_CONTROLLER,
} from '../../../formats/generic-netlink.ts';
import { NetlinkSocket } from '../../sys/netlink-socket.ts';

const RFKILL = '/sys/class/rfkill';

/** `hard`: by a switch or the firmware, which no program can undo. null: none is off. */
export function switchedOff(): 'soft' | 'hard' | null {
  const blocks = wifiSwitches().map((path) => ({
    hard: readText(`${path}/hard`) === '1',
    soft: readText(`${path}/soft`) === '1',
  }));
  if (blocks.some(({ hard }) => hard)) return 'hard';
  return blocks.some(({ soft }) => soft) ? 'soft' : null;
}

/** Some kernels start with radios off until somebody asks for them. */
export function switchOn(): void {
  for (const path of wifiSwitches()) {
    try {
      if (readText(`${path}/soft`) === '1') writeFileSync(`${path}/soft`, '0');
    } catch {
      // It is said by `switchedOff` that it still is.
    }
  }
}

function wifiSwitches(): string[] {
  let names: string[];
  try {
    names = readdirSync(RFKILL);
  } catch {
    // No radio has come up yet, or the kernel has no rfkill.
    return [];
  }
  return names.map((name) => `${RFKILL}/${name}`).filter((path) => readText(`${path}/type`) === 'wlan');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Pulled out meanwhile.
    return '';
  }
}

/** The kernel's nl80211, or undefined where it has none (any more). */
export class Nl80211 {
  readonly #socket: NetlinkSocket;
  readonly #family: number;

  static open(): Nl80211 | undefined {
    const socket = new NetlinkSocket('generic');
    for (const { payload } of socket.dump(GENERIC_CONTROLLER, encodeFamiliesRequest())) {
      const family = decodeFamilyId(payload, 'nl80211');
      if (family !== undefined) return new Nl80211(socket, family);
    }
    socket.close();
    return undefined;
  }

  private constructor(socket: NetlinkSocket, family: number) {
    this.#socket = socket;
    this.#family = family;
  }

  /**
   * A kernel that has cfg80211 built in looks for it before there is a root. Throws ENODATA when its signature is of a key
   * that the kernel does not know.
   */
  reloadRegulatoryDatabase(): void {
    this.#socket.change(this.#family, 0, encodeReloadRegulatoryDatabase());
  }

  /** A radio that sleeps between beacons answers late, or not at all. */
  stayAwake(linkIndex: number): void {
    this.#socket.change(this.#family, 0, encodePowerSaveOff(linkIndex));
  }

  close(): void {
    this.#socket.close();
  }
}
