// The pieces that the schema of tskrazy.json is made of in more than one place.

import * as v from 'valibot';

export const text = (description: string) =>
  v.pipe(
    v.string('must be a string'),
    v.excludes('\0', 'must not contain a zero byte'),
    v.description(description),
  );

export const filledText = (description: string) => v.pipe(text(description), v.nonEmpty('must not be empty'));

/** An object has one of these keys and no other of them. `sources` is for generators: JSON Schema has words for it. */
export function oneSourceOf<T extends object>(
  sources: readonly string[],
): v.RawCheckAction<T> & { sources: readonly string[] } {
  const check = v.rawCheck<T>(({ dataset, addIssue }) => {
    // valibot runs checks of this kind on values of the wrong type too.
    const value: unknown = dataset.value;
    if (typeof value !== 'object' || value === null) return;
    const present = sources.filter((key) => Object.hasOwn(value, key));
    if (present.length === 0) addIssue({ message: `has no source: give it ${listWords(sources)}` });
    if (present.length > 1) {
      addIssue({ message: `has ${present.length} sources (${present.join(', ')}): leave one of them` });
    }
  });
  return { ...check, sources };
}

/** `"a", "b" or "c"` */
export function listWords(words: readonly string[], last: 'and' | 'or' = 'or'): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} ${last} ${quoted.at(-1)}`;
}
