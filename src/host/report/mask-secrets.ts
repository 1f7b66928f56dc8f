// Takes out of a device's report what nobody else is to read: it is made to be pasted into an issue. What a device or
// an app has said may hold anything; the rest is by form. Addresses stay, because most of what goes wrong is about them,
// but for the part of them and of MAC addresses that is of one piece of hardware in the world.

import { MASK, maskSecrets as maskNamed } from '../../shared/text/mask-secrets.ts';
import { visibleText } from '../../shared/text/visible-text.ts';

const OF_HARDWARE: readonly [form: RegExp, instead: string][] = [
  [/\b([0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2})(?::[0-9a-f]{2}){3}\b/gi, '$1:xx:xx:xx'],
  // Of an IPv6 address that was made of a MAC address.
  [/\b([0-9a-f]{1,4}:[0-9a-f]{0,2}ff:fe)[0-9a-f]{2}:[0-9a-f]{1,4}\b/gi, '$1xx:xxxx'],
];

/** `known`: secrets that are known word by word. */
export function maskSecrets(text: string, known: readonly string[]): string {
  let masked = text;
  for (const secret of known) if (secret !== '') masked = masked.replaceAll(secret, MASK);
  masked = maskNamed(masked);
  for (const [form, instead] of OF_HARDWARE) masked = masked.replace(form, instead);
  // It ends in terminals.
  return masked.split('\n').map(visibleText).join('\n');
}

/** The same in all texts of a JSON value. */
export function maskValue(value: unknown, known: readonly string[]): unknown {
  if (typeof value === 'string') return maskSecrets(value, known);
  if (Array.isArray(value)) return value.map((each) => maskValue(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskValue(each, known)]));
}
