// DNS servers and search domains that IPv6 routers announce (RFC 8106), each as long as its lifetime says.

import { formatIpv6, isLinkLocalIpv6 } from '../../formats/ipv6-address.ts';
import { domainNames } from '../../formats/dhcp-options.ts';
import type { RouterDns } from '../../formats/netlink-message.ts';

const FOREVER = 0xffff_ffff;
/** RFC 8106 section 5.3.1 asks for a limit against floods; resolvers take three servers. */
const MAX_ENTRIES = 8;

export class RouterDnsList {
  readonly #interfaceName: string;
  /** When each entry ends. */
  readonly #servers = new Map<string, number>();
  readonly #search = new Map<string, number>();

  constructor(interfaceName: string) {
    this.#interfaceName = interfaceName;
  }

  /** Router advertisements belong to a link as it was plugged in. */
  clear(): void {
    this.#servers.clear();
    this.#search.clear();
  }

  add({ servers, search, lifetimeSec }: RouterDns, nowMs: number): void {
    const endMs = lifetimeSec === FOREVER ? Infinity : nowMs + lifetimeSec * 1000;
    for (const bytes of servers) {
      // A link-local server is found only together with its link.
      const scope = isLinkLocalIpv6(bytes) ? `%${this.#interfaceName}` : '';
      put(this.#servers, `${formatIpv6(bytes)}${scope}`, endMs, nowMs);
    }
    for (const name of domainNames(search)) put(this.#search, name, endMs, nowMs);
  }

  servers(nowMs: number): string[] {
    return valid(this.#servers, nowMs);
  }

  search(nowMs: number): string[] {
    return valid(this.#search, nowMs);
  }

  /** When the next entry ends; Infinity when none does. */
  nextEndMs(): number {
    return Math.min(Infinity, ...this.#servers.values(), ...this.#search.values());
  }
}

function put(entries: Map<string, number>, key: string, endMs: number, nowMs: number): void {
  for (const [other, otherEndMs] of entries) if (otherEndMs <= nowMs) entries.delete(other);
  if (endMs <= nowMs) entries.delete(key);
  else if (entries.has(key) || entries.size < MAX_ENTRIES) entries.set(key, endMs);
}

function valid(entries: Map<string, number>, nowMs: number): string[] {
  for (const [key, endMs] of entries) if (endMs <= nowMs) entries.delete(key);
  return [...entries.keys()];
}
