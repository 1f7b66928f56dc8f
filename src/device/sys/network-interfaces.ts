// What /sys and /proc know of a network interface beyond netlink: whether it is wired hardware, and its IPv6 switches.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** A port with a cable: it belongs to a device (bridges, VLANs, tunnels and loopback do not) and is no radio. */
export function isWiredHardware(name: string): boolean {
  const directory = `/sys/class/net/${name}`;
  if (!existsSync(`${directory}/device`)) return false;
  return !existsSync(`${directory}/wireless`) && !existsSync(`${directory}/phy80211`);
}

/** Kernel address configuration (SLAAC) on or off. Without IPv6 in the kernel there is nothing to set. */
export function configureIpv6(name: string, options: { enabled: boolean; metric: number }): void {
  setSwitch(name, 'disable_ipv6', options.enabled ? '0' : '1');
  if (!options.enabled) return;
  setSwitch(name, 'autoconf', '1');
  // 2 rather than 1: also when an app turned forwarding on, as VPNs do.
  setSwitch(name, 'accept_ra', '2');
  setSwitch(name, 'ra_defrtr_metric', String(options.metric));
}

/** Routes over an interface without carrier are passed over, so that traffic moves to another one at once. */
export function ignoreRoutesWithoutCarrier(): void {
  for (const family of ['ipv4', 'ipv6']) {
    for (const scope of ['all', 'default']) {
      writeSwitch(`/proc/sys/net/${family}/conf/${scope}/ignore_routes_with_linkdown`, '1');
    }
  }
}

function setSwitch(name: string, key: string, value: string): void {
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
