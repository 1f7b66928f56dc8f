// What the log of an app says when the kernel has refused it something in the network. Pure.

import {
  formatPortRange,
  namedPorts,
  ownPorts,
  overlaps,
  type PortRange,
} from '../../../../shared/network/ports.ts';
import type { ServiceSpec } from '../../../../shared/services/services.ts';
import type { NetworkRefusal } from './refusals.ts';

/** `services`: all that there are, the app among them. */
export function describeRefusal(
  { act, protocol, port, address }: NetworkRefusal,
  { name, network = 'full' }: ServiceSpec,
  services: readonly ServiceSpec[],
): string {
  const where = `${protocol.toUpperCase()} port ${port}`;
  if (act === 'send')
    return `was not let to ${address ?? ''}, ${where}: "network" of this app is "${network}"`;
  if (network === 'outbound') return `was not let listen on ${where}: "network" of this app is "outbound"`;
  const range = { protocol, first: port, last: port };
  const owner = ownerOf(range, name, services);
  return owner === undefined
    ? `was not let listen on ${where}: give it "ports": ["${formatPortRange(range)}"] in tskrazy.json`
    : `was not let listen on ${where}, which is that of ${owner}`;
}

/** What several may share is nobody's. */
function ownerOf(port: PortRange, app: string, services: readonly ServiceSpec[]): string | undefined {
  const own = ownPorts(services).filter((range) => overlaps(range, port));
  if (own.length > 0) return own.find(({ isShared }) => isShared !== true)?.owner;
  const other = services.find(
    ({ name, ports }) => name !== app && namedPorts(ports).some((range) => overlaps(range, port)),
  );
  return other && `app "${other.name}"`;
}
