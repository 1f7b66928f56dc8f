// One interface that is ours to configure: switched on, given its addresses as the configuration says as soon as it has a
// link, by cable or radio, and described for the status file. DHCP itself is in dhcp/, who joins networks in wifi/.

import { formatMac } from '../../formats/mac-address.ts';
import { encodeLinkChange, type Link, NETLINK_TYPE, type RouterDns } from '../../formats/netlink-message.ts';
import type { InterfaceConfig } from '../../shared/network/network-config.ts';
import type { DhcpStatus, InterfaceStatus } from '../../shared/network/net-status.ts';
import { announceAddresses, configureIpv6 } from '../sys/network-interfaces.ts';
import type { NetlinkSocket } from '../sys/netlink-socket.ts';
import { DhcpClient } from './dhcp/client.ts';
import { sameLeaseSettings } from './dhcp/lease.ts';
import { type ActiveLease, type DhcpMachine, expiresMs } from './dhcp/state.ts';
import { describeLease, type Ipv4Settings, settingsOfLease, settingsOfStatic } from './ipv4-settings.ts';
import { Ipv4Setup } from './ipv4-setup.ts';
import type { LeaseStore } from './lease-store.ts';
import { hasRoutedIpv6 } from './online.ts';
import { RouterDnsList } from './router-dns.ts';
import { RouterSearch } from './router-search.ts';
import { monotonicMs } from '../monotonic.ts';
import type { Radio } from './wifi/radio.ts';

export interface InterfaceContext {
  netlink: NetlinkSocket;
  leases: LeaseStore;
  hostname: string;
  /** Something that the status file shows has changed. */
  onChange: () => void;
  log: (text: string) => void;
}

const BASE_METRIC = 100;
/** A cable wins, whichever interface came first. */
const RADIO_METRIC = 600;
const SILENT_AFTER_ATTEMPTS = 4;
/** After three seconds; servers that answer at all have done so by then. */
const NOT_EXPECTED_AFTER_ATTEMPTS = 3;

export class NetworkInterface {
  readonly metric: number;
  readonly #context: InterfaceContext;
  readonly #config: InterfaceConfig;
  readonly #setup: Ipv4Setup;
  readonly #routerDns: RouterDnsList;
  readonly #routerSearch = new RouterSearch();
  readonly #dhcp: DhcpClient | null;
  readonly #radio: Radio | undefined;
  #link: Link;
  #machine: DhcpMachine | null = null;
  #configured: ActiveLease | null = null;
  /** Since it has a link. */
  #hasWaitedForDhcp = false;
  /** By act: what failed when it was last tried. */
  readonly #failures = new Map<string, string>();

  /** `radio`: what joins networks with it; absent where it has a cable. */
  constructor(link: Link, config: InterfaceConfig, context: InterfaceContext, radio?: Radio) {
    this.#link = { ...link, isUp: false, hasCarrier: false };
    this.#config = config;
    this.#context = context;
    this.#radio = radio;
    const base = radio === undefined ? BASE_METRIC : RADIO_METRIC;
    this.metric = ('metric' in config ? config.metric : undefined) ?? base + link.index;
    this.#setup = new Ipv4Setup(context.netlink, link);
    this.#routerDns = new RouterDnsList(link.name);
    this.#dhcp = config.ipv4 === 'dhcp' ? this.#createDhcpClient() : null;
    this.#attempt('configure IPv6', () =>
      configureIpv6(link.name, { enabled: config.ipv4 !== 'off', metric: this.metric }),
    );
    if (config.ipv4 === 'off') this.#configure(null);
    this.update(link);
  }

  get link(): Link {
    return this.#link;
  }

  /** The kernel's newest view of the link. */
  update(link: Link): void {
    const previous = this.#link;
    this.#link = link;
    const wanted = this.#config.ipv4 !== 'off';
    if (link.isUp !== wanted) {
      this.#attempt(`switch ${wanted ? 'on' : 'off'}`, () =>
        this.#context.netlink.change(NETLINK_TYPE.setLink, 0, encodeLinkChange(link.index, { up: wanted })),
      );
    }
    if (!link.isUp && previous.isUp) this.#setup.routesAreGone();
    if (link.isUp && !previous.isUp) this.#onUp();
    if (link.hasCarrier !== previous.hasCarrier) this.#onCarrier(link.hasCarrier);
    this.#context.onChange();
  }

  /**
   * It is in another network than before. The kernel folds events of a carrier that is gone for a moment, and keeps the IPv6
   * addresses of the network before in any case, until they expire.
   */
  forgetNetwork(): void {
    this.#attempt('leave the IPv6 addresses of the network before', () => {
      for (const enabled of [false, true]) configureIpv6(this.#link.name, { enabled, metric: this.metric });
    });
    if (!this.#link.hasCarrier) return;
    this.#onCarrier(false);
    this.#onCarrier(true);
    this.#context.onChange();
  }

  addRouterDns(announced: RouterDns): void {
    this.#routerDns.add(announced, monotonicMs());
    this.#context.onChange();
  }

  /** When the status changes without an event. */
  get nextChangeMs(): number {
    return this.#routerDns.nextEndMs();
  }

  /** An IPv4 address may still come by DHCP, and soon. */
  get isIpv4Expected(): boolean {
    return this.#dhcp !== null && this.#configured === null && !this.#hasWaitedForDhcp;
  }

  status(addresses: readonly string[]): InterfaceStatus {
    const { ipv4 } = this.#config;
    const lease = this.#machine?.active?.lease;
    const hasOnlyIpv6 = this.#isDhcpSilent() && hasRoutedIpv6(addresses);
    const fixed = this.#config.ipv4 === 'static' ? this.#config : undefined;
    const nowMs = monotonicMs();
    const fixedDns = 'dns' in this.#config ? this.#config.dns : undefined;
    return {
      name: this.#link.name,
      mac: formatMac(this.#link.mac),
      carrier: this.#link.hasCarrier,
      ipv4,
      addresses,
      dhcp: this.#machine === null ? null : dhcpStatus(this.#machine, nowMs),
      gateways: lease?.routers ?? (fixed?.gateway === undefined ? [] : [fixed.gateway]),
      dns: fixedDns ?? [...(lease?.dns ?? []), ...this.#routerDns.servers(nowMs)],
      search: fixed?.search ?? [...(lease?.search ?? []), ...this.#routerDns.search(nowMs)],
      ntpServers: lease?.ntpServers ?? [],
      ...(this.#radio && { wifi: this.#radio.status() }),
      problem: [...this.#failures.values()][0] ?? this.#dhcpProblem(hasOnlyIpv6),
      notes: [
        ...(lease?.notes ?? []),
        ...(hasOnlyIpv6 ? ['No DHCP server answers: the network has IPv6 alone'] : []),
      ],
    };
  }

  /** The interface is gone, and with it all that it had. */
  close(): void {
    this.#dhcp?.close();
    this.#routerSearch.stop();
  }

  get #ref(): { index: number; metric: number } {
    return { index: this.#link.index, metric: this.metric };
  }

  #createDhcpClient(): DhcpClient {
    const { index, name, mac } = this.#link;
    const { leases, hostname } = this.#context;
    const key = formatMac(mac);
    return new DhcpClient({
      link: { index, name },
      identity: { mac, hostname },
      readLastAddress: () => leases.readAddress(key),
      onChange: (machine) => this.#onDhcpChange(machine),
      remember: (lease) => leases.write(key, lease),
      log: (text) => this.#log(text),
    });
  }

  /** Switched on by us, or again after someone switched it off. */
  #onUp(): void {
    const config = this.#config;
    if (config.ipv4 === 'dhcp' && this.#configured !== null) this.#configure(this.#configured);
    if (config.ipv4 !== 'static') return;
    this.#attempt(`use the address ${config.address}`, () => {
      announceAddresses(this.#link.name);
      this.#setup.apply(settingsOfStatic(config, this.#ref));
      const router = config.gateway === undefined ? '' : `, router ${config.gateway}`;
      this.#log(`${config.address}${router}, static`);
    });
  }

  #onCarrier(hasCarrier: boolean): void {
    if (this.#config.ipv4 === 'off') return;
    // Of a radio its network is told, by name.
    if (this.#radio === undefined) this.#log(hasCarrier ? 'cable plugged in' : 'no cable');
    this.#routerDns.clear();
    this.#hasWaitedForDhcp = false;
    this.#dhcp?.setCarrier(hasCarrier);
    if (hasCarrier) this.#routerSearch.start(this.#link);
    else this.#routerSearch.stop();
  }

  #onDhcpChange(machine: DhcpMachine): void {
    const previous = this.#configured;
    this.#machine = machine;
    this.#hasWaitedForDhcp ||=
      machine.state === 'selecting' && machine.attempt >= NOT_EXPECTED_AFTER_ATTEMPTS;
    this.#context.onChange();
    // While REBOOTING an address of an earlier run may stay as it is: the next answer decides.
    const isUndecided = machine.state === 'rebooting' || machine.state === 'no-carrier';
    if (machine.active === previous && (previous !== null || isUndecided)) return;
    this.#configured = machine.active;
    this.#configure(machine.active);
    if (machine.active === null) return;
    const { lease } = machine.active;
    if (previous === null || !sameLeaseSettings(previous.lease, lease)) this.#log(describeLease(lease));
    const known = previous?.lease.notes ?? [];
    for (const note of lease.notes.filter((each) => !known.includes(each)))
      this.#log(note.replace(/^The/, 'the'));
  }

  #configure(active: ActiveLease | null): void {
    this.#attempt('configure IPv4', () =>
      this.#setup.apply(active === null ? null : this.#settingsOf(active)),
    );
  }

  #settingsOf(active: ActiveLease): Ipv4Settings {
    const endMs = expiresMs(active);
    const validSec = endMs === null ? null : (endMs - monotonicMs()) / 1000;
    return settingsOfLease(active.lease, validSec, this.#ref);
  }

  #isDhcpSilent(): boolean {
    const machine = this.#machine;
    if (machine?.state !== 'selecting' || machine.complaint !== null) return false;
    return machine.attempt >= SILENT_AFTER_ATTEMPTS;
  }

  #dhcpProblem(hasOnlyIpv6: boolean): string | null {
    if (!this.#link.hasCarrier) return this.#config.ipv4 === 'off' ? null : this.#linkProblem();
    const machine = this.#machine;
    if (machine?.state === 'waiting') return 'The last address was refused or is used by another device';
    if (machine !== null && machine.active === null && machine.complaint !== null) return machine.complaint;
    return this.#isDhcpSilent() && !hasOnlyIpv6 ? 'No DHCP server answers' : null;
  }

  #linkProblem(): string | null {
    return this.#radio === undefined ? 'No cable is plugged in' : this.#radio.problem;
  }

  #attempt(act: string, change: () => void): void {
    try {
      change();
      this.#failures.delete(act);
    } catch (error) {
      this.#failures.set(act, `Cannot ${act}: ${(error as Error).message}`);
      this.#log(`cannot ${act}: ${(error as Error).message}`);
    }
  }

  #log(text: string): void {
    this.#context.log(`${this.#link.name}: ${text}`);
  }
}

function dhcpStatus(machine: DhcpMachine, nowMs: number): DhcpStatus {
  if (machine.active === null) return { state: machine.state, lease: null };
  const { lease, obtainedMs } = machine.active;
  // Whole seconds, lest the file changes with every rounding error.
  const obtainedAtMs = Math.round((Date.now() - (nowMs - obtainedMs)) / 1000) * 1000;
  const after = (seconds: number | null): number | null =>
    seconds === null ? null : obtainedAtMs + seconds * 1000;
  return {
    state: machine.state,
    lease: {
      server: lease.server,
      obtainedAtMs,
      renewAtMs: after(lease.renewSec),
      expiresAtMs: after(lease.leaseSec),
      leaseSec: lease.leaseSec,
    },
  };
}
