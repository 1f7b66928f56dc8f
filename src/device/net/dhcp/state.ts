// What the DHCP client's machine (machine.ts) remembers, is told and answers; and what follows from its state.

import type { DhcpPacket } from '../../../formats/dhcp-packet.ts';
import type { DhcpStateName } from '../../../shared/network/net-status.ts';
import type { Lease } from './lease.ts';
import type { DhcpIdentity } from './messages.ts';

export interface ActiveLease {
  lease: Lease;
  /** When the request left that the server granted: the lease counts from there. */
  obtainedMs: number;
}

export interface DhcpMachine {
  readonly identity: DhcpIdentity;
  readonly state: DhcpStateName;
  /** The lease to be configured on the interface; it may outlive its state while the cable is out. */
  readonly active: ActiveLease | null;
  /** Asked for again when there is a choice. */
  readonly lastAddress: string | null;
  /** Being asked for: watch for conflicts over it. */
  readonly candidate: Lease | null;
  readonly isCandidateInUse: boolean;
  /** An offer of `avoidedServer`, taken when nobody else offers. */
  readonly heldOffer: Lease | null;
  /** A server that offered an address and then refused it or fell silent. */
  readonly avoidedServer: string | null;
  readonly xid: number;
  /** Start of acquisition or renewal, for `secs`. */
  readonly startedMs: number;
  readonly requestSentMs: number;
  readonly probeSentMs: number;
  /** Sends in this state. */
  readonly attempt: number;
  readonly needsBroadcast: boolean;
  /** NAKs and conflicts since the last success. */
  readonly refusals: number;
  /** What is wrong with the answers that have come since then: a sentence. */
  readonly complaint: string | null;
  readonly lastConflictMs: number | null;
  /** When this state wants a `timer` event. */
  readonly deadlineMs: number | null;
}

export type DhcpEvent =
  /** `storedAddress`: from an earlier run of the program. */
  | { type: 'carrier'; up: boolean; storedAddress: string | null }
  /** `sender`: whom its IP header names. */
  | { type: 'packet'; packet: DhcpPacket; sender?: string }
  /** `claim`: somebody sends from the address. `probe`: somebody asks for it in order to take it. */
  | { type: 'conflict'; kind: 'claim' | 'probe'; mac: string }
  | { type: 'timer' };

export type DhcpAction =
  /** `to: null` is a broadcast from no address. */
  | { type: 'send'; packet: DhcpPacket; to: string | null }
  | { type: 'arp'; kind: 'probe' | 'announce'; address: string }
  /** Null: forget. */
  | { type: 'remember'; lease: Lease | null }
  | { type: 'log'; text: string };

export interface DhcpEnvironment {
  /** Never jumps, unlike the time of day. */
  nowMs: number;
  /** Gives a number in [0, 1). */
  random: () => number;
}

export function createDhcpMachine(identity: DhcpIdentity): DhcpMachine {
  return {
    identity,
    state: 'no-carrier',
    active: null,
    lastAddress: null,
    candidate: null,
    isCandidateInUse: false,
    heldOffer: null,
    avoidedServer: null,
    xid: 0,
    startedMs: 0,
    requestSentMs: 0,
    probeSentMs: 0,
    attempt: 0,
    needsBroadcast: false,
    refusals: 0,
    complaint: null,
    lastConflictMs: null,
    deadlineMs: null,
  };
}

/** When the next `timer` event is due: the state's own time, or the end of a lease that outlived its state. */
export function nextTimerMs({ deadlineMs, active }: DhcpMachine): number | null {
  const endMs = active === null ? null : expiresMs(active);
  if (deadlineMs === null || endMs === null) return deadlineMs ?? endMs;
  return Math.min(deadlineMs, endMs);
}

export function expiresMs({ lease, obtainedMs }: ActiveLease): number | null {
  return lease.leaseSec === null ? null : obtainedMs + lease.leaseSec * 1000;
}

/** The address over which conflicts matter now. */
export function watchedAddress({ state, candidate, active, lastAddress }: DhcpMachine): string | null {
  if (state === 'rebooting') return lastAddress;
  return candidate?.address ?? active?.lease.address ?? null;
}
