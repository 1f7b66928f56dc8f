// The DHCP client of one interface as a pure state machine: RFC 2131 figure 5 and section 4.4. It is given events and
// returns what to send; what is to be configured is `active`. Sockets, timers and the interface are in client.ts.
//
//   state        entered when                         leaves on
//   no-carrier   the cable is out                     carrier: REBOOTING with an earlier address, else SELECTING
//   rebooting    an earlier address may still do      ACK, NAK, no answer to two requests
//   selecting    (INIT) an address is wanted          OFFER; retries with 1, 2, 4 ... 64 s in between, for ever
//   requesting   an offer was chosen                  ACK, NAK, no answer to four requests
//   probing      ACK for a new address                PROBE_MS without a conflict
//   bound        the address is ours                  T1, conflict
//   renewing     T1                                   ACK, NAK, T2
//   rebinding    T2                                   ACK, NAK, end of the lease
//   waiting      conflict, or refused repeatedly      time
//
// Deviations, all for speed: no random wait of 1-10 s before the first DISCOVER (4.4.1; the delays desynchronize
// hosts after a power cut, for which the jitter of the retries does enough); retries start at 1 s rather than 4 s
// (4.1 gives that as an example for 10 Mb/s; a switch port that has just come up swallows the first packet); the
// first acceptable offer is taken. ARP probing: RFC 5227 waits 5-7 s. Here a probe leaves with the REQUEST and
// another with the ACK, and 200 ms of silence since the first are enough (NetworkManager's default), because
// conflicts that show up later are still noticed and acted on as long as the lease lasts (RFC 5227 section 2.4).

import { DHCP_OPTION, readAddress, readMessageType, readText } from '../../../formats/dhcp-options.ts';
import type { DhcpPacket } from '../../../formats/dhcp-packet.ts';
import type { DhcpStateName } from '../../../shared/network/net-status.ts';
import { flawOf, type Lease, leaseOf } from './lease.ts';
import { clientMessage, type MessageFields } from './messages.ts';
import {
  type DhcpAction,
  type DhcpEnvironment,
  type DhcpEvent,
  type DhcpMachine,
  expiresMs,
  watchedAddress,
} from './state.ts';

/** A machine being changed by one event. */
interface Turn {
  machine: { -readonly [Key in keyof DhcpMachine]: DhcpMachine[Key] };
  actions: DhcpAction[];
  env: DhcpEnvironment;
}

const PROBE_MS = 200;
const MAX_RETRY_SEC = 64;
const MAX_REQUESTS = 4;
const MAX_REBOOT_REQUESTS = 2;
const BROADCAST_FROM_ATTEMPT = 3;
const COMPLAIN_AT_ATTEMPT = 4;
/** RFC 2131 section 3.1.5. */
const WAIT_AFTER_DECLINE_MS = 10_000;
/** RFC 2131 section 4.4.5. */
const MIN_RENEWAL_RETRY_MS = 60_000;
/** RFC 5227 section 1.1. */
const DEFEND_INTERVAL_MS = 10_000;

export function stepDhcp(
  machine: DhcpMachine,
  event: DhcpEvent,
  env: DhcpEnvironment,
): { machine: DhcpMachine; actions: DhcpAction[] } {
  const turn: Turn = { machine: { ...machine }, actions: [], env };
  if (event.type === 'carrier') onCarrier(turn, event.up, event.storedAddress);
  else if (event.type === 'packet') onPacket(turn, event.packet, event.sender);
  else if (event.type === 'conflict') onConflict(turn, event.kind, event.mac);
  else onTimer(turn);
  return turn;
}

function onCarrier(turn: Turn, up: boolean, storedAddress: string | null): void {
  const { machine } = turn;
  if (up === (machine.state !== 'no-carrier')) return;
  machine.needsBroadcast = false;
  machine.complaint = null;
  machine.lastAddress ??= storedAddress;
  if (!up) {
    // The lease goes on: whoever pulls a cable for a moment keeps all connections.
    Object.assign(machine, { state: 'no-carrier', deadlineMs: null, candidate: null, heldOffer: null });
  } else if (machine.lastAddress === null) {
    startSelecting(turn);
  } else {
    startRebooting(turn, machine.lastAddress);
  }
}

function onTimer(turn: Turn): void {
  const { machine, env } = turn;
  const endMs = machine.active === null ? null : expiresMs(machine.active);
  if (endMs !== null && env.nowMs >= endMs) {
    expire(turn);
    return;
  }
  if (machine.deadlineMs === null || env.nowMs < machine.deadlineMs) return;
  if (machine.state === 'selecting') onSelectingTimer(turn);
  else if (machine.state === 'requesting') onRequestingTimer(turn);
  else if (machine.state === 'rebooting') onRebootingTimer(turn);
  else if (machine.state === 'probing') bind(turn);
  else if (machine.state === 'bound') startRenewing(turn);
  else if (machine.state === 'renewing' || machine.state === 'rebinding') sendRenewal(turn);
  else if (machine.state === 'waiting') startSelecting(turn);
}

function onPacket(turn: Turn, packet: DhcpPacket, sender: string | undefined): void {
  const { machine } = turn;
  if (packet.op !== 'reply' || packet.xid !== machine.xid || !isSameMac(packet.mac, machine.identity.mac))
    return;
  const type = readMessageType(packet.options);
  if (type === 'nak') onNak(turn, packet, sender);
  if (type !== 'offer' && type !== 'ack') return;
  // Whom we have asked confirms, even if the answer does not name its server; an offer comes from its sender.
  const asked = machine.candidate?.server ?? machine.active?.lease.server;
  const lease = leaseOf(packet, type === 'ack' ? (asked ?? sender) : sender);
  if (lease === undefined) noteFlaw(turn, packet, sender);
  else if (type === 'offer') onOffer(turn, lease);
  else onAck(turn, lease);
}

/** Without a line in the log: anybody may send as many packets as they like. */
function noteFlaw({ machine }: Turn, packet: DhcpPacket, sender: string | undefined): void {
  const flaw = flawOf(packet);
  const server = readAddress(packet.options, DHCP_OPTION.serverId) ?? sender;
  if (flaw !== null && server !== undefined) machine.complaint ??= `${server} ${flaw}`;
}

function onOffer(turn: Turn, lease: Lease): void {
  const { machine } = turn;
  if (machine.state !== 'selecting') return;
  if (lease.server === machine.avoidedServer) machine.heldOffer ??= lease;
  else startRequesting(turn, lease);
}

function onAck(turn: Turn, lease: Lease): void {
  const { machine, env } = turn;
  const { state, active } = machine;
  if (state === 'renewing' || state === 'rebinding') {
    if (lease.address !== active?.lease.address) return;
    machine.candidate = lease;
    bind(turn);
    return;
  }
  const expected = state === 'requesting' ? machine.candidate?.address : machine.lastAddress;
  if ((state !== 'requesting' && state !== 'rebooting') || lease.address !== expected) return;
  machine.candidate = lease;
  if (machine.isCandidateInUse) {
    decline(turn, lease, 'the address is in use');
  } else if (active?.lease.address === lease.address || env.nowMs >= machine.probeSentMs + PROBE_MS) {
    bind(turn);
  } else {
    turn.actions.push({ type: 'arp', kind: 'probe', address: lease.address });
    machine.state = 'probing';
    machine.deadlineMs = machine.probeSentMs + PROBE_MS;
  }
}

function onNak(turn: Turn, packet: DhcpPacket, sender: string | undefined): void {
  const { machine, env } = turn;
  const server = readAddress(packet.options, DHCP_OPTION.serverId) ?? sender;
  const { state, candidate, active } = machine;
  // Any server may refuse before one was chosen and after it was lost; in between only that one.
  const chosen =
    state === 'requesting' ? candidate?.server : state === 'renewing' ? active?.lease.server : server;
  const isWaiting = ['requesting', 'rebooting', 'renewing', 'rebinding'].includes(state);
  if (!isWaiting || server === undefined || (server !== chosen && sender !== chosen)) return;
  const reason = readText(packet.options, DHCP_OPTION.message);
  complain(turn, `${server} refuses the address${reason === undefined ? '' : `: ${reason}`}`);
  forgetLease(turn);
  machine.avoidedServer = state === 'requesting' ? (chosen ?? server) : null;
  machine.refusals += 1;
  if (machine.refusals === 1) startSelecting(turn);
  else wait(turn, retryMs(machine.refusals - 1, env));
}

function onConflict(turn: Turn, kind: 'claim' | 'probe', mac: string): void {
  const { machine, env } = turn;
  if (machine.state === 'requesting' || machine.state === 'rebooting') {
    // The server can only be told once it has granted the address. Whoever probes for an address that we have
    // configured (the cable was out) gets the kernel's answer.
    const isOurs = machine.active !== null && machine.active.lease.address === watchedAddress(machine);
    machine.isCandidateInUse ||= kind === 'claim' || !isOurs;
  } else if (machine.candidate !== null) {
    decline(turn, machine.candidate, `${mac} uses the address`);
  } else if (machine.active !== null && kind === 'claim') {
    const { lease } = machine.active;
    const isRepeated =
      machine.lastConflictMs !== null && env.nowMs - machine.lastConflictMs < DEFEND_INTERVAL_MS;
    machine.lastConflictMs = env.nowMs;
    if (isRepeated) {
      decline(turn, lease, `${mac} uses the address`);
    } else {
      log(turn, `${mac} uses ${lease.address} too; keeping it unless that goes on`);
      turn.actions.push({ type: 'arp', kind: 'announce', address: lease.address });
    }
  }
}

function startSelecting(turn: Turn): void {
  begin(turn, 'selecting');
  Object.assign(turn.machine, { candidate: null, heldOffer: null });
  sendDiscover(turn);
}

function onSelectingTimer(turn: Turn): void {
  const { heldOffer } = turn.machine;
  if (heldOffer === null) sendDiscover(turn);
  else startRequesting(turn, heldOffer);
}

function sendDiscover(turn: Turn): void {
  const { machine } = turn;
  countAttempt(turn);
  if (machine.attempt === COMPLAIN_AT_ATTEMPT) {
    log(turn, `${machine.complaint ?? 'no DHCP server answers'}; trying on`);
    // Whoever is still there gives cause for it again.
    machine.complaint = null;
  }
  send(turn, 'discover', null, machine.lastAddress === null ? {} : { requestedAddress: machine.lastAddress });
}

function startRequesting(turn: Turn, lease: Lease): void {
  const { machine } = turn;
  // The REQUEST has the xid and the `secs` base of the DISCOVER.
  Object.assign(machine, { state: 'requesting', attempt: 0, candidate: lease, heldOffer: null });
  probe(turn, lease.address);
  sendRequest(turn, fieldsOfRequest(lease, 0));
}

/** A server that does not name itself may be behind a relay, which is not it: in the end nobody is named. */
function fieldsOfRequest({ address, server, isServerNamed }: Lease, attempt: number): Partial<MessageFields> {
  const isNamed = isServerNamed || attempt < MAX_REQUESTS / 2;
  return { requestedAddress: address, ...(isNamed ? { server } : {}) };
}

function onRequestingTimer(turn: Turn): void {
  const { machine } = turn;
  const { candidate } = machine;
  if (candidate !== null && machine.attempt < MAX_REQUESTS) {
    sendRequest(turn, fieldsOfRequest(candidate, machine.attempt));
    return;
  }
  complain(turn, `${candidate?.server} offered an address, but does not confirm it`);
  machine.avoidedServer = candidate?.server ?? null;
  startSelecting(turn);
}

function startRebooting(turn: Turn, address: string): void {
  begin(turn, 'rebooting');
  probe(turn, address);
  sendRequest(turn, { requestedAddress: address });
}

function onRebootingTimer(turn: Turn): void {
  const { machine } = turn;
  if (machine.lastAddress !== null && machine.attempt < MAX_REBOOT_REQUESTS) {
    sendRequest(turn, { requestedAddress: machine.lastAddress });
  } else {
    // Another network, perhaps: its servers need not answer requests for addresses that they know nothing of.
    startSelecting(turn);
  }
}

function sendRequest(turn: Turn, fields: Partial<MessageFields>): void {
  countAttempt(turn);
  turn.machine.requestSentMs = turn.env.nowMs;
  send(turn, 'request', null, fields);
}

function bind(turn: Turn): void {
  const { machine, env, actions } = turn;
  const lease = machine.candidate;
  if (lease === null) return;
  const isNewAddress = machine.active?.lease.address !== lease.address;
  Object.assign(machine, {
    state: 'bound',
    active: { lease, obtainedMs: machine.requestSentMs },
    lastAddress: lease.address,
    candidate: null,
    avoidedServer: null,
    refusals: 0,
    complaint: null,
  });
  if (isNewAddress) {
    machine.lastConflictMs = null;
    actions.push({ type: 'arp', kind: 'announce', address: lease.address });
  }
  actions.push({ type: 'remember', lease });
  // Up to a twentieth earlier, so that hosts which started together do not renew together for ever.
  machine.deadlineMs =
    lease.renewSec === null ? null : machine.requestSentMs + lease.renewSec * 1000 * (1 - env.random() / 20);
}

function startRenewing(turn: Turn): void {
  begin(turn, 'renewing');
  sendRenewal(turn);
}

/** RENEWING asks the server that gave the lease, REBINDING all of them; each at half of the time that is left. */
function sendRenewal(turn: Turn): void {
  const { machine, env } = turn;
  const { active } = machine;
  if (active === null || active.lease.leaseSec === null || active.lease.rebindSec === null) return;
  const { lease, obtainedMs } = active;
  const rebindMs = obtainedMs + active.lease.rebindSec * 1000;
  if (machine.state === 'renewing' && env.nowMs >= rebindMs) {
    machine.state = 'rebinding';
    log(turn, `${lease.server} does not renew the lease; asking all servers`);
  }
  const isRenewing = machine.state === 'renewing';
  const endMs = isRenewing ? rebindMs : obtainedMs + active.lease.leaseSec * 1000;
  machine.requestSentMs = env.nowMs;
  machine.deadlineMs = Math.min(endMs, env.nowMs + Math.max(MIN_RENEWAL_RETRY_MS, (endMs - env.nowMs) / 2));
  const packet = message(turn, 'request', { ciaddr: lease.address });
  turn.actions.push({ type: 'send', packet, to: isRenewing ? lease.server : null });
}

function expire(turn: Turn): void {
  const { machine } = turn;
  log(turn, `the lease of ${machine.active?.lease.address} has ended`);
  machine.active = null;
  if (['bound', 'renewing', 'rebinding'].includes(machine.state)) startSelecting(turn);
}

function decline(turn: Turn, lease: Lease, reason: string): void {
  log(turn, `cannot use ${lease.address}: ${reason}`);
  begin(turn, 'waiting');
  forgetLease(turn);
  turn.machine.refusals += 1;
  send(turn, 'decline', null, { requestedAddress: lease.address, server: lease.server, secs: 0, reason });
  wait(turn, WAIT_AFTER_DECLINE_MS);
}

function wait(turn: Turn, durationMs: number): void {
  Object.assign(turn.machine, { state: 'waiting', deadlineMs: turn.env.nowMs + durationMs });
}

function forgetLease({ machine, actions }: Turn): void {
  if (machine.lastAddress !== null) actions.push({ type: 'remember', lease: null });
  Object.assign(machine, { active: null, candidate: null, lastAddress: null, lastConflictMs: null });
}

/** Enters a state that starts an exchange of its own. */
function begin({ machine, env }: Turn, state: DhcpStateName): void {
  const xid = Math.floor(env.random() * 0x1_0000_0000);
  Object.assign(machine, { state, xid, startedMs: env.nowMs, attempt: 0, isCandidateInUse: false });
}

function probe({ machine, actions, env }: Turn, address: string): void {
  Object.assign(machine, { probeSentMs: env.nowMs, isCandidateInUse: false });
  if (machine.active?.lease.address !== address) actions.push({ type: 'arp', kind: 'probe', address });
}

function countAttempt({ machine, env }: Turn): void {
  machine.attempt += 1;
  machine.deadlineMs = env.nowMs + retryMs(machine.attempt, env);
  // Some switches and hypervisors do not pass unicast to an address that is not in use yet.
  if (machine.attempt >= BROADCAST_FROM_ATTEMPT) machine.needsBroadcast = true;
}

/** 1, 2, 4 ... 64 s, each give or take a quarter, but no more than 1 s (RFC 2131 section 4.1). */
function retryMs(attempt: number, env: DhcpEnvironment): number {
  const baseSec = Math.min(2 ** (attempt - 1), MAX_RETRY_SEC);
  return (baseSec + (env.random() * 2 - 1) * Math.min(baseSec / 4, 1)) * 1000;
}

function send(
  turn: Turn,
  type: 'discover' | 'request' | 'decline',
  to: string | null,
  fields: Partial<MessageFields>,
): void {
  turn.actions.push({ type: 'send', packet: message(turn, type, fields), to });
}

function message(
  { machine, env }: Turn,
  type: 'discover' | 'request' | 'decline',
  fields: Partial<MessageFields>,
): DhcpPacket {
  const secs = Math.floor((env.nowMs - machine.startedMs) / 1000);
  // Servers answer to ciaddr when it is set.
  const broadcast = machine.needsBroadcast && fields.ciaddr === undefined;
  return clientMessage(type, machine.identity, { xid: machine.xid, secs, broadcast, ...fields });
}

function complain(turn: Turn, text: string): void {
  log(turn, text);
  turn.machine.complaint = text;
}

function log(turn: Turn, text: string): void {
  turn.actions.push({ type: 'log', text });
}

function isSameMac(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
