// Ports of apps: how tskrazy.json names them, which are the device's own, and what that leaves to each app. Pure.

export const PORT_PROTOCOLS = ['tcp', 'udp'] as const;
type PortProtocol = (typeof PORT_PROTOCOLS)[number];

export interface PortRange {
  protocol: PortProtocol;
  first: number;
  last: number;
}

/** In `ports`: all ports from 1024 on that nobody else is configured to have. */
export const ANY_PORT = 'any';
/** Below, a port has to be named: who asks for a well-known one trusts whatever answers there. */
const FIRST_FREE_PORT = 1024;
const LAST_PORT = 65_535;

const PORT_RULE = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?$/;

/** `tcp/8080` or `udp/5000-5010`; a sentence when the text is something else. */
export function parsePortRule(text: string): PortRange | string {
  const [, protocol, firstText, lastText = firstText] = PORT_RULE.exec(text) ?? [];
  if (protocol === undefined)
    return 'must be "any", or a protocol and a port such as "tcp/8080", "udp/5353" or "tcp/8000-8010"';
  const [first, last] = [Number(firstText), Number(lastText)];
  if (first < 1 || last < 1 || first > LAST_PORT || last > LAST_PORT)
    return 'must have ports from 1 to 65535';
  if (first > last) return `must have the lower port first: "${protocol}/${last}-${first}"`;
  return { protocol: protocol as PortProtocol, first, last };
}

export function formatPortRange({ protocol, first, last }: PortRange): string {
  return first === last ? `${protocol}/${first}` : `${protocol}/${first}-${last}`;
}

interface OwnPort extends PortRange {
  /** Who has it, as part of a sentence. */
  owner: string;
  /** Whether an app may have it as well, if it names it. */
  isShared?: boolean;
}

/** Besides those of `listen`, which are data of the services. */
const OWN_PORTS: readonly OwnPort[] = [
  { protocol: 'udp', first: 68, last: 68, owner: "the device's DHCP client" },
  // All of a host that speak multicast DNS have this one (RFC 6762, section 15.1).
  { protocol: 'udp', first: 5353, last: 5353, owner: "the device's name HOSTNAME.local", isShared: true },
];

/** What no app has, unless it is shared and named: the table, and what services are handed, which is all of the page. */
export function ownPorts(services: readonly { listen?: readonly { port: number }[] }[]): readonly OwnPort[] {
  const ofPage = services
    .flatMap(({ listen = [] }) => listen)
    .map(({ port }) => ({ protocol: 'tcp', first: port, last: port, owner: "the device's page" }) as const);
  return [...ofPage, ...OWN_PORTS];
}

export function overlaps(one: PortRange, other: PortRange): boolean {
  return one.protocol === other.protocol && one.first <= other.last && other.first <= one.last;
}

/** Ports that a list of rules names; absent rules are those of an app that says nothing. */
export function namedPorts(rules: readonly string[] = [ANY_PORT]): PortRange[] {
  return rules.map(parsePortRule).filter((range) => typeof range !== 'string');
}

/**
 * What an app may listen on, in order and without overlaps: what it names, and with `any` what is left of the free ones
 * when everybody has theirs. `taken`: the device's own ports, and what the other apps name.
 */
export function allowedPorts(rules: readonly string[] | undefined, taken: readonly PortRange[]): PortRange[] {
  const named = namedPorts(rules);
  const isAny = rules === undefined || rules.includes(ANY_PORT);
  return PORT_PROTOCOLS.flatMap((protocol) => {
    const free = { protocol, first: FIRST_FREE_PORT, last: LAST_PORT };
    const left = isAny ? taken.reduce((ranges, range) => ranges.flatMap(without(range)), [free]) : [];
    return merge([...left, ...named.filter((range) => range.protocol === protocol)]);
  });
}

function without(taken: PortRange): (range: PortRange) => PortRange[] {
  return (range) => {
    if (!overlaps(range, taken)) return [range];
    const below = { ...range, last: taken.first - 1 };
    const above = { ...range, first: taken.last + 1 };
    return [below, above].filter(({ first, last }) => first <= last);
  };
}

/** Of one protocol. */
function merge(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of ranges.toSorted((one, other) => one.first - other.first)) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1)
      before.last = Math.max(before.last, range.last);
    else merged.push({ ...range });
  }
  return merged;
}
