// A break-glass session in words.

import type { BreakglassSession, BreakglassStatus } from '../../shared/breakglass/breakglass-api.ts';
import { formatTime } from './times.ts';

export function describeSession(
  hostname: string,
  { who, from, endsAtMs, staysOpen, listensOn, connections }: BreakglassSession,
): string {
  const until = formatTime(endsAtMs).slice(0, 16);
  const lines = [
    `A break-glass session is open on ${hostname} until ${until}: opened by ${who} from ${from}.`,
    connections === 1 ? '1 connection' : `${connections} connections`,
    staysOpen ? 'It stays open until then.' : 'It closes 10 minutes after its last connection.',
    ...(listensOn === null ? [] : [`sshd listens on port ${listensOn}, too.`]),
  ];
  return lines.join('\n');
}

export function describeStatus(hostname: string, { unavailable, session }: BreakglassStatus): string {
  if (session !== null) return describeSession(hostname, session);
  if (unavailable === 'off') return `${hostname} has no break-glass: it is off in its tskrazy.json.`;
  if (unavailable !== null) return `${hostname} has no break-glass: it trusts no update key.`;
  return `No break-glass session is open on ${hostname}.`;
}
