// Takes the values out of a text that its own words call secret: `--password x`, `API_KEY=x`, `https://user:x@host/`. What
// carries a secret without saying so stays: this is for texts that quote arguments, settings or URLs by the way, and no
// reason to keep secrets there. Pure.

export const MASK = '***';

// What may be of any length in these forms has a bound: they are held against what hostile programs write, and would else begin
// anew at each word of a line.
const NAME =
  String.raw`[\w-]{0,99}(?:passw(?:or)?d|passphrase|pwd|secret|token|credential)[\w-]{0,99}` +
  String.raw`|(?:[\w-]{0,99}[-_]|api|access|private|secret|auth)?key`;

/** Of an address, up to what may say who asks: `https://user:x@`. */
const ADDRESS = String.raw`\b[a-z][a-z0-9+.-]{0,29}:\/\/`;

/** One after the other; also for a script that imports nothing. */
export const SECRET_FORMS: readonly [form: RegExp, instead: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  [/\b((?:Bearer|Basic) +)[\w+/=.~-]{6,}/gi, `$1${MASK}`],
  // `--password x`: an option, which text does not look like.
  [new RegExp(String.raw`(?<![\w-])(--(?:${NAME})\s+)(?![-\s])\S+`, 'gi'), `$1${MASK}`],
  // `password=x`, `"apiKey": "x"`, `DB_PASSWORD: x`, `secret is x`.
  [
    new RegExp(String.raw`(?<![\w-])((?:${NAME})["']?(?:\s*[:=]\s*|\s+is\s+)["']?)[^\s"',;&}]+`, 'gi'),
    `$1${MASK}`,
  ],
  [new RegExp(String.raw`(${ADDRESS})[^\s/@]+@`, 'gi'), `$1${MASK}@`],
];

/**
 * Addresses whose secret is certain, unlike what is masked, where one word too many does no harm: `user:x@`, a token in the
 * place of the user (`x:@`, or alone where it is too long for a name, as `git@` is not), `?token=x`. What a program is to put
 * in (`${TOKEN}`) is none.
 */
const SECRETS_IN_ADDRESSES = [
  String.raw`${ADDRESS}[^\s/:@"']{0,999}:(?!\$\{|<)[^\s/@"']+@`,
  String.raw`${ADDRESS}(?!\$\{|<)[^\s/:@"']{1,999}:@`,
  String.raw`${ADDRESS}(?=[a-z_-]{0,999}\d)[\w.~-]{20,}@`,
  String.raw`${ADDRESS}[^\s"'?#]{1,999}\?(?:[^\s"'#]{0,999}&)?(?:${NAME})=(?!\$\{|<)[^\s"'&#]`,
].map((form) => new RegExp(form, 'i'));

export function maskSecrets(text: string): string {
  return SECRET_FORMS.reduce((masked, [form, instead]) => masked.replace(form, instead), text);
}

export function hasSecretInAddress(text: string): boolean {
  return SECRETS_IN_ADDRESSES.some((form) => form.test(text));
}
