// Brings one interface's IPv4 addresses and routes to what they should be, by netlink, changing only what differs.

import { constants } from 'node:os';
import { broadcastOf, formatIpv4Prefix, ipv4FromBytes, type Ipv4Prefix } from '../../formats/ipv4-address.ts';
import {
  decodeLinkAddress,
  encodeDumpRequest,
  encodeIpv4Address,
  encodeIpv4AddressKey,
  encodeIpv4Route,
  encodeLinkChange,
  type Ipv4Route,
  NETLINK_FLAG,
  NETLINK_TYPE,
} from '../../formats/netlink-message.ts';
import type { NetlinkSocket } from '../sys/netlink-socket.ts';
import type { Ipv4Settings } from './ipv4-settings.ts';

const ETHERNET_MTU = 1500;
/** What deleting may answer when the kernel was faster: the lease ran out, the interface went down or away. */
const GONE = [constants.errno.EADDRNOTAVAIL, constants.errno.ESRCH, constants.errno.ENODEV];

export class Ipv4Setup {
  readonly #netlink: NetlinkSocket;
  readonly #linkIndex: number;
  readonly #defaultMtu: number;
  #mtu: number;
  #applied: Ipv4Settings | null = null;
  #isFirst = true;

  constructor(netlink: NetlinkSocket, link: { index: number; mtu: number; maxMtu: number }) {
    this.#netlink = netlink;
    this.#linkIndex = link.index;
    // An earlier run of this program may have left the interface with less, as a server of then had asked.
    this.#defaultMtu = Math.max(link.mtu, Math.min(ETHERNET_MTU, link.maxMtu));
    this.#mtu = link.mtu;
  }

  /** Null: no address. Throws when the kernel refuses; the next call tries again from what was reached. */
  apply(wanted: Ipv4Settings | null): void {
    // Addresses of an earlier run of this program, which may have ended without cleaning up.
    if (this.#isFirst) this.#removeAllBut(wanted);
    this.#isFirst = false;
    const previous = this.#applied;
    const isSameAddress =
      previous !== null && wanted !== null && formatIpv4Prefix(previous) === formatIpv4Prefix(wanted);
    // Routes through it go with an address.
    if (previous !== null && !isSameAddress) {
      this.#removeAddress(previous);
      this.#applied = null;
    }
    try {
      if (wanted !== null) this.#applySettings(wanted, isSameAddress ? previous.routes : []);
    } finally {
      // Last, as the least: some drivers refuse it while the interface is up.
      this.#applyMtu(wanted?.mtu ?? this.#defaultMtu);
    }
  }

  /** The interface was switched off: the kernel keeps its addresses and drops the routes. */
  routesAreGone(): void {
    if (this.#applied !== null) this.#applied = { ...this.#applied, routes: [] };
  }

  #applySettings(wanted: Ipv4Settings, kept: readonly Ipv4Route[]): void {
    this.#addAddress(wanted);
    // The address is ours to remove from here on, whatever becomes of the routes.
    this.#applied = { ...wanted, routes: kept };
    if (JSON.stringify(kept) === JSON.stringify(wanted.routes)) return;
    this.#removeRoutes(kept, wanted.address);
    this.#applied = { ...wanted, routes: [] };
    this.#addRoutes(wanted);
    this.#applied = wanted;
  }

  #addAddress({ address, prefixLength, metric, validSec }: Ipv4Settings): void {
    const payload = encodeIpv4Address({
      linkIndex: this.#linkIndex,
      address,
      prefixLength,
      metric,
      ...(prefixLength < 31 ? { broadcast: broadcastOf({ address, prefixLength }) } : {}),
      ...(validSec === null ? {} : { validSec: Math.max(1, Math.ceil(validSec)) }),
    });
    this.#netlink.change(NETLINK_TYPE.newAddress, NETLINK_FLAG.create | NETLINK_FLAG.replace, payload);
  }

  #removeAddress({ address, prefixLength }: Ipv4Prefix): void {
    const payload = encodeIpv4AddressKey(this.#linkIndex, address, prefixLength);
    ignoring(GONE, () => this.#netlink.change(NETLINK_TYPE.delAddress, 0, payload));
  }

  /** One route that the kernel does not like must not cost the others. */
  #addRoutes({ routes, address }: Ipv4Settings): void {
    const errors: unknown[] = [];
    for (const route of routes) {
      const payload = encodeIpv4Route(route, address);
      // Appending keeps the order of routes to one destination, which is the order of preference.
      const how = route.origin === 'kernel' ? NETLINK_FLAG.replace : NETLINK_FLAG.append;
      try {
        ignoring([constants.errno.EEXIST], () =>
          this.#netlink.change(NETLINK_TYPE.newRoute, NETLINK_FLAG.create | how, payload),
        );
      } catch (error) {
        const { destination, prefixLength, gateway = 'the link' } = route;
        const text = `the route to ${destination}/${prefixLength} through ${gateway} was refused`;
        errors.push(new Error(`${text}: ${(error as Error).message}`, { cause: error }));
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #removeRoutes(routes: readonly Ipv4Route[], address: string): void {
    for (const route of routes) {
      ignoring(GONE, () => {
        if (route.origin === 'kernel') this.#restoreRoute(route, address);
        else this.#netlink.change(NETLINK_TYPE.delRoute, 0, encodeIpv4Route(route));
      });
    }
  }

  /** As the kernel made it: it goes with its address, not before. */
  #restoreRoute({ mtu: _mtu, ...route }: Ipv4Route, address: string): void {
    const payload = encodeIpv4Route(route, address);
    this.#netlink.change(NETLINK_TYPE.newRoute, NETLINK_FLAG.create | NETLINK_FLAG.replace, payload);
  }

  #applyMtu(wanted: number): void {
    // A server can only ask for less than what the hardware does.
    const mtu = Math.min(wanted, this.#defaultMtu);
    if (mtu === this.#mtu) return;
    try {
      this.#netlink.change(NETLINK_TYPE.setLink, 0, encodeLinkChange(this.#linkIndex, { mtu }));
    } catch (error) {
      throw new Error(`the MTU of ${mtu} bytes was refused: ${(error as Error).message}`, { cause: error });
    }
    this.#mtu = mtu;
  }

  #removeAllBut(wanted: Ipv4Settings | null): void {
    for (const message of this.#netlink.dump(NETLINK_TYPE.getAddress, encodeDumpRequest('ipv4'))) {
      const found = decodeLinkAddress(message.payload);
      if (found?.family !== 'ipv4' || found.linkIndex !== this.#linkIndex) continue;
      const prefix = { address: ipv4FromBytes(found.address), prefixLength: found.prefixLength };
      if (wanted === null || formatIpv4Prefix(prefix) !== formatIpv4Prefix(wanted))
        this.#removeAddress(prefix);
    }
  }
}

function ignoring(errnos: readonly number[], change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!errnos.includes(-((error as NodeJS.ErrnoException).errno ?? 0))) throw error;
  }
}
