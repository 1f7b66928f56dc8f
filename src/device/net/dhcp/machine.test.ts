import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressOption,
  DHCP_MESSAGE_TYPE,
  DHCP_OPTION,
  readAddress,
  readMessageType,
  textOption,
  uint32Option,
} from '../../../formats/dhcp-options.ts';
import type { DhcpPacket } from '../../../formats/dhcp-packet.ts';
import type { DhcpStateName } from '../../../shared/network/net-status.ts';
import { stepDhcp } from './machine.ts';
import {
  createDhcpMachine,
  type DhcpAction,
  type DhcpEvent,
  type DhcpMachine,
  nextTimerMs,
} from './state.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const OTHER_MAC = '02:00:00:00:00:99';
const SERVER = '10.0.0.1';
const OTHER_SERVER = '10.0.0.2';
const ADDRESS = '10.0.0.50';
const LEASE_SEC = 3600;

interface Answer {
  address?: string;
  server?: string;
  leaseSec?: number;
  xid?: number;
  mac?: Uint8Array;
  reason?: string;
  withoutServer?: boolean;
}

/** A machine on a clock of its own. Without jitter: every random number is in the middle. */
class Script {
  machine: DhcpMachine;
  nowMs = 0;

  readonly #storedAddress: string | null;

  constructor(storedAddress: string | null = null) {
    this.machine = createDhcpMachine({ mac: MAC, hostname: 'garden' });
    this.#storedAddress = storedAddress;
  }

  event(event: DhcpEvent): string[] {
    const { machine, actions } = stepDhcp(this.machine, event, { nowMs: this.nowMs, random: () => 0.5 });
    this.machine = machine;
    return actions.map(describe);
  }

  plugIn(): string[] {
    return this.event({ type: 'carrier', up: true, storedAddress: this.#storedAddress });
  }

  pullOut(): string[] {
    return this.event({ type: 'carrier', up: false, storedAddress: null });
  }

  receive(type: 'offer' | 'ack' | 'nak', answer: Answer = {}): string[] {
    return this.event({ type: 'packet', packet: reply(type, { xid: this.machine.xid, ...answer }) });
  }

  conflict(kind: 'claim' | 'probe' = 'claim'): string[] {
    return this.event({ type: 'conflict', kind, mac: OTHER_MAC });
  }

  /** Lets time pass up to the next timer, which must be due after `afterMs`. */
  timer(afterMs: number): string[] {
    assert.equal((nextTimerMs(this.machine) ?? Infinity) - this.nowMs, afterMs);
    this.nowMs += afterMs;
    return this.event({ type: 'timer' });
  }

  /** From nothing to an address. */
  bind(answer: Answer = {}): void {
    if (this.machine.state === 'no-carrier') this.plugIn();
    this.receive('offer', answer);
    this.receive('ack', answer);
    this.timer(200);
    this.expectState('bound', answer.address ?? ADDRESS);
  }

  expectState(state: DhcpStateName, address: string | null): void {
    assert.deepEqual(
      { state: this.machine.state, address: this.machine.active?.lease.address ?? null },
      { state, address },
    );
  }
}

function reply(type: 'offer' | 'ack' | 'nak', answer: Answer): DhcpPacket {
  const options = new Map<number, Uint8Array>([
    [DHCP_OPTION.messageType, Uint8Array.of(DHCP_MESSAGE_TYPE[type])],
  ]);
  if (answer.withoutServer !== true)
    options.set(DHCP_OPTION.serverId, addressOption(answer.server ?? SERVER));
  if (answer.reason !== undefined) options.set(DHCP_OPTION.message, textOption(answer.reason));
  if (type !== 'nak') {
    options.set(DHCP_OPTION.leaseTime, uint32Option(answer.leaseSec ?? LEASE_SEC));
    options.set(DHCP_OPTION.subnetMask, addressOption('255.255.255.0'));
  }
  const yiaddr = type === 'nak' ? '0.0.0.0' : (answer.address ?? ADDRESS);
  return {
    op: 'reply',
    xid: answer.xid ?? 0,
    secs: 0,
    broadcast: false,
    ciaddr: '0.0.0.0',
    yiaddr,
    siaddr: '0.0.0.0',
    giaddr: '0.0.0.0',
    mac: answer.mac ?? MAC,
    options,
  };
}

/** `request of 10.0.0.50 from 10.0.0.1 to all` */
function describe(action: DhcpAction): string {
  if (action.type === 'log') return `log: ${action.text}`;
  if (action.type === 'remember')
    return action.lease === null ? 'forget' : `remember ${action.lease.address}`;
  if (action.type === 'arp') return `arp ${action.kind} ${action.address}`;
  const { options, ciaddr, broadcast, secs } = action.packet;
  const parts: string[] = [readMessageType(options) ?? 'nothing'];
  const requested = readAddress(options, DHCP_OPTION.requestedAddress);
  const server = readAddress(options, DHCP_OPTION.serverId);
  if (requested !== undefined) parts.push(`of ${requested}`);
  if (ciaddr !== '0.0.0.0') parts.push(`with ${ciaddr}`);
  if (server !== undefined) parts.push(`from ${server}`);
  parts.push(`to ${action.to ?? 'all'}`);
  if (secs > 0) parts.push(`after ${secs} s`);
  if (broadcast) parts.push('answer by broadcast');
  return parts.join(' ');
}

test('stepDhcp goes from a cable to an address', () => {
  const script = new Script();
  assert.deepEqual(script.plugIn(), ['discover to all']);
  script.nowMs += 30;
  assert.deepEqual(script.receive('offer'), [
    `arp probe ${ADDRESS}`,
    `request of ${ADDRESS} from ${SERVER} to all`,
  ]);
  script.expectState('requesting', null);
  script.nowMs += 50;
  assert.deepEqual(script.receive('ack'), [`arp probe ${ADDRESS}`]);
  script.expectState('probing', null);
  assert.deepEqual(script.timer(150), [`arp announce ${ADDRESS}`, `remember ${ADDRESS}`]);
  script.expectState('bound', ADDRESS);
});

test('stepDhcp does not wait for ARP when the ACK took longer than the wait', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  script.nowMs += 250;
  assert.deepEqual(script.receive('ack'), [`arp announce ${ADDRESS}`, `remember ${ADDRESS}`]);
  script.expectState('bound', ADDRESS);
});

test('stepDhcp discovers for ever, at growing distances, and says once that nobody answers', () => {
  const script = new Script();
  script.plugIn();
  const seen: string[][] = [1, 2, 4, 8, 16, 32, 64, 64].map((seconds) => script.timer(seconds * 1000));
  assert.deepEqual(seen.slice(0, 4), [
    ['discover to all after 1 s'],
    ['discover to all after 3 s answer by broadcast'],
    ['log: no DHCP server answers; trying on', 'discover to all after 7 s answer by broadcast'],
    ['discover to all after 15 s answer by broadcast'],
  ]);
  assert.equal(seen.flat().filter((text) => text.startsWith('log')).length, 1);
  assert.deepEqual(script.receive('offer'), [
    `arp probe ${ADDRESS}`,
    `request of ${ADDRESS} from ${SERVER} to all after 191 s answer by broadcast`,
  ]);
});

test('stepDhcp jitters its retries within the limits of RFC 2131 section 4.1', () => {
  for (const random of [0, 0.25, 0.999]) {
    let machine = createDhcpMachine({ mac: MAC, hostname: '' });
    let nowMs = 0;
    machine = stepDhcp(
      machine,
      { type: 'carrier', up: true, storedAddress: null },
      { nowMs, random: () => random },
    ).machine;
    for (const baseSec of [1, 2, 4, 8, 16, 32, 64, 64]) {
      const waitMs = (nextTimerMs(machine) ?? NaN) - nowMs;
      assert.ok(
        Math.abs(waitMs - baseSec * 1000) <= Math.min(baseSec * 250, 1000),
        `${waitMs} for ${baseSec} s`,
      );
      nowMs += waitMs;
      machine = stepDhcp(machine, { type: 'timer' }, { nowMs, random: () => random }).machine;
    }
  }
});

test('stepDhcp ignores what is not an answer to its question', () => {
  const strangers: [string, 'offer' | 'ack' | 'nak', Answer][] = [
    ['another transaction', 'offer', { xid: 7 }],
    ['another host', 'offer', { mac: Uint8Array.of(2, 0, 0, 0, 0, 9) }],
    ['no server identifier', 'offer', { withoutServer: true }],
    ['no time', 'offer', { leaseSec: 0 }],
    ['no address', 'offer', { address: '0.0.0.0' }],
    ['multicast address', 'offer', { address: '224.0.0.5' }],
    ['ACK before a request', 'ack', {}],
    ['NAK before a request', 'nak', {}],
  ];
  for (const [name, type, answer] of strangers) {
    const script = new Script();
    script.plugIn();
    assert.deepEqual(script.receive(type, answer), [], name);
    script.expectState('selecting', null);
  }
  const script = new Script();
  script.plugIn();
  const request = { ...reply('offer', { xid: script.machine.xid }), op: 'request' as const };
  assert.deepEqual(script.event({ type: 'packet', packet: request }), []);
  script.receive('offer');
  assert.deepEqual(script.receive('ack', { address: '10.0.0.77' }), []);
  assert.deepEqual(script.receive('nak', { server: OTHER_SERVER }), []);
  script.expectState('requesting', null);
});

test('stepDhcp takes servers without an identifier for whom their packets come from', () => {
  const script = new Script();
  const receive = (type: 'offer' | 'ack' | 'nak', sender: string): string[] =>
    script.event({
      type: 'packet',
      packet: reply(type, { xid: script.machine.xid, withoutServer: true }),
      sender,
    });
  script.plugIn();
  assert.ok(receive('offer', SERVER).includes(`request of ${ADDRESS} from ${SERVER} to all`));
  // Through a relay, that name may be wrong: the last requests go without.
  assert.deepEqual(script.timer(1000), [`request of ${ADDRESS} from ${SERVER} to all after 1 s`]);
  assert.deepEqual(script.timer(2000), [`request of ${ADDRESS} to all after 3 s answer by broadcast`]);
  receive('ack', SERVER);
  script.expectState('bound', ADDRESS);
  assert.equal(script.machine.active?.lease.server, SERVER);
  script.timer(1_755_000);
  assert.ok(receive('nak', SERVER).includes(`log: ${SERVER} refuses the address`));
});

test('stepDhcp takes an ACK without an identifier for one of the server that it has asked', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  script.event({
    type: 'packet',
    packet: reply('ack', { xid: script.machine.xid, withoutServer: true }),
    sender: OTHER_SERVER,
  });
  script.timer(200);
  script.expectState('bound', ADDRESS);
  assert.equal(script.machine.active?.lease.server, SERVER);
});

test('stepDhcp remembers what is wrong with the answers, and says so instead of that there are none', () => {
  const script = new Script();
  script.plugIn();
  for (const waitMs of [1000, 2000, 4000]) {
    assert.deepEqual(script.receive('offer', { address: '0.0.0.0' }), []);
    const lines = script.timer(waitMs).filter((line) => line.startsWith('log'));
    const expected = [`log: ${SERVER} offers 0.0.0.0, which no host can have; trying on`];
    assert.deepEqual(lines, waitMs === 4000 ? expected : []);
  }
  // Nobody has said anything since.
  assert.equal(script.machine.complaint, null);
  script.receive('offer', { leaseSec: 0 });
  assert.equal(script.machine.complaint, `${SERVER} offers ${ADDRESS} for 0 seconds`);
  script.bind();
  assert.equal(script.machine.complaint, null);
});

test('stepDhcp takes the first offer and leaves the others', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  assert.deepEqual(script.receive('offer', { server: OTHER_SERVER, address: '10.0.0.60' }), []);
  script.receive('ack');
  script.timer(200);
  script.expectState('bound', ADDRESS);
});

test('stepDhcp prefers another server after one that did not confirm its offer', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  for (const seconds of [1, 2, 4]) script.timer(seconds * 1000);
  assert.deepEqual(script.timer(8000), [
    `log: ${SERVER} offered an address, but does not confirm it`,
    'discover to all answer by broadcast',
  ]);
  // Its offer is kept for the case that there is no other.
  assert.deepEqual(script.receive('offer'), []);
  script.receive('offer', { server: OTHER_SERVER, address: '10.0.0.60' });
  script.receive('ack', { server: OTHER_SERVER, address: '10.0.0.60' });
  script.timer(200);
  script.expectState('bound', '10.0.0.60');
});

test('stepDhcp comes back to the only server there is', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  script.receive('nak');
  assert.deepEqual(script.receive('offer'), []);
  assert.deepEqual(script.timer(1000), [
    `arp probe ${ADDRESS}`,
    `request of ${ADDRESS} from ${SERVER} to all after 1 s`,
  ]);
});

test('stepDhcp starts over after a NAK, at growing distances when that repeats', () => {
  const script = new Script();
  script.bind();
  script.timer(LEASE_SEC * 500 * 0.975 - 200);
  assert.deepEqual(script.receive('nak', { reason: 'wrong network' }), [
    `log: ${SERVER} refuses the address: wrong network`,
    'forget',
    'discover to all',
  ]);
  script.expectState('selecting', null);
  script.receive('offer');
  script.receive('nak');
  script.expectState('waiting', null);
  assert.deepEqual(script.timer(1000), ['discover to all']);
  // From now on the only server there is, but avoided: its offers wait for a better one.
  for (const seconds of [2, 4, 8]) {
    script.receive('offer');
    script.timer(1000);
    script.receive('nak');
    script.expectState('waiting', null);
    assert.deepEqual(script.timer(seconds * 1000), ['discover to all']);
  }
  script.receive('offer', { server: OTHER_SERVER });
  script.receive('ack', { server: OTHER_SERVER });
  script.timer(200);
  assert.equal(script.machine.refusals, 0);
});

test('stepDhcp renews at T1 by unicast, rebinds at T2 by broadcast, gives up at the end', () => {
  const script = new Script();
  script.bind();
  // The lease counts from the request, 200 ms ago; T1 is up to a twentieth early.
  assert.deepEqual(script.timer(1_755_000 - 200), [`request with ${ADDRESS} to ${SERVER}`]);
  script.expectState('renewing', ADDRESS);
  // Half of the time to T2 (3150 s) each, but not less than a minute.
  assert.deepEqual(script.timer(697_500), [`request with ${ADDRESS} to ${SERVER} after 697 s`]);
  assert.deepEqual(script.timer(348_750), [`request with ${ADDRESS} to ${SERVER} after 1046 s`]);
  for (const ms of [174_375, 87_187.5]) script.timer(ms);
  script.timer(60_000);
  assert.deepEqual(script.timer(27_187.5), [
    `log: ${SERVER} does not renew the lease; asking all servers`,
    `request with ${ADDRESS} to all after 1395 s`,
  ]);
  script.expectState('rebinding', ADDRESS);
  for (const ms of [225_000, 112_500, 60_000]) script.timer(ms);
  assert.deepEqual(script.timer(52_500), [
    `log: the lease of ${ADDRESS} has ended`,
    `discover of ${ADDRESS} to all`,
  ]);
  script.expectState('selecting', null);
});

test('stepDhcp goes on with a renewed lease', () => {
  const script = new Script();
  script.bind();
  script.timer(1_755_000 - 200);
  script.nowMs += 20;
  assert.deepEqual(script.receive('ack', { address: '10.0.0.99' }), []);
  assert.deepEqual(script.receive('ack', { leaseSec: 7200 }), [`remember ${ADDRESS}`]);
  script.expectState('bound', ADDRESS);
  assert.equal(nextTimerMs(script.machine), 1_755_000 + 3_510_000);
});

test('stepDhcp takes a lease from whichever server answers a rebinding', () => {
  const script = new Script();
  script.bind({ leaseSec: 100 });
  script.timer(48_750 - 200);
  script.timer(38_750);
  script.expectState('rebinding', ADDRESS);
  script.receive('ack', { server: OTHER_SERVER });
  script.expectState('bound', ADDRESS);
  assert.equal(script.machine.active?.lease.server, OTHER_SERVER);
});

test('stepDhcp never renews a lease without end', () => {
  const script = new Script();
  script.bind({ leaseSec: 0xffff_ffff });
  assert.equal(nextTimerMs(script.machine), null);
});

test('stepDhcp asks for the address of the last boot, and probes it', () => {
  const script = new Script(ADDRESS);
  assert.deepEqual(script.plugIn(), [`arp probe ${ADDRESS}`, `request of ${ADDRESS} to all`]);
  script.expectState('rebooting', null);
  script.receive('ack');
  script.timer(200);
  script.expectState('bound', ADDRESS);
});

test('stepDhcp discovers when nobody confirms the address of the last boot', () => {
  const script = new Script(ADDRESS);
  script.plugIn();
  assert.deepEqual(script.timer(1000), [`request of ${ADDRESS} to all after 1 s`]);
  assert.deepEqual(script.timer(2000), [`discover of ${ADDRESS} to all`]);
});

test('stepDhcp forgets the address of the last boot when it is refused', () => {
  const script = new Script(ADDRESS);
  script.plugIn();
  assert.deepEqual(script.receive('nak', { server: OTHER_SERVER }), [
    `log: ${OTHER_SERVER} refuses the address`,
    'forget',
    'discover to all',
  ]);
});

test('stepDhcp keeps a lease while the cable is out and confirms it without a gap', () => {
  const script = new Script();
  script.bind();
  assert.deepEqual(script.pullOut(), []);
  script.expectState('no-carrier', ADDRESS);
  script.nowMs += 60_000;
  // The address is ours: no probe, which we would answer ourselves.
  assert.deepEqual(script.plugIn(), [`request of ${ADDRESS} to all`]);
  script.expectState('rebooting', ADDRESS);
  assert.deepEqual(script.receive('ack'), [`remember ${ADDRESS}`]);
  script.expectState('bound', ADDRESS);
});

test('stepDhcp moves to another network when the old one does not answer', () => {
  const script = new Script();
  script.bind();
  script.pullOut();
  script.plugIn();
  script.timer(1000);
  script.timer(2000);
  script.expectState('selecting', ADDRESS);
  script.receive('offer', { server: '192.168.1.1', address: '192.168.1.20' });
  script.receive('ack', { server: '192.168.1.1', address: '192.168.1.20' });
  script.expectState('probing', ADDRESS);
  script.timer(200);
  script.expectState('bound', '192.168.1.20');
});

test('stepDhcp lets a lease end while the cable is out or nobody answers', () => {
  const unplugged = new Script();
  unplugged.bind();
  unplugged.pullOut();
  assert.deepEqual(unplugged.timer(LEASE_SEC * 1000 - 200), [`log: the lease of ${ADDRESS} has ended`]);
  unplugged.expectState('no-carrier', null);
  const alone = new Script();
  alone.bind({ leaseSec: 2 });
  alone.pullOut();
  alone.plugIn();
  alone.timer(1000);
  assert.deepEqual(alone.timer(800), [`log: the lease of ${ADDRESS} has ended`]);
  alone.expectState('rebooting', null);
});

test('stepDhcp declines an address that is in use and waits ten seconds', () => {
  for (const kind of ['claim', 'probe'] as const) {
    const script = new Script();
    script.plugIn();
    script.receive('offer');
    script.receive('ack');
    assert.deepEqual(script.conflict(kind), [
      `log: cannot use ${ADDRESS}: ${OTHER_MAC} uses the address`,
      `decline of ${ADDRESS} from ${SERVER} to all`,
    ]);
    script.expectState('waiting', null);
    assert.deepEqual(script.timer(10_000), ['discover to all']);
  }
});

test('stepDhcp declines after the ACK when the conflict shows before it', () => {
  const script = new Script();
  script.plugIn();
  script.receive('offer');
  assert.deepEqual(script.conflict(), []);
  assert.deepEqual(script.receive('ack'), [
    `log: cannot use ${ADDRESS}: the address is in use`,
    `decline of ${ADDRESS} from ${SERVER} to all`,
  ]);
});

test('stepDhcp defends its address once in ten seconds, then gives it up', () => {
  const script = new Script();
  script.bind();
  const defence = [
    `log: ${OTHER_MAC} uses ${ADDRESS} too; keeping it unless that goes on`,
    `arp announce ${ADDRESS}`,
  ];
  assert.deepEqual(script.conflict('probe'), []);
  assert.deepEqual(script.conflict(), defence);
  script.nowMs += 10_000;
  assert.deepEqual(script.conflict(), defence);
  script.nowMs += 9000;
  assert.deepEqual(script.conflict(), [
    `log: cannot use ${ADDRESS}: ${OTHER_MAC} uses the address`,
    'forget',
    `decline of ${ADDRESS} from ${SERVER} to all`,
  ]);
  script.expectState('waiting', null);
});

test('stepDhcp does nothing while the cable is out', () => {
  const script = new Script();
  assert.deepEqual(script.receive('offer'), []);
  assert.deepEqual(script.event({ type: 'timer' }), []);
  assert.deepEqual(script.pullOut(), []);
  script.plugIn();
  script.pullOut();
  assert.equal(nextTimerMs(script.machine), null);
});

test('stepDhcp leaves the machine that it was given as it was', () => {
  const script = new Script();
  script.plugIn();
  const before = structuredClone(script.machine);
  const kept = script.machine;
  script.receive('offer');
  assert.deepEqual(kept, before);
});
