// Makes a text from a device or an app show what it is: a terminal or a page that shows the result neither obeys anything
// in it nor leaves anything of it unseen. What steers (controls), reorders (bidirectional formats) or is not seen at all
// (Unicode's default ignorable code points) is written out as `\x1b` or `\u202e`. Pure.
//
// Two of the unseen have honest uses and hide nothing there: what joins or separates two letters of other scripts or two
// parts of an emoji, and what says that a sign is one.

/** C0 but for tab, DEL, C1; all that is not seen (Default_Ignorable_Code_Point); line separators; annotations. */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex
  /[\0-\u0008\u000A-\u001F\u007F-\u009F\u2028\u2029\uFFF9-\uFFFB\p{Default_Ignorable_Code_Point}]/gu;

/** Nothing in most texts has to be looked at closer. */
const PLAIN = /^[\t -~]*$/;
const JOINER = /^[\u200C\u200D]$/;
const EMOJI_STYLE = '\uFE0F';
/** Scripts beyond Latin, and emoji, whose parts these joiners are made for. */
const JOINED = /^[^\0-\u02FF\p{C}\p{Z}]$/u;

export function visibleText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(HIDDEN, (character, index: number) =>
    isHonest(character, text, index) ? character : written(character),
  );
}

/** Of a text that may have lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visibleText).join('\n');
}

/** The same in all texts of a JSON value, and in its names. */
export function visibleValue<T>(value: T): T;
export function visibleValue(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (Array.isArray(value)) return value.map((each: unknown) => visibleValue(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [visibleText(name), visibleValue(each)]),
  );
}

function isHonest(character: string, text: string, index: number): boolean {
  const before = characterBefore(text, index);
  if (character === EMOJI_STYLE) return /^[\p{Emoji}]$/u.test(before);
  if (!JOINER.test(character)) return false;
  const after = String.fromCodePoint(text.codePointAt(index + 1) ?? 0);
  return (JOINED.test(before) || before === EMOJI_STYLE) && JOINED.test(after) && !isHidden(after);
}

function isHidden(character: string): boolean {
  return character.search(HIDDEN) === 0;
}

function characterBefore(text: string, index: number): string {
  const isPair = /[\uDC00-\uDFFF]/.test(text[index - 1] ?? '');
  return text.slice(Math.max(0, index - (isPair ? 2 : 1)), index);
}

function written(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x1_0000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}
