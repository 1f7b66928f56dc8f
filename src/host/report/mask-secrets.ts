// Takes out of a device's report what nobody else is to read: it is made to be pasted into an issue. What a device or
// an app has said may hold anything; the rest is by form. Addresses stay, because most of what goes wrong is about them,
// but for the part of them and of MAC addresses that is of one piece of hardware in the world.

import { MASK, maskSecrets as maskNamed } from '../../shared/text/mask-secrets.ts';
import { visibleLines } from '../../shared/text/visible-text.ts';

const OF_HARDWARE: readonly [form: RegExp, instead: string][] = [
  [/\b([0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2})(?::[0-9a-f]{2}){3}\b/gi, '$1:xx:xx:xx'],
  // Of an IPv6 address that was made of a MAC address.
  [/\b([0-9a-f]{1,4}:[0-9a-f]{0,2}ff:fe)[0-9a-f]{2}:[0-9a-f]{1,4}\b/gi, '$1xx:xxxx'],
];

/** What is shorter keeps nobody out, and would take pieces out of everything. */
const SHORTEST_SECRET = 4;
/** Of a content with lines, such as a key: a bracket or a word in a line of its own says nothing. */
const SHORTEST_LINE = 8;

/** What a secret looks like where programs quote it: as it is, a line of it, in a URL, in JSON, in base64. */
export function formsOfSecret(content: string | Uint8Array): string[] {
  const bytes = Buffer.from(content);
  const text = bytes.toString().trim();
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(
      (line, _, all) => all.length === 1 || (line.length >= SHORTEST_LINE && !line.startsWith('-----')),
    );
  const quoted = [text, ...lines].flatMap((each) => [
    each,
    encodeURIComponent(each.toWellFormed()),
    JSON.stringify(each).slice(1, -1),
  ]);
  const encoded = [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
  return [...new Set([...quoted, ...encoded])].filter((form) => form.length >= SHORTEST_SECRET);
}

/** `known`: secrets that are known word by word. */
export function maskSecrets(text: string, known: readonly string[]): string {
  let masked = text;
  // One may be a part of another.
  for (const secret of known.toSorted((a, b) => b.length - a.length))
    if (secret !== '') masked = masked.replaceAll(secret, MASK);
  masked = maskNamed(masked);
  for (const [form, instead] of OF_HARDWARE) masked = masked.replace(form, instead);
  // A report is read in terminals, which must not obey what stands in it.
  return visibleLines(masked);
}

/** The same in all texts of a JSON value. */
export function maskValue(value: unknown, known: readonly string[]): unknown {
  if (typeof value === 'string') return maskSecrets(value, known);
  if (Array.isArray(value)) return value.map((each) => maskValue(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskValue(each, known)]));
}
