// What /sys and /proc know of a network interface beyond netlink: whether it is wired hardware, and its IPv6 switches.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * `wired`: a port with a cable, which belongs to a device; bridges, VLANs, tunnels and loopback do not. `radio`: 802.11.
 * undefined: neither.
 */
export function hardwareKind(name: string): 'wired' | 'radio' | undefined {
  const directory = `/sys/class/net/${name}`;
  if (existsSync(`${directory}/wireless`) || existsSync(`${directory}/phy80211`)) return 'radio';
  return existsSync(`${directory}/device`) ? 'wired' : undefined;
}

/** The kernel's number of an interface; undefined when there is none of that name (any more). */
export function linkIndexOf(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Kernel address configuration (SLAAC) on or off. Without IPv6 in the kernel there is nothing to set. */
export function configureIpv6(name: string, options: { enabled: boolean; metric: number }): void {
  setIpv6(name, 'disable_ipv6', options.enabled ? '0' : '1');
  if (!options.enabled) return;
  setIpv6(name, 'autoconf', '1');
  // 2 rather than 1: also when an app turned forwarding on, as VPNs do.
  setIpv6(name, 'accept_ra', '2');
  setIpv6(name, 'ra_defrtr_metric', String(options.metric));
}

/** The kernel tells the neighbours about IPv4 addresses when they are set and when the cable is plugged in. */
export function announceAddresses(name: string): void {
  writeSwitch(`/proc/sys/net/ipv4/conf/${name}/arp_notify`, '1');
}

/** Routes over an interface without carrier are passed over, so that traffic moves to another one at once. */
export function ignoreRoutesWithoutCarrier(): void {
  for (const family of ['ipv4', 'ipv6']) {
    for (const scope of ['all', 'default']) {
      writeSwitch(`/proc/sys/net/${family}/conf/${scope}/ignore_routes_with_linkdown`, '1');
    }
  }
}

/**
 * ARP says of an interface what is its own. Linux otherwise answers for all addresses of the device on every interface, and
 * asks in the name of any: with two cables to one switch one looks like a host that has taken the other's address, and
 * answers for one (of the DHCP server, for example) arrive at the other.
 */
export function keepArpPerInterface(): void {
  // The greater one of `all` and an interface's own value counts.
  writeSwitch('/proc/sys/net/ipv4/conf/all/arp_ignore', '1');
  writeSwitch('/proc/sys/net/ipv4/conf/all/arp_announce', '2');
}

function setIpv6(name: string, key: string, value: string): void {
  writeSwitch(`/proc/sys/net/ipv6/conf/${name}/${key}`, value);
}

function writeSwitch(path: string, value: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
  } catch (error) {
    // An older kernel, one without IPv6, or an interface that has just gone.
    if (!['ENOENT', 'EACCES', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
