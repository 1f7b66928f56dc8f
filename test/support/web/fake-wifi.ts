// The Wi-Fi of a device that is not there: what init does about networks is the real thing, and `net` is a test's word.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WifiChanges } from '../../../src/device/init/wifi/wifi-changes.ts';
import { monotonicMs } from '../../../src/device/monotonic.ts';
import {
  type InterfaceStatus,
  NET_STATUS_PATH,
  type NetStatus,
  type WifiStatus,
} from '../../../src/shared/network/net-status.ts';
import { WIFI_RUN_PATH } from '../../../src/shared/network/wifi.ts';
import type { WifiNetwork } from '../../../src/shared/network/wifi-file.ts';

export class FakeWifi {
  readonly changes: WifiChanges;
  /** Lines of init's log. */
  readonly said: string[] = [];
  readonly #runPath: string;
  readonly #netStatusPath: string;
  #passedMs = 0;

  constructor(directory: string, netStatusPath: string, networks: readonly WifiNetwork[]) {
    const path = (each: string): string => (each === NET_STATUS_PATH ? netStatusPath : join(directory, each));
    this.#runPath = path(WIFI_RUN_PATH);
    this.#netStatusPath = netStatusPath;
    const say = (text: string): void => void this.said.push(text);
    this.changes = new WifiChanges(
      {
        sys: { path },
        config: { wifi: { country: 'DE', networks: [] } },
        log: { say },
        warn: say,
        wifiNetworks: { country: 'DE', networks },
      },
      () => monotonicMs() + this.#passedMs,
    );
  }

  /** What init hands to `net`; undefined: nothing yet. */
  handed(): { networks: WifiNetwork[]; trial?: { id: string; ssid: string } } | undefined {
    try {
      return JSON.parse(readFileSync(this.#runPath, 'utf8')) as ReturnType<FakeWifi['handed']>;
    } catch {
      return undefined;
    }
  }

  /** From now on the radio is so. */
  radio(wifi: Partial<WifiStatus>): void {
    const status = JSON.parse(readFileSync(this.#netStatusPath, 'utf8')) as NetStatus;
    const [wired] = status.interfaces;
    if (wired === undefined) throw new Error('There is no interface to go by');
    const radio: InterfaceStatus = {
      ...wired,
      name: 'wlan0',
      carrier: wifi.ssid !== undefined && wifi.ssid !== null,
      addresses: ['192.168.1.38/24'],
      wifi: { ssid: null, signalDbm: null, frequencyMHz: null, networks: [], ...wifi },
    };
    const next: NetStatus = {
      ...status,
      interfaces: [radio],
      wifi: { country: 'DE', problem: null },
    };
    writeFileSync(this.#netStatusPath, JSON.stringify(next));
    this.changes.look();
  }

  /** `net` does as it is told: it is in the network that is tried. */
  joinTried(): void {
    const { id, ssid } = this.changes.trials().trial ?? {};
    if (id === undefined || ssid === undefined) throw new Error('No network is tried');
    this.radio({ trial: id, ssid });
  }

  /** `net` has tried it, and this is wrong. */
  failTried(problem: string): void {
    const { id, ssid } = this.changes.trials().trial ?? {};
    if (id === undefined || ssid === undefined) throw new Error('No network is tried');
    this.radio({ trial: id, networks: [{ ssid, problem, isLasting: true }] });
  }

  /** The clock of trials goes on. */
  pass(ms: number): void {
    this.#passedMs += ms;
    this.changes.look();
  }

  close(): void {
    this.pass(10 ** 9);
  }
}
