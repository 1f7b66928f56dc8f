// A trusted key as people write it, in tskrazy.json and on screens: `ed25519:BASE64`, and with a last day
// `ed25519:BASE64 until 2027-01-31`. The day ends at midnight UTC.

import { keyIdOf, type TrustedKey } from './manifest-signature.ts';

export const TRUSTED_KEY = /^ed25519:([A-Za-z0-9+/]{43}=)(?: until (\d{4}-\d\d-\d\d))?$/;

export function formatPublicKey({ publicKey }: Pick<TrustedKey, 'publicKey'>): string {
  return `ed25519:${publicKey}`;
}

/** undefined: it is none. */
export function parseTrustedKey(text: string): TrustedKey | undefined {
  const [, publicKey, lastDay] = TRUSTED_KEY.exec(text) ?? [];
  if (publicKey === undefined) return undefined;
  const bytes = Buffer.from(publicKey, 'base64');
  // The last character has two bits that are no part of the key.
  if (bytes.toString('base64') !== publicKey) return undefined;
  const key = { id: keyIdOf(bytes), publicKey };
  if (lastDay === undefined) return key;
  const notAfterSec = endOfDaySec(lastDay);
  return notAfterSec === undefined ? undefined : { ...key, notAfterSec };
}

/** undefined: there is no such day. */
function endOfDaySec(day: string): number | undefined {
  const end = new Date(`${day}T23:59:59Z`);
  // What a month does not have, Date takes for days of the next.
  const exists = !Number.isNaN(end.getTime()) && end.toISOString().startsWith(day);
  return exists ? end.getTime() / 1000 : undefined;
}
