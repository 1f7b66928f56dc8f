// Which programs an app's cgroup has, by its `network`. Pure.

import type { PortRange } from '../../../../shared/network/ports.ts';
import type { AppNetwork } from '../../../../shared/services/services.ts';
import type { BpfHook } from '../../../sys/bpf.ts';
import { bindProgram } from './bind-program.ts';
import {
  hidingConnectProgram,
  lanConnectProgram,
  lanPacketProgram,
  noSocketProgram,
  outboundConnectProgram,
  outboundPacketProgram,
} from './reach-programs.ts';
import type { RefusalQueue } from './refusals.ts';

export type Programs = Partial<Record<BpfHook, Uint8Array<ArrayBuffer>>>;

export interface AppRules {
  /** What it may listen on, where its `network` lets it at all. */
  ports: readonly PortRange[];
  isSandboxed: boolean;
  refusals: RefusalQueue;
  /** Maps of prefixes. */
  lan: number;
  local: number;
  everybody: number;
  /** Ports of the device's own that it does not get to: inspectors of other apps. */
  hidden: readonly number[];
  /** That of its own, if it is open. */
  inspector: number | undefined;
}

export const ALL_PORTS: readonly PortRange[] = (['tcp', 'udp'] as const).map((protocol) => ({
  protocol,
  first: 1,
  last: 65_535,
}));

export const APP_PROGRAMS: Readonly<Record<AppNetwork, (rules: AppRules) => Programs>> = {
  full: ({ ports, refusals, local, hidden }) => ({
    ...bindPrograms(ports, refusals),
    ...(hidden.length > 0 && connectPrograms((family) => hidingConnectProgram(family, { local, hidden }))),
  }),

  lan: ({ ports, refusals, lan, local, hidden }) => ({
    ...bindPrograms(ports, refusals),
    ...connectPrograms((family) => lanConnectProgram(family, { lan, local, hidden }, refusals)),
    ingress: lanPacketProgram('ingress', lan),
    egress: lanPacketProgram('egress', lan),
  }),

  outbound: ({ refusals, local, everybody, inspector }) => ({
    ...bindPrograms([], refusals),
    ...connectPrograms((family) => outboundConnectProgram(family, local, refusals)),
    ingress: outboundPacketProgram('ingress', everybody, inspector),
    egress: outboundPacketProgram('egress', everybody, inspector),
  }),

  // A sandbox has a network of its own, all of whose ports are the app's.
  none: ({ isSandboxed, refusals }) =>
    isSandboxed ? bindPrograms(ALL_PORTS, refusals) : { socket: noSocketProgram() },
};

export function bindPrograms(allowed: readonly PortRange[], refusals: RefusalQueue): Programs {
  const instructions = bindProgram(allowed, refusals);
  return { bind4: instructions, bind6: instructions };
}

function connectPrograms(program: (family: 'ipv4' | 'ipv6') => Uint8Array<ArrayBuffer>): Programs {
  const [ipv4, ipv6] = [program('ipv4'), program('ipv6')];
  return { connect4: ipv4, sendmsg4: ipv4, connect6: ipv6, sendmsg6: ipv6 };
}
