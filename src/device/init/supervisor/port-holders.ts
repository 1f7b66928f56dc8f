// Apps that listen on a port which another one is configured to have: an update without a restart of the device may name
// a port that somebody took because it was free. The kernel gives it to nobody else while that process lives.

import { formatPortRange, namedPorts, overlaps, ownPorts } from '../../../shared/network/ports.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import { type ListeningService, listeningSockets, ownersOf } from '../../listening-sockets.ts';
import type { Sys } from '../../sys/sys.ts';

export interface HeldPort {
  holder: string;
  /** Who is to have it. */
  owner: string;
  /** As tskrazy.json names it. */
  port: string;
}

/** `running`: apps as they are; `specs`: what all services are to be. */
export function portHolders(
  sys: Sys,
  running: readonly ListeningService[],
  specs: readonly ServiceSpec[],
): HeldPort[] {
  const shared = ownPorts(specs).filter(({ isShared }) => isShared === true);
  const named = specs.flatMap(({ name, ports }) => namedPorts(ports).map((range) => ({ name, range })));
  if (named.length === 0) return [];
  const places = { proc: sys.path('/proc'), sys: sys.path('/sys') };
  const sockets = listeningSockets(places.proc);
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)), running, places);
  return sockets.flatMap(({ protocol, port, inode }) => {
    const range = { protocol, first: port, last: port };
    const holder = owners.get(inode);
    const owner = named.find((each) => overlaps(each.range, range))?.name;
    if (holder === undefined || owner === undefined || owner === holder) return [];
    return shared.some((each) => overlaps(each, range))
      ? []
      : [{ holder, owner, port: formatPortRange(range) }];
  });
}
