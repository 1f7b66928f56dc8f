// Responders on a wire that exists in memory only, in a time that passes when the test says so. Everything that they say
// goes through the codec.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeDnsMessage,
  type DnsMessage,
  type DnsRecord,
  type DnsType,
  EMPTY_DNS_MESSAGE,
  encodeDnsMessage,
} from '../../../formats/dns-message.ts';
import { type Identity, recordsOf } from './own-records.ts';
import { Responder } from './responder.ts';

const SERVICES = [{ type: '_http._tcp', port: 80, txt: ['path=/'] }];

interface Sent {
  atMs: number;
  by: string;
  to: string | undefined;
  message: DnsMessage;
}

class Host {
  readonly responder: Responder<string>;
  identity: Identity;
  number = 1;
  conflicts = 0;

  constructor(wire: Wire, address: string) {
    this.identity = { label: 'garden', addresses: [address], services: SERVICES };
    this.responder = new Responder<string>({
      send: (message, to) => wire.carry(address, message, to),
      isOwnAddress: (other) => this.identity.addresses.includes(other),
      onConflict: () => {
        this.conflicts++;
        this.number++;
        this.identity = { ...this.identity, label: `garden-${this.number}` };
        this.responder.start(this.identity, wire.nowMs);
      },
      onSettled: () => {},
      random: () => 0.5,
    });
  }

  get address(): string {
    return this.identity.addresses[0] ?? '';
  }
}

class Wire {
  nowMs = 0;
  /** Nobody hears anybody. */
  isCut = false;
  readonly hosts: Host[] = [];
  readonly sent: Sent[] = [];

  add(address: string, startMs = 0): Host {
    const host = new Host(this, address);
    this.hosts.push(host);
    host.responder.start(host.identity, startMs);
    return host;
  }

  carry(by: string, message: DnsMessage, to?: string): void {
    const decoded = decodeDnsMessage(encodeDnsMessage(message));
    this.sent.push({ atMs: this.nowMs, by, to, message: decoded });
    for (const host of this.hosts) {
      if (this.isCut || host.address === by || (to !== undefined && to !== host.address)) continue;
      host.responder.receive(decoded, { peer: by, key: by, isLegacy: false }, this.nowMs);
    }
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const nextMs = Math.min(...this.hosts.map(({ responder }) => responder.nextMs));
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      for (const { responder } of this.hosts) responder.advance(this.nowMs);
    }
    this.nowMs = endMs;
  }

  /** Asks as somebody who is not on the list, and returns what that brings within a second. */
  ask(
    question: { name: string; type: DnsType },
    query: Partial<DnsMessage> = {},
    mode?: 'legacy' | 'unicast',
  ): Sent[] {
    this.sent.length = 0;
    const questions = [{ ...question, unicastResponse: mode === 'unicast' }];
    const message = { ...EMPTY_DNS_MESSAGE, questions, ...query };
    const sender = { peer: 'asker', key: 'asker', isLegacy: mode === 'legacy' };
    for (const { responder } of this.hosts) responder.receive(message, sender, this.nowMs);
    this.run(1000);
    return this.sent.splice(0);
  }
}

function settled(): Wire {
  const wire = new Wire();
  wire.add('10.0.0.1');
  wire.run(10_000);
  return wire;
}

/** `A garden.local 120` */
function summary(records: readonly DnsRecord[]): string[] {
  return records.map(({ name, data, ttlSec }) => `${data.type} ${name} ${ttlSec}`);
}

test('Responder probes three times, announces twice, and is silent then', () => {
  const wire = new Wire();
  wire.add('10.0.0.1', 100);
  wire.run(60_000);
  assert.deepEqual(
    wire.sent.map(({ atMs, message }) => [atMs, message.isResponse ? 'says' : 'asks']),
    [
      [100, 'asks'],
      [350, 'asks'],
      [600, 'asks'],
      [850, 'says'],
      [1850, 'says'],
    ],
  );
  const [probe, , , announcement] = wire.sent.map(({ message }) => message);
  assert.deepEqual(
    probe?.questions.map(({ name, type, unicastResponse }) => [name, type, unicastResponse]),
    [
      ['garden.local', 'ANY', true],
      ['garden._http._tcp.local', 'ANY', true],
    ],
  );
  assert.deepEqual(summary(probe?.authorities ?? []), [
    'A garden.local 120',
    'SRV garden._http._tcp.local 120',
    'TXT garden._http._tcp.local 4500',
  ]);
  assert.deepEqual(summary(announcement?.answers ?? []), [
    'A garden.local 120',
    'PTR 1.0.0.10.in-addr.arpa 120',
    'PTR _http._tcp.local 4500',
    'SRV garden._http._tcp.local 120',
    'TXT garden._http._tcp.local 4500',
    'PTR _services._dns-sd._udp.local 4500',
  ]);
});

test('Responder takes another name when its own is in use', () => {
  const wire = settled();
  const second = wire.add('10.0.0.2', wire.nowMs);
  const third = wire.add('10.0.0.3', wire.nowMs + 5000);
  wire.run(20_000);
  assert.deepEqual(
    wire.hosts.map(({ identity }) => identity.label),
    ['garden', 'garden-2', 'garden-3'],
  );
  assert.deepEqual([second.conflicts, third.conflicts], [1, 2]);
});

test('Responder lets the greater data win when two ask at the same time', () => {
  for (const order of [
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.2', '10.0.0.1'],
  ]) {
    const wire = new Wire();
    for (const [index, address] of order.entries()) wire.add(address, index * 10);
    wire.run(20_000);
    const byAddress = new Map(wire.hosts.map(({ address, identity }) => [address, identity.label]));
    assert.equal(byAddress.get('10.0.0.2'), 'garden');
    assert.equal(byAddress.get('10.0.0.1'), 'garden-2');
  }
});

test('Responder asks again when it hears its name from another, and yields to one that insists', () => {
  const wire = new Wire();
  wire.isCut = true;
  const [first, second] = [wire.add('10.0.0.1'), wire.add('10.0.0.2')];
  wire.run(10_000);
  assert.deepEqual([first.identity.label, second.identity.label], ['garden', 'garden']);
  wire.isCut = false;
  // Something happens that the first one tells everybody.
  first.responder.setAddresses(['10.0.0.1'], wire.nowMs);
  wire.run(10_000);
  assert.deepEqual([first.identity.label, second.identity.label], ['garden', 'garden-2']);
});

test('Responder keeps its name when the other one is gone again', () => {
  const wire = settled();
  const rival = recordsOf({ label: 'garden', addresses: ['10.0.0.9'], services: SERVICES });
  wire.sent.length = 0;
  wire.carry('10.0.0.9', { ...EMPTY_DNS_MESSAGE, isResponse: true, answers: rival });
  wire.run(5000);
  assert.equal(wire.hosts[0]?.identity.label, 'garden');
  assert.equal(wire.sent.filter(({ message }) => !message.isResponse).length, 3);
});

test('Responder knows itself behind another cable of the same network', () => {
  const wire = new Wire();
  const [first, second] = [wire.add('10.0.0.1'), wire.add('10.0.0.2', 100)];
  for (const host of [first, second]) {
    host.identity = { ...host.identity, addresses: [host.address, first === host ? '10.0.0.2' : '10.0.0.1'] };
  }
  wire.run(20_000);
  assert.deepEqual([first.conflicts, second.conflicts], [0, 0]);
  assert.ok(first.responder.isSettled && second.responder.isSettled);
});

test('Responder answers what it owns, with what will be asked next', () => {
  const wire = settled();
  const answer = (name: string, type: DnsType): [string[], string[]] | undefined => {
    const [sent, ...more] = wire.ask({ name, type });
    assert.equal(more.length, 0);
    return sent && [summary(sent.message.answers), summary(sent.message.additionals)];
  };
  assert.deepEqual(answer('GARDEN.local', 'A'), [['A garden.local 120'], []]);
  assert.deepEqual(answer('_http._tcp.local', 'PTR'), [
    ['PTR _http._tcp.local 4500'],
    ['SRV garden._http._tcp.local 120', 'TXT garden._http._tcp.local 4500', 'A garden.local 120'],
  ]);
  assert.deepEqual(answer('1.0.0.10.in-addr.arpa', 'PTR')?.[0], ['PTR 1.0.0.10.in-addr.arpa 120']);
  assert.deepEqual(answer('garden.local', 'AAAA')?.[0], ['NSEC garden.local 120']);
  assert.deepEqual(answer('_services._dns-sd._udp.local', 'ANY')?.[0], [
    'PTR _services._dns-sd._udp.local 4500',
  ]);
  assert.equal(answer('other.local', 'A'), undefined);
  assert.equal(answer('_http._tcp.local', 'SRV'), undefined);
});

test('Responder answers one host alone when asked to, unless the others have long not heard it', () => {
  const wire = settled();
  const question = { name: 'garden.local', type: 'A' } as const;
  assert.deepEqual(
    wire.ask(question, {}, 'unicast').map(({ to }) => to),
    ['asker'],
  );
  wire.run(40_000);
  assert.deepEqual(
    wire.ask(question, {}, 'unicast').map(({ to }) => to),
    [undefined],
  );
  const [legacy] = wire.ask(question, { id: 4711 }, 'legacy');
  assert.equal(legacy?.to, 'asker');
  assert.equal(legacy?.message.id, 4711);
  assert.deepEqual(legacy?.message.questions, [{ ...question, unicastResponse: false }]);
  assert.deepEqual(
    legacy?.message.answers.map(({ cacheFlush, ttlSec }) => [cacheFlush, ttlSec]),
    [[false, 10]],
  );
});

test('Responder does not repeat itself within a second, nor what the querier knows', () => {
  const wire = settled();
  const question = { name: '_http._tcp.local', type: 'PTR' } as const;
  const known: DnsRecord = {
    name: question.name,
    cacheFlush: false,
    ttlSec: 2250,
    data: { type: 'PTR', target: 'garden._http._tcp.local' },
  };
  assert.equal(wire.ask(question, { answers: [known] }).length, 0);
  assert.equal(wire.ask(question, { answers: [{ ...known, ttlSec: 2249 }] }).length, 1);
  wire.run(2000);
  // Two questions at once bring one answer.
  const sender = { peer: 'asker', key: 'asker', isLegacy: false };
  const query = { ...EMPTY_DNS_MESSAGE, questions: [{ ...question, unicastResponse: false }] };
  wire.hosts[0]?.responder.receive(query, sender, wire.nowMs);
  assert.equal(wire.ask(question).length, 1);
  // The rest of what is known comes in a packet of its own.
  wire.run(2000);
  wire.hosts[0]?.responder.receive({ ...query, isTruncated: true }, sender, wire.nowMs);
  wire.run(100);
  wire.sent.length = 0;
  wire.hosts[0]?.responder.receive({ ...EMPTY_DNS_MESSAGE, answers: [known] }, sender, wire.nowMs);
  wire.run(1000);
  assert.deepEqual(wire.sent, []);
});

test('Responder says goodbye, to an address as to everything', () => {
  const wire = settled();
  const [host] = wire.hosts;
  wire.sent.length = 0;
  host?.responder.setAddresses(['10.0.0.7'], wire.nowMs);
  wire.run(5000);
  assert.deepEqual(summary(wire.sent[0]?.message.answers ?? []), [
    'A garden.local 0',
    'PTR 1.0.0.10.in-addr.arpa 0',
  ]);
  assert.ok(summary(wire.sent[1]?.message.answers ?? []).includes('PTR 7.0.0.10.in-addr.arpa 120'));
  wire.sent.length = 0;
  host?.responder.stop();
  assert.equal(
    wire.sent[0]?.message.answers.every(({ ttlSec }) => ttlSec === 0),
    true,
  );
  assert.equal(wire.sent[0]?.message.answers.length, 6);
});

test('Responder survives 10,000 damaged packets, and answers after them', () => {
  const wire = settled();
  const seeds = [
    ...wire.ask({ name: '_http._tcp.local', type: 'ANY' }),
    ...wire.ask({ name: 'garden.local', type: 'ANY' }),
  ].map(({ message }) => encodeDnsMessage(message));
  const query = encodeDnsMessage({
    ...EMPTY_DNS_MESSAGE,
    questions: [{ name: 'garden.local', type: 'ANY', unicastResponse: false }],
    answers: recordsOf({ label: 'x'.repeat(63), addresses: ['10.9.9.9'], services: SERVICES }),
    authorities: recordsOf({ label: 'garden', addresses: ['10.9.9.9'], services: SERVICES }),
  });
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  let decodable = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds, query), changes, (original, edits) => {
      const bytes = original.slice();
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      try {
        const message = decodeDnsMessage(bytes);
        decodable++;
        wire.hosts[0]?.responder.receive(message, { peer: 'x', key: 'x', isLegacy: false }, wire.nowMs);
        wire.run(1);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 1, numRuns: 10_000 },
  );
  assert.ok(decodable > 2000, String(decodable));
  wire.run(20_000);
  const label = wire.hosts[0]?.identity.label ?? '';
  assert.equal(wire.ask({ name: `${label}.local`, type: 'A' }).length, 1);
});
