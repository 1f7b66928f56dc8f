// Multicast DNS on all links of the device: one name, claimed on each of them; the next free one (`garden-2.local`)
// everywhere when it is taken somewhere.

import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from '../../../formats/dns-message.ts';
import type { InterfaceStatus, NetStatus } from '../../../shared/network/net-status.ts';
import { type MulticastGroup, MulticastSocket, type Peer } from '../../sys/multicast-socket.ts';
import { isOnLink } from './on-link.ts';
import { hostName, type ServiceAdvert } from './own-records.ts';
import { Responder } from './responder.ts';
import { monotonicMs } from '../../monotonic.ts';

export interface MdnsOptions {
  hostname: string;
  services: readonly ServiceAdvert[];
  /** The kernel's number of an interface; undefined when it has just gone. */
  linkIndexOf: (name: string) => number | undefined;
  /** Null while it is being claimed. */
  onName: (name: string | null) => void;
  log: (text: string) => void;
}

const PORT = 5353;
const GROUPS: readonly MulticastGroup[] = [
  { family: 'ipv4', address: '224.0.0.251', port: PORT },
  { family: 'ipv6', address: 'ff02::fb', port: PORT },
];
/** RFC 6762 section 8.1. */
const MAX_FIRST_DELAY_MS = 250;
const CONFLICT_LIMIT = { count: 15, withinMs: 10_000, delayMs: 5000 };
const MAX_LABEL_LENGTH = 63;

interface LinkResponder {
  linkIndex: number;
  addresses: readonly string[];
  responder: Responder<Peer>;
  sockets: ReadonlyMap<MulticastGroup['family'], MulticastSocket>;
}

export class Mdns {
  readonly #options: MdnsOptions;
  readonly #baseLabel: string;
  readonly #links = new Map<string, LinkResponder>();
  /** What has failed on a link, so that it is told once. */
  readonly #failures = new Map<string, string>();
  #number = 1;
  #conflictsMs: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #name: string | null = null;
  #toldName = '';

  constructor(options: MdnsOptions) {
    this.#options = options;
    this.#baseLabel = options.hostname.split('.')[0] ?? options.hostname;
  }

  /** Called after every change. */
  setNetwork({ interfaces }: NetStatus): void {
    const usable = new Map(
      interfaces.filter((each) => each.carrier && each.addresses.length > 0).map((each) => [each.name, each]),
    );
    for (const [name, { linkIndex }] of this.#links) {
      if (!usable.has(name) || this.#options.linkIndexOf(name) !== linkIndex) this.#close(name);
    }
    // Another network, maybe: there the name may be free.
    if (this.#links.size === 0) this.#number = 1;
    for (const each of usable.values()) this.#update(each);
    this.#tellName();
    this.#schedule();
  }

  /** Tells everybody that the device goes. */
  stop(): void {
    for (const { responder } of this.#links.values()) responder.stop();
    for (const name of this.#links.keys()) this.#close(name);
    clearTimeout(this.#timer);
  }

  get #label(): string {
    if (this.#number === 1) return this.#baseLabel;
    const suffix = `-${this.#number}`;
    return `${this.#baseLabel.slice(0, MAX_LABEL_LENGTH - suffix.length)}${suffix}`;
  }

  #update({ name, addresses: withPrefix }: InterfaceStatus): void {
    const addresses = withPrefix.toSorted();
    const known = this.#links.get(name);
    if (known === undefined) return this.#open(name, addresses);
    if (JSON.stringify(known.addresses) === JSON.stringify(addresses)) return undefined;
    const isNewFamily = GROUPS.some(
      ({ family }) => hasFamily(addresses, family) && !hasFamily(known.addresses, family),
    );
    known.addresses = addresses;
    // Nobody was asked by IPv4 yet, or by IPv6.
    if (isNewFamily) return this.#start(known);
    return known.responder.setAddresses(withoutPrefix(addresses), monotonicMs());
  }

  #open(name: string, addresses: readonly string[]): void {
    const linkIndex = this.#options.linkIndexOf(name);
    if (linkIndex === undefined) return;
    const sockets = new Map<MulticastGroup['family'], MulticastSocket>();
    const responder = new Responder<Peer>({
      send: (message, to) => this.#send(name, message, to),
      isOwnAddress: (address) =>
        [...this.#links.values()].some((link) => withoutPrefix(link.addresses).includes(address)),
      onConflict: () => this.#onConflict(name),
      onSettled: () => this.#tellName(),
      random: Math.random,
    });
    const link: LinkResponder = { linkIndex, addresses, responder, sockets };
    this.#links.set(name, link);
    for (const group of GROUPS) {
      this.#attempt(`${name} ${group.family}`, () => {
        const socket = new MulticastSocket({ name, index: linkIndex }, group);
        sockets.set(group.family, socket);
        socket.listen((bytes, from, isToGroup) => {
          // Whoever uses the group is on the link, whatever addresses it has (section 11): they may be wrong, here or there.
          if (isToGroup || isOnLink(from.address, link.addresses)) this.#onMessage(link, bytes, from);
        });
      });
    }
    this.#start(link);
  }

  #close(name: string): void {
    for (const socket of this.#links.get(name)?.sockets.values() ?? []) socket.close();
    this.#links.delete(name);
  }

  #start({ responder, addresses }: LinkResponder): void {
    const nowMs = monotonicMs();
    this.#conflictsMs = this.#conflictsMs.filter((atMs) => atMs > nowMs - CONFLICT_LIMIT.withinMs);
    const isStorm = this.#conflictsMs.length >= CONFLICT_LIMIT.count;
    const delayMs = isStorm ? CONFLICT_LIMIT.delayMs : Math.random() * MAX_FIRST_DELAY_MS;
    const { services } = this.#options;
    responder.start({ label: this.#label, addresses: withoutPrefix(addresses), services }, nowMs + delayMs);
  }

  #onConflict(linkName: string): void {
    const taken = hostName(this.#label);
    this.#conflictsMs.push(monotonicMs());
    this.#number++;
    this.#options.log(`mdns: ${linkName}: ${taken} belongs to another host; trying ${hostName(this.#label)}`);
    for (const link of this.#links.values()) {
      link.responder.stop();
      this.#start(link);
    }
    this.#tellName();
  }

  #onMessage(link: LinkResponder, bytes: Uint8Array, from: Peer): void {
    let message: DnsMessage;
    try {
      message = decodeDnsMessage(bytes);
    } catch {
      return;
    }
    const sender = { peer: from, key: `${from.address} ${from.port}`, isLegacy: from.port !== PORT };
    // A response from elsewhere is a forgery (section 6).
    if (message.isResponse && sender.isLegacy) return;
    link.responder.receive(message, sender, monotonicMs());
    this.#tellName();
    this.#schedule();
  }

  #send(name: string, message: DnsMessage, to?: Peer): void {
    const bytes = encodeDnsMessage(message);
    const link = this.#links.get(name);
    for (const [family, socket] of link?.sockets ?? []) {
      // Linux would send from 0.0.0.0 without an address of the family.
      if (!hasFamily(to === undefined ? (link?.addresses ?? []) : [to.address], family)) continue;
      this.#attempt(`${name} ${family}`, () => socket.send(bytes, to));
    }
  }

  #advance(): void {
    for (const { responder } of this.#links.values()) responder.advance(monotonicMs());
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const nextMs = Math.min(...[...this.#links.values()].map(({ responder }) => responder.nextMs));
    if (nextMs === Infinity) return;
    this.#timer = setTimeout(() => this.#advance(), Math.max(0, Math.ceil(nextMs - monotonicMs())));
  }

  /** Ours as soon as one link has it. */
  #tellName(): void {
    const isOurs = [...this.#links.values()].some(({ responder }) => responder.isSettled);
    const name = isOurs ? hostName(this.#label) : null;
    if (name === this.#name) return;
    this.#name = name;
    if (name !== null && name !== this.#toldName) this.#options.log(`mdns: the device is ${name}`);
    this.#toldName = name ?? this.#toldName;
    this.#options.onName(name);
  }

  #attempt(what: string, act: () => void): void {
    try {
      act();
      this.#failures.delete(what);
    } catch (error) {
      // No address of this family (yet), or the interface goes down at this moment: the next change tries again.
      const { code, message } = error as NodeJS.ErrnoException;
      if (['ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN', 'ENODEV'].includes(code ?? '')) return;
      if (this.#failures.get(what) !== message) this.#options.log(`mdns: ${what}: ${message}`);
      this.#failures.set(what, message);
    }
  }
}

function hasFamily(addresses: readonly string[], family: MulticastGroup['family']): boolean {
  return addresses.some((address) => address.includes(':') === (family === 'ipv6'));
}

/** `10.0.2.15/24` is 10.0.2.15. */
function withoutPrefix(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.replace(/\/.*$/, ''));
}
