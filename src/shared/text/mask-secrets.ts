// Takes the values out of a text that its own words call secret: `--password x`, `API_KEY=x`, `https://user:x@host/`. What
// carries a secret without saying so stays: this is for texts that quote arguments, settings or URLs by the way, and no
// reason to keep secrets there. Pure.

export const MASK = '***';

const NAME =
  String.raw`[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|credential)[\w-]*` +
  String.raw`|(?:[\w-]*[-_]|api|access|private|secret|auth)?key`;

const FORMS: readonly [form: RegExp, instead: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  [/\b((?:Bearer|Basic) +)[\w+/=.~-]{6,}/gi, `$1${MASK}`],
  // `--password x`: an option, which text does not look like.
  [new RegExp(String.raw`(?<![\w-])(--(?:${NAME})\s+)(?![-\s])\S+`, 'gi'), `$1${MASK}`],
  // `password=x`, `"apiKey": "x"`, `DB_PASSWORD: x`, `secret is x`.
  [
    new RegExp(String.raw`(?<![\w-])((?:${NAME})["']?(?:\s*[:=]\s*|\s+is\s+)["']?)[^\s"',;&}]+`, 'gi'),
    `$1${MASK}`,
  ],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${MASK}@`],
];

export function maskSecrets(text: string): string {
  return FORMS.reduce((masked, [form, instead]) => masked.replace(form, instead), text);
}
