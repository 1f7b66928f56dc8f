// Takes out of a device's report what nobody else is to read: it is made to be pasted into an issue. What a device or
// an app has said may hold anything; the rest is by form. Addresses stay, because most of what goes wrong is about them,
// but for the part of them and of MAC addresses that is of one piece of hardware in the world.

const MASK = '***';

const FORMS: readonly [form: RegExp, instead: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  [/\b((?:Bearer|Basic) +)[\w+/=.~-]{6,}/gi, `$1${MASK}`],
  // `password=x`, `"apiKey": "x"`, `DB_PASSWORD: x`, `secret is x`.
  [
    /([\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[-_]?key|private[-_]?key|credential)[\w-]*["']?(?:\s*[:=]\s*|\s+is\s+)["']?)[^\s"',;&}]+/gi,
    `$1${MASK}`,
  ],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${MASK}@`],
  [/\b([0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2})(?::[0-9a-f]{2}){3}\b/gi, '$1:xx:xx:xx'],
  // Of an IPv6 address that was made of a MAC address.
  [/\b([0-9a-f]{1,4}:[0-9a-f]{0,2}ff:fe)[0-9a-f]{2}:[0-9a-f]{1,4}\b/gi, '$1xx:xxxx'],
];

/** `known`: secrets that are known word by word. */
export function maskSecrets(text: string, known: readonly string[]): string {
  let masked = text;
  for (const secret of known) if (secret !== '') masked = masked.replaceAll(secret, MASK);
  for (const [form, instead] of FORMS) masked = masked.replace(form, instead);
  // It ends in terminals.
  return masked.replaceAll(/[^\P{Cc}\n\t]/gu, '');
}

/** The same in all texts of a JSON value. */
export function maskValue(value: unknown, known: readonly string[]): unknown {
  if (typeof value === 'string') return maskSecrets(value, known);
  if (Array.isArray(value)) return value.map((each) => maskValue(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskValue(each, known)]));
}
