// Changes of the Wi-Fi networks of a running device: what somebody adds is tried beside those that there are (wifi-trial.ts says
// how), and is written to /perm when it is kept, not before. Whatever ends in between, a program or the power, the device has
// the networks of before.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type InterfaceStatus, NET_STATUS_PATH, type NetStatus } from '../../../shared/network/net-status.ts';
import {
  type AddNetwork,
  type EndedWifiTrial,
  type HandedNetworks,
  type RemoveNetwork,
  securityOf,
  type WifiNetworks,
  type WifiTrials,
} from '../../../shared/network/wifi-api.ts';
import { mergeNetworks, type WifiFile, type WifiNetwork } from '../../../shared/network/wifi-file.ts';
import { MAX_WIFI_NETWORKS, type WifiConfig } from '../../../shared/network/wifi.ts';
import type { DeviceConfig } from '../../../shared/services/services.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { describeError } from '../../describe-error.ts';
import { clockTimeOf, monotonicMs } from '../../monotonic.ts';
import type { Sys } from '../../sys/sys.ts';
import {
  IDLE,
  stepWifiTrial,
  type TriedNetwork,
  type TriedRadio,
  type WifiTrialAction,
  type WifiTrialEvent,
  type WifiTrialMachine,
} from './wifi-trial.ts';
import { handToNet, inOrder, writeStore } from './wifi-store.ts';

const LOOK_EVERY_MS = 500;

/** The device, as far as its networks have to do with it. */
export interface WifiSurroundings {
  readonly sys: Pick<Sys, 'path'>;
  readonly config: Pick<DeviceConfig, 'wifi'>;
  readonly log: { say(text: string): void };
  /** undefined: not known yet. */
  wifiNetworks: WifiFile | undefined;
  warn(text: string): void;
}

export class WifiChanges {
  readonly #device: WifiSurroundings;
  readonly #nowMs: () => number;
  #machine: WifiTrialMachine = IDLE;
  /** With the network that is tried. */
  #wanted: WifiFile | undefined;
  #last: (Omit<EndedWifiTrial, 'endedAtMs'> & { endedMs: number }) | null = null;
  #timer: NodeJS.Timeout | undefined;

  /** `nowMs`: set by tests. */
  constructor(device: WifiSurroundings, nowMs = monotonicMs) {
    this.#device = device;
    this.#nowMs = nowMs;
  }

  networks(): WifiNetworks {
    const { country, networks } = this.#known;
    const known = inOrder(this.#config, networks).map((network) => ({
      ssid: network.ssid,
      security: securityOf(network),
      hidden: network.hidden === true,
    }));
    return { country, networks: known, ...this.trials() };
  }

  trials(): WifiTrials {
    const machine = this.#machine;
    const last = this.#last;
    const trial =
      machine.state === 'idle'
        ? null
        : {
            id: machine.id,
            ssid: machine.ssid,
            phase: machine.state,
            endsAtMs: clockTimeOf(machine.deadlineMs),
          };
    if (last === null) return { trial, last };
    const { endedMs, ...ended } = last;
    return { trial, last: { ...ended, endedAtMs: clockTimeOf(endedMs) } };
  }

  add({ network, isTried }: AddNetwork): WifiNetworks {
    this.#refuseDuringTrial();
    const wanted = this.#with(network);
    if (isTried) {
      this.#wanted = wanted;
      this.#step({ type: 'begin', network: { id: randomBytes(8).toString('hex'), ssid: network.ssid } });
    } else {
      this.#use(wanted);
      this.#say(`knows "${network.ssid}" from now on`);
    }
    return this.networks();
  }

  remove({ ssid, evenJoined }: RemoveNetwork): WifiNetworks {
    this.#refuseDuringTrial();
    const known = this.#known;
    if (!known.networks.some((each) => each.ssid === ssid))
      throw new ApiRefusal('no-such-network', `The device knows no Wi-Fi network "${ssid}"`);
    const isJoined = radiosOf(this.#readStatus()).some(({ wifi }) => wifi?.ssid === ssid);
    if (isJoined && !evenJoined)
      throw new ApiRefusal('network-in-use', `The device is in the network "${ssid}" now`);
    this.#use({ ...known, networks: known.networks.filter((each) => each.ssid !== ssid) });
    this.#say(`has forgotten "${ssid}"`);
    return this.networks();
  }

  /** Somebody reaches the device. */
  confirm(id: string): WifiNetworks {
    const before = this.#machine;
    this.#step({ type: 'confirmed', id });
    const last = this.#last?.id === id ? this.#last : undefined;
    if (last?.isKept === true) return this.networks();
    if (last !== undefined)
      throw new ApiRefusal('no-wifi-trial', `Wi-Fi network "${last.ssid}" is not kept: it ${last.reason}`);
    if (before.state === 'joining' && before.id === id)
      throw new ApiRefusal('no-wifi-trial', `The device has no address in "${before.ssid}" yet`);
    throw new ApiRefusal('no-wifi-trial', 'This network is not tried any more');
  }

  get #config(): WifiConfig {
    const { wifi } = this.#device.config;
    if (wifi === undefined)
      throw new ApiRefusal(
        'no-wifi',
        'This image has no Wi-Fi: it takes "wifi" in "network" of tskrazy.json',
      );
    return wifi;
  }

  get #known(): WifiFile {
    void this.#config;
    const { wifiNetworks } = this.#device;
    if (wifiNetworks === undefined) throw new ApiRefusal('wrong-state', 'The device is still starting');
    return wifiNetworks;
  }

  /** The newest one is preferred to the others, but for those that tskrazy.json names. */
  #with(network: WifiNetwork): WifiFile {
    const known = this.#known;
    const networks = mergeNetworks([network], known.networks);
    if (networks.length > MAX_WIFI_NETWORKS)
      throw new ApiRefusal('wifi-full', `The device knows ${MAX_WIFI_NETWORKS} networks: remove one first`);
    return { ...known, networks };
  }

  #refuseDuringTrial(): void {
    const machine = this.#machine;
    if (machine.state !== 'idle')
      throw new ApiRefusal('wifi-busy', `The device tries the network "${machine.ssid}" at the moment`);
  }

  /** Throws what the disk says, and then nothing has changed. */
  #use(wifi: WifiFile): void {
    const { sys } = this.#device;
    writeStore(sys, this.#config, wifi);
    this.#device.wifiNetworks = wifi;
    handToNet(sys, this.#config, wifi);
  }

  #step(event: WifiTrialEvent): void {
    const { machine, actions } = stepWifiTrial(this.#machine, event, this.#nowMs());
    this.#machine = machine;
    for (const action of actions) this.#act(action);
    if (machine.state === 'idle') {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setInterval(() => this.look(), LOOK_EVERY_MS);
    }
  }

  #act(action: WifiTrialAction): void {
    const { network } = action;
    if (action.type === 'try') {
      this.#hand({ ...(this.#wanted ?? this.#known), trial: network });
      this.#say(`tries "${network.ssid}"`);
    } else if (action.type === 'keep') {
      this.#keep(network);
    } else {
      this.#goBack(network, action.reason);
    }
  }

  #keep(network: TriedNetwork): void {
    try {
      if (this.#wanted !== undefined) this.#use(this.#wanted);
    } catch (error) {
      this.#goBack(network, `cannot be kept: ${describeError(error)}`);
      return;
    }
    this.#wanted = undefined;
    this.#end(network, null);
    this.#say(`keeps "${network.ssid}"`);
  }

  #goBack(network: TriedNetwork, reason: string): void {
    this.#wanted = undefined;
    this.#end(network, reason);
    this.#say(`goes back from "${network.ssid}": it ${reason}`);
    this.#hand(this.#known);
  }

  /** Not done, it leaves `net` with what it has: whoever waits for the network that is tried waits in vain, and hears of it. */
  #hand(networks: HandedNetworks): void {
    try {
      handToNet(this.#device.sys, this.#config, networks);
    } catch (error) {
      this.#device.warn(`Cannot hand the Wi-Fi networks to net: ${describeError(error)}`);
    }
  }

  #end({ id, ssid }: TriedNetwork, reason: string | null): void {
    this.#last = { id, ssid, isKept: reason === null, reason, endedMs: this.#nowMs() };
  }

  /** Nobody tells init of the network: it is looked at. */
  look(): void {
    const machine = this.#machine;
    if (machine.state === 'idle') return;
    const status = this.#readStatus();
    this.#step(status === null ? { type: 'time' } : { type: 'told', radio: triedRadio(status, machine) });
  }

  #readStatus(): NetStatus | null {
    try {
      return JSON.parse(readFileSync(this.#device.sys.path(NET_STATUS_PATH), 'utf8')) as NetStatus;
    } catch {
      // `net` is being started anew.
      return null;
    }
  }

  #say(text: string): void {
    this.#device.log.say(`Wi-Fi: ${text}`);
  }
}

function radiosOf(status: NetStatus | null): InterfaceStatus[] {
  return (status?.interfaces ?? []).filter(({ wifi }) => wifi !== undefined);
}

function triedRadio(status: NetStatus, { id, ssid }: TriedNetwork): TriedRadio {
  const radios = radiosOf(status);
  const told = radios.filter(({ wifi }) => wifi?.trial === id);
  const joined = told.find(({ wifi }) => wifi?.ssid === ssid);
  if (joined !== undefined)
    return { id, isJoined: true, hasAddress: hasAddress(joined), problem: null, isLasting: false };
  const [first] = told;
  const none = { id, isJoined: false, hasAddress: false, isLasting: false };
  if (first === undefined) {
    const why = radios[0]?.problem ?? status.wifi?.problem ?? null;
    return { ...none, problem: why === null ? null : `could not be joined: ${why}` };
  }
  const failed = first.wifi?.networks.find((each) => each.ssid === ssid);
  if (failed?.problem !== undefined && failed.problem !== null)
    return { ...none, problem: failed.problem, isLasting: failed.isLasting === true };
  return { ...none, problem: first.problem === null ? null : `could not be joined: ${first.problem}` };
}

/** One that leads to the device from elsewhere. What an earlier network gave is only its own again when a server says so. */
function hasAddress({ addresses, dhcp }: InterfaceStatus): boolean {
  const isSettled = dhcp === null || ['bound', 'renewing', 'rebinding'].includes(dhcp.state);
  return addresses.some((address) => (address.includes(':') ? !address.startsWith('fe80:') : isSettled));
}
