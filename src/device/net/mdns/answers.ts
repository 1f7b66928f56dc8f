// Which of our records answer a question, and what goes with them (RFC 6762 sections 6 and 7.1, RFC 6763 section 12).

import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  EMPTY_DNS_MESSAGE,
} from '../../../formats/dns-message.ts';
import { sameDnsName } from '../../../formats/dns-name.ts';
import { absenceRecord, recordKey } from './own-records.ts';

/** A querier that is no multicast responder itself does not hear when a record changes: section 6.7. */
const LEGACY_TTL_SEC = 10;

export function answersTo({ name, type }: DnsQuestion, own: readonly DnsRecord[]): DnsRecord[] {
  const named = own.filter((record) => sameDnsName(record.name, name));
  const answers = type === 'ANY' ? named : named.filter(({ data }) => data.type === type);
  // Whoever owns all of a name, and nobody else, can say what the name does not have.
  const isAbsent = answers.length === 0 && named.some(({ cacheFlush }) => cacheFlush);
  return isAbsent ? [absenceRecord(name, own)] : answers;
}

/** Keys of what the querier knows already, and will know for at least half its time more. */
export function knownAnswers(message: DnsMessage, own: readonly DnsRecord[]): Set<string> {
  const ttlByKey = new Map(own.map((record) => [recordKey(record), record.ttlSec]));
  const known = message.answers.map((record) => ({ key: recordKey(record), ttlSec: record.ttlSec }));
  return new Set(
    known.filter(({ key, ttlSec }) => ttlSec * 2 >= (ttlByKey.get(key) ?? Infinity)).map(({ key }) => key),
  );
}

export function response(answers: readonly DnsRecord[], own: readonly DnsRecord[]): DnsMessage {
  const additionals = companions(answers, own);
  return { ...EMPTY_DNS_MESSAGE, isResponse: true, isAuthoritative: true, answers, additionals };
}

/** The response to one that asked as in plain DNS: its question is repeated, and nothing is said that only mDNS has. */
export function legacyResponse(
  query: DnsMessage,
  answers: readonly DnsRecord[],
  own: readonly DnsRecord[],
): DnsMessage {
  const full = response(answers, own);
  return {
    ...full,
    id: query.id,
    questions: query.questions.map((question) => ({ ...question, unicastResponse: false })),
    answers: full.answers.map(legacyRecord),
    additionals: full.additionals.map(legacyRecord),
  };
}

function legacyRecord(record: DnsRecord): DnsRecord {
  return { ...record, cacheFlush: false, ttlSec: Math.min(record.ttlSec, LEGACY_TTL_SEC) };
}

/** What the querier will ask for next. */
function companions(answers: readonly DnsRecord[], own: readonly DnsRecord[]): DnsRecord[] {
  const found = new Map<string, DnsRecord>();
  let names = answers.flatMap(referredNames);
  // Records lead from a service to its instance, and from there to the host.
  for (let depth = 0; depth < 2; depth++) {
    const next = own.filter(
      ({ name, cacheFlush }) => cacheFlush && names.some((each) => sameDnsName(each, name)),
    );
    for (const record of next) found.set(recordKey(record), record);
    names = next.flatMap(referredNames);
  }
  for (const answer of answers) found.delete(recordKey(answer));
  return [...found.values()];
}

function referredNames({ name, data }: DnsRecord): string[] {
  if (data.type === 'PTR' || data.type === 'SRV') return [data.target];
  return data.type === 'A' || data.type === 'AAAA' ? [name] : [];
}
