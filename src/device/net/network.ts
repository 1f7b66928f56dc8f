// All interfaces together: finds them as they come and go, hands each its events, and publishes what they know
// (status file, resolv.conf).

import { ipv4FromBytes } from '../../formats/ipv4-address.ts';
import { formatIpv6 } from '../../formats/ipv6-address.ts';
import {
  decodeLink,
  decodeLinkAddress,
  decodeRouterDns,
  encodeDumpRequest,
  isWirelessEvent,
  type Link,
  NETLINK_TYPE,
  type NetlinkMessage,
} from '../../formats/netlink-message.ts';
import type { InterfaceConfig, NetworkConfig } from '../../shared/network/network-config.ts';
import type { InterfaceStatus, NetStatus } from '../../shared/network/net-status.ts';
import type { Wifi } from './wifi/wifi.ts';
import { hardwareKind, ignoreRoutesWithoutCarrier, keepArpPerInterface } from '../sys/network-interfaces.ts';
import { listenToNetlink, NetlinkSocket } from '../sys/netlink-socket.ts';
import { LeaseStore } from './lease-store.ts';
import { isOnline } from './online.ts';
import { replaceFile } from '../replace-file.ts';
import { formatResolvConf, writeResolvConf } from './resolv-conf.ts';
import { NetworkInterface } from './network-interface.ts';
import { monotonicMs } from '../monotonic.ts';

export interface NetworkOptions {
  hostname: string;
  config: NetworkConfig;
  /** Absent: radios are left alone. */
  wifi?: Wifi;
  paths: { status: string; resolvConf: string; data: string };
  /** Called after every change of the status. */
  onChange?: (status: NetStatus) => void;
  log: (text: string) => void;
}

const MAX_TIMER_MS = 2 ** 31 - 1;

export class Network {
  readonly #options: NetworkOptions;
  readonly #netlink = new NetlinkSocket();
  readonly #leases: LeaseStore;
  /** Interfaces by link index. */
  readonly #interfaces = new Map<number, NetworkInterface>();
  #isPublishing = false;
  #publishTimer: NodeJS.Timeout | undefined;
  #mdnsName: string | null = null;
  #published = '';
  #publishedResolvConf = '';

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#leases = new LeaseStore(options.paths.data, options.log);
  }

  start(): void {
    ignoreRoutesWithoutCarrier();
    keepArpPerInterface();
    // Listening comes first: what changes between the two is then seen twice rather than never.
    listenToNetlink(
      (message) => this.#onMessage(message),
      () => this.#lookAround(),
    );
    this.#lookAround();
    this.#publishSoon();
  }

  /** The name by which the neighbours find the device, for the status. */
  setMdnsName(name: string | null): void {
    this.#mdnsName = name;
    this.#publishSoon();
  }

  /** Something of Wi-Fi that the status tells has changed. */
  wifiHasChanged(): void {
    this.#publishSoon();
  }

  /** The status tells by the clock when leases end. */
  clockHasJumped(): void {
    this.#publishSoon();
  }

  #lookAround(): void {
    const links = this.#netlink.dump(NETLINK_TYPE.getLink, encodeDumpRequest('any'));
    const seen = links.map((message) => decodeLink(message.payload));
    for (const index of this.#interfaces.keys()) {
      if (!seen.some((link) => link.index === index)) this.#remove(index);
    }
    for (const link of seen) this.#onLink(link);
  }

  #onMessage({ type, payload }: NetlinkMessage): void {
    if (type === NETLINK_TYPE.newLink) {
      if (!isWirelessEvent(payload)) this.#onLink(decodeLink(payload));
    } else if (type === NETLINK_TYPE.delLink) this.#remove(decodeLink(payload).index);
    else if (type === NETLINK_TYPE.newAddress || type === NETLINK_TYPE.delAddress) this.#publishSoon();
    else if (type === NETLINK_TYPE.newNdUserOption) {
      const announced = decodeRouterDns(payload);
      if (announced !== undefined) this.#interfaces.get(announced.linkIndex)?.addRouterDns(announced);
    }
  }

  #onLink(link: Link): void {
    const known = this.#interfaces.get(link.index);
    const isSame = known?.link.name === link.name && Buffer.compare(known.link.mac, link.mac) === 0;
    if (known !== undefined && isSame) {
      known.update(link);
      return;
    }
    if (known !== undefined) this.#remove(link.index);
    const config = this.#configOf(link);
    if (config !== undefined) this.#add(link, config);
  }

  #configOf(link: Link): InterfaceConfig | undefined {
    const { config } = this.#options;
    if (!link.isEthernet) return undefined;
    if (Object.hasOwn(config, link.name)) return config[link.name];
    const kind = hardwareKind(link.name);
    if (kind === 'wired') return config['*'] ?? { ipv4: 'dhcp' };
    return kind === 'radio' && this.#options.wifi !== undefined ? { ipv4: 'dhcp' } : undefined;
  }

  #add(link: Link, config: InterfaceConfig): void {
    const { hostname, log, wifi } = this.#options;
    try {
      const context = {
        netlink: this.#netlink,
        leases: this.#leases,
        hostname,
        log,
        onChange: () => this.#publishSoon(),
      };
      const isRadio = config.ipv4 !== 'off' && hardwareKind(link.name) === 'radio';
      const forget = (): void => this.#interfaces.get(link.index)?.forgetNetwork();
      const radio = isRadio ? wifi?.add(link, forget) : undefined;
      this.#interfaces.set(link.index, new NetworkInterface(link, config, context, radio));
    } catch (error) {
      // Pulled out again already (ENODEV); whatever else it is must not take the other interfaces along.
      log(`${link.name}: cannot be used: ${(error as Error).message}`);
    }
  }

  #remove(index: number): void {
    const gone = this.#interfaces.get(index);
    if (gone === undefined) return;
    gone.close();
    this.#options.wifi?.remove(index);
    this.#interfaces.delete(index);
    this.#options.log(`${gone.link.name}: removed`);
    this.#publishSoon();
  }

  /** Once after all events that have come together. */
  #publishSoon(): void {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    setImmediate(() => {
      this.#isPublishing = false;
      this.#publish();
    });
  }

  #publish(): void {
    const sorted = [...this.#interfaces.values()].sort((a, b) => a.metric - b.metric);
    const addresses = this.#addressesByLink();
    const interfaces = sorted.map((each) => each.status(addresses.get(each.link.index) ?? []));
    const { wifi } = this.#options;
    const status: NetStatus = {
      formatVersion: 1,
      hostname: this.#options.hostname,
      mdnsName: this.#mdnsName,
      online: sorted.some((each, index) => isOnline(interfaces[index]!, each.isIpv4Expected)),
      interfaces,
      ...(wifi && { wifi: { country: wifi.country, problem: wifi.problem } }),
    };
    this.#attempt(() => this.#writeStatus(status));
    this.#attempt(() => this.#writeResolvConf(interfaces));
    // Others hear of the change after resolv.conf is written: who hears of a network looks names up in it.
    this.#options.onChange?.(status);
    clearTimeout(this.#publishTimer);
    const nextMs = Math.min(...sorted.map((each) => each.nextChangeMs));
    if (nextMs === Infinity) return;
    const delayMs = Math.min(Math.ceil(Math.max(0, nextMs - monotonicMs())), MAX_TIMER_MS);
    this.#publishTimer = setTimeout(() => this.#publishSoon(), delayMs);
  }

  #addressesByLink(): Map<number, string[]> {
    const found = new Map<number, string[]>();
    for (const message of this.#netlink.dump(NETLINK_TYPE.getAddress, encodeDumpRequest('any'))) {
      const entry = decodeLinkAddress(message.payload);
      if (entry === undefined || entry.isTentative) continue;
      const text = entry.family === 'ipv4' ? ipv4FromBytes(entry.address) : formatIpv6(entry.address);
      const list = found.get(entry.linkIndex) ?? [];
      found.set(entry.linkIndex, [...list, `${text}/${entry.prefixLength}`]);
    }
    return found;
  }

  #writeStatus(status: NetStatus): void {
    const text = `${JSON.stringify(status, null, 2)}\n`;
    if (text === this.#published) return;
    replaceFile(this.#options.paths.status, text);
    this.#published = text;
  }

  #writeResolvConf(interfaces: readonly InterfaceStatus[]): void {
    // Servers behind a pulled cable come last: they may be reachable another way.
    const preferred = interfaces.filter(({ carrier }) => carrier);
    const text = formatResolvConf([...preferred, ...interfaces.filter(({ carrier }) => !carrier)]);
    if (text === this.#publishedResolvConf) return;
    const isOurs = writeResolvConf(this.#options.paths.resolvConf, text);
    if (!isOurs) this.#options.log('resolv.conf belongs to another program; leaving it alone');
    this.#publishedResolvConf = text;
  }

  /** A full /run must not cost the network. */
  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#options.log((error as Error).message);
    }
  }
}
