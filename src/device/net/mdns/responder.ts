// The responder of one link (RFC 6762): claims the device's name, announces it, answers for it and defends it. Time,
// chance and sockets come from outside, so that it can be tried on a desk.
//
//   state        what happens                                         then
//   probing      three questions whether anybody has the names        announcing; renaming when somebody has
//   announcing   all records, twice                                   settled
//   settled      answers; when another host claims a name, probing again, and renaming when that host insists

import {
  type DnsMessage,
  type DnsRecord,
  dnsTypeCode,
  EMPTY_DNS_MESSAGE,
  encodeDnsData,
} from '../../../formats/dns-message.ts';
import { sameDnsName } from '../../../formats/dns-name.ts';
import { answersTo, knownAnswers, legacyResponse, response } from './answers.ts';
import { claimedNames, type Identity, recordKey, recordsOf } from './own-records.ts';

export interface ResponderOptions<Peer> {
  /** Sends to everybody on the link, or to one peer. */
  send: (message: DnsMessage, to?: Peer) => void;
  /** Looks at every link: a device may have two cables to one network, and hear itself. */
  isOwnAddress: (address: string) => boolean;
  /** Somebody else has the name. `start` follows, with another one. */
  onConflict: () => void;
  onSettled: () => void;
  /** Gives a number from 0 to 1. */
  random: () => number;
}

export interface Sender<Peer> {
  peer: Peer;
  /** Tells senders apart. */
  key: string;
  /** Whether the question came from another port than mDNS' own: a plain DNS resolver. */
  isLegacy: boolean;
}

interface Pending<Peer> {
  dueMs: number;
  sender: Sender<Peer>;
  records: readonly DnsRecord[];
  isDefence: boolean;
}

const PROBE_COUNT = 3;
const PROBE_INTERVAL_MS = 250;
/** Section 8.2: whoever loses the comparison of two probes waits, and then finds out. */
const DEFER_MS = 1000;
const ANNOUNCE_COUNT = 2;
const ANNOUNCE_INTERVAL_MS = 1000;
/** Section 6: shared records after a random wait, so that not all hosts answer at once. */
const SHARED_DELAY_MS = { min: 20, range: 100 };
/** Section 7.2: a querier with more known answers than fit into a packet sends the rest soon. */
const TRUNCATED_DELAY_MS = { min: 400, range: 100 };
const MIN_REPEAT_MS = 1000;
const MIN_DEFENCE_REPEAT_MS = 250;
const MAX_PENDING = 64;
/** More of them in one packet are no honest query. */
const MAX_QUESTIONS = 32;

export class Responder<Peer> {
  readonly #options: ResponderOptions<Peer>;
  #identity: Identity = { label: '', addresses: [], services: [] };
  #records: readonly DnsRecord[] = [];
  #state: 'idle' | 'probing' | 'announcing' | 'settled' = 'idle';
  #stepsLeft = 0;
  #stepMs = Infinity;
  #pending: Pending<Peer>[] = [];
  /** When each record last went to everybody. */
  readonly #sentMs = new Map<string, number>();

  constructor(options: ResponderOptions<Peer>) {
    this.#options = options;
  }

  /** When `advance` has something to do. */
  get nextMs(): number {
    return Math.min(this.#stepMs, ...this.#pending.map(({ dueMs }) => dueMs));
  }

  get isSettled(): boolean {
    return this.#state === 'announcing' || this.#state === 'settled';
  }

  /** Claims the names, from `startMs` on. */
  start(identity: Identity, startMs: number): void {
    this.#identity = identity;
    this.#records = recordsOf(identity);
    this.#pending = [];
    this.#sentMs.clear();
    this.#probe(startMs);
  }

  /** Names that are ours already need no new probes (section 8.4): the old addresses go, the new ones are told. */
  setAddresses(addresses: readonly string[], nowMs: number): void {
    const before = this.#records;
    this.#identity = { ...this.#identity, addresses };
    this.#records = recordsOf(this.#identity);
    if (!this.isSettled) return;
    const kept = new Set(this.#records.map(recordKey));
    this.#sayGoodbye(before.filter((record) => !kept.has(recordKey(record))));
    this.#announce(nowMs);
  }

  stop(): void {
    if (this.isSettled) this.#sayGoodbye(this.#records);
    this.#state = 'idle';
    this.#stepMs = Infinity;
    this.#pending = [];
  }

  advance(nowMs: number): void {
    if (nowMs >= this.#stepMs) this.#step(nowMs);
    const due = this.#pending.filter(({ dueMs }) => nowMs >= dueMs);
    if (due.length === 0) return;
    this.#pending = this.#pending.filter(({ dueMs }) => nowMs < dueMs);
    const records = due.flatMap((each) => {
      const minMs = each.isDefence ? MIN_DEFENCE_REPEAT_MS : MIN_REPEAT_MS;
      return each.records.filter((record) => this.#ageMs(record, nowMs) >= minMs);
    });
    this.#sendToAll(records, nowMs);
  }

  receive(message: DnsMessage, sender: Sender<Peer>, nowMs: number): void {
    if (this.#state === 'idle' || message.opcode !== 0 || message.responseCode !== 0) return;
    if (message.isResponse) this.#onResponse(message, nowMs);
    else if (this.#state === 'probing') this.#onRivalProbe(message, nowMs);
    else this.#onQuery(message, sender, nowMs);
  }

  #probe(startMs: number): void {
    this.#state = 'probing';
    this.#stepsLeft = PROBE_COUNT;
    this.#stepMs = startMs;
  }

  #announce(startMs: number): void {
    this.#state = 'announcing';
    this.#stepsLeft = ANNOUNCE_COUNT;
    this.#stepMs = startMs;
  }

  #step(nowMs: number): void {
    if (this.#state === 'probing' && this.#stepsLeft > 0) {
      this.#stepsLeft--;
      this.#stepMs = nowMs + PROBE_INTERVAL_MS;
      this.#options.send(this.#probeMessage());
      return;
    }
    if (this.#state === 'probing') {
      this.#announce(nowMs);
      this.#options.onSettled();
    }
    this.#stepsLeft--;
    this.#stepMs = this.#stepsLeft > 0 ? nowMs + ANNOUNCE_INTERVAL_MS : Infinity;
    if (this.#stepsLeft <= 0) this.#state = 'settled';
    this.#sendToAll(this.#records, nowMs);
  }

  #probeMessage(): DnsMessage {
    const names = claimedNames(this.#identity);
    return {
      ...EMPTY_DNS_MESSAGE,
      questions: names.map((name) => ({ name, type: 'ANY', unicastResponse: true })),
      authorities: this.#claims().map((record) => ({ ...record, cacheFlush: false })),
    };
  }

  /** Records of the names that nobody else may have. */
  #claims(): DnsRecord[] {
    const names = claimedNames(this.#identity);
    return this.#records.filter(({ name }) => names.some((each) => sameDnsName(each, name)));
  }

  #onResponse(message: DnsMessage, nowMs: number): void {
    const records = [...message.answers, ...message.additionals];
    if (!records.some((record) => record.ttlSec > 0 && this.#contradicts(record))) return;
    if (this.#state === 'probing') this.#options.onConflict();
    else this.#probe(nowMs);
  }

  /** Section 9: the same name and type, and other data. */
  #contradicts({ name, data }: DnsRecord): boolean {
    const ours = this.#claims().filter((record) => sameDnsName(record.name, name));
    if (ours.length === 0 || data.type === 'NSEC') return false;
    if ((data.type === 'A' || data.type === 'AAAA') && this.#options.isOwnAddress(data.address)) return false;
    const sameType = ours.filter((record) => dnsTypeCode(record.data.type) === dnsTypeCode(data.type));
    // While nothing is claimed yet, any record of the name is a claim of somebody else's.
    if (sameType.length === 0) return this.#state === 'probing' || data.type === 'A' || data.type === 'AAAA';
    return !sameType.some((record) => compareBytes(encodeDnsData(record.data), encodeDnsData(data)) === 0);
  }

  /** Section 8.2: two hosts want one name at the same time; the greater data wins. */
  #onRivalProbe(message: DnsMessage, nowMs: number): void {
    for (const name of claimedNames(this.#identity)) {
      const rivals = message.authorities.filter((record) => sameDnsName(record.name, name));
      if (rivals.length === 0 || rivals.some(({ data }) => this.#isOwnData(data))) continue;
      const ours = this.#claims().filter((record) => sameDnsName(record.name, name));
      if (compareClaims(ours, rivals) < 0) return this.#probe(nowMs + DEFER_MS);
    }
    return undefined;
  }

  #isOwnData(data: DnsRecord['data']): boolean {
    return (data.type === 'A' || data.type === 'AAAA') && this.#options.isOwnAddress(data.address);
  }

  #onQuery(query: DnsMessage, sender: Sender<Peer>, nowMs: number): void {
    const known = knownAnswers(query, this.#records);
    this.#forget(sender.key, known);
    const found = new Map<string, { record: DnsRecord; isUnicast: boolean }>();
    for (const question of query.questions.slice(0, MAX_QUESTIONS)) {
      for (const record of answersTo(question, this.#records)) {
        const key = recordKey(record);
        if (known.has(key)) continue;
        // What the others have not heard for long goes to all of them, whatever was asked for (section 5.4).
        const isFresh = this.#ageMs(record, nowMs) < (record.ttlSec * 1000) / 4;
        const isUnicast = question.unicastResponse && isFresh && found.get(key)?.isUnicast !== false;
        found.set(key, { record, isUnicast });
      }
    }
    if (found.size === 0) return;
    const answers = [...found.values()];
    if (sender.isLegacy) {
      const records = answers.map(({ record }) => record);
      this.#options.send(legacyResponse(query, records, this.#records), sender.peer);
      return;
    }
    const unicast = answers.filter(({ isUnicast }) => isUnicast).map(({ record }) => record);
    if (unicast.length > 0) this.#options.send(response(unicast, this.#records), sender.peer);
    const multicast = answers.filter(({ isUnicast }) => !isUnicast).map(({ record }) => record);
    if (multicast.length > 0) this.#enqueue(query, sender, multicast, nowMs);
  }

  #enqueue(query: DnsMessage, sender: Sender<Peer>, records: readonly DnsRecord[], nowMs: number): void {
    const isAlone = records.every(({ cacheFlush }) => cacheFlush);
    const wait = query.isTruncated ? TRUNCATED_DELAY_MS : SHARED_DELAY_MS;
    const waitMs = isAlone && !query.isTruncated ? 0 : wait.min + this.#options.random() * wait.range;
    const isDefence = query.authorities.length > 0;
    this.#pending.push({ dueMs: nowMs + waitMs, sender, records, isDefence });
    if (this.#pending.length > MAX_PENDING) this.#pending.shift();
    this.advance(nowMs);
  }

  /** More known answers of a querier whose question did not fit with them. */
  #forget(senderKey: string, known: ReadonlySet<string>): void {
    if (known.size === 0) return;
    this.#pending = this.#pending.map((each) =>
      each.sender.key === senderKey
        ? { ...each, records: each.records.filter((record) => !known.has(recordKey(record))) }
        : each,
    );
  }

  #sendToAll(records: readonly DnsRecord[], nowMs: number): void {
    const byKey = new Map(records.map((record) => [recordKey(record), record]));
    if (byKey.size === 0) return;
    for (const key of byKey.keys()) this.#sentMs.set(key, nowMs);
    this.#options.send(response([...byKey.values()], this.#records));
  }

  #sayGoodbye(records: readonly DnsRecord[]): void {
    if (records.length === 0) return;
    const answers = records.map((record) => ({ ...record, ttlSec: 0 }));
    this.#options.send({ ...EMPTY_DNS_MESSAGE, isResponse: true, isAuthoritative: true, answers });
  }

  #ageMs(record: DnsRecord, nowMs: number): number {
    return nowMs - (this.#sentMs.get(recordKey(record)) ?? -Infinity);
  }
}

function compareClaims(ours: readonly DnsRecord[], theirs: readonly DnsRecord[]): number {
  const [a, b] = [ours, theirs].map((records) => records.map(comparableBytes).toSorted(compareBytes));
  for (const [index, bytes] of (a ?? []).entries()) {
    const rival = b?.[index];
    // Whoever has more to say wins, when all before is the same.
    if (rival === undefined) return 1;
    const order = compareBytes(bytes, rival);
    if (order !== 0) return order;
  }
  return (a?.length ?? 0) - (b?.length ?? 0);
}

/** Type and data; the class is IN everywhere. */
function comparableBytes({ data }: DnsRecord): Uint8Array {
  const code = dnsTypeCode(data.type);
  return Uint8Array.of(code >> 8, code, ...encodeDnsData(data));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
