// A signed image as somebody on the way may hand it on: each field of its manifest and of its signatures changed, dropped or
// moved, with everything else as it was signed.

export interface SignedImage {
  manifest: string;
  signatures: string;
}

export interface TamperedRequest extends SignedImage {
  what: string;
}

type Path = readonly (string | number)[];

/** Of long lists the first and the last: what is true of them is true of those between. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys: (string | number)[] = Array.isArray(value)
    ? [...new Set([0, value.length - 1])].filter((index) => index in value)
    : Object.keys(value);
  const inner = keys.flatMap((key) =>
    pathsOf((value as Record<string | number, unknown>)[key], [...path, key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function changed(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  // Still of its form: a hash, a name, a signature.
  if (typeof value === 'string') return `${value.startsWith('a') ? 'b' : 'a'}${value.slice(1)}`;
  return Array.isArray(value) ? value.slice(0, -1) : {};
}

function withChange(
  text: string,
  path: Path,
  change: (holder: Record<string | number, unknown>, key: string | number) => void,
): string {
  const root = JSON.parse(text) as Record<string | number, unknown>;
  let holder = root;
  for (const key of path.slice(0, -1)) holder = holder[key] as typeof holder;
  change(holder, path.at(-1)!);
  // As it was signed: with a newline at its end.
  return `${JSON.stringify(root)}\n`;
}

function* tamperedTexts(text: string): Generator<{ what: string; text: string }> {
  for (const path of pathsOf(JSON.parse(text))) {
    const name = path.join('.');
    yield {
      what: `${name} changed`,
      text: withChange(text, path, (holder, key) => (holder[key] = changed(holder[key]))),
    };
    yield { what: `${name} dropped`, text: withChange(text, path, (holder, key) => delete holder[key]) };
  }
  yield { what: 'cut', text: text.slice(0, text.length / 2) };
  yield { what: 'empty', text: '' };
}

export function* tamperedRequests(image: SignedImage): Generator<TamperedRequest> {
  for (const { what, text } of tamperedTexts(image.manifest))
    if (text !== image.manifest) yield { ...image, what: `the manifest: ${what}`, manifest: text };
  // A blank more is another text: the signature is over bytes.
  yield { ...image, what: 'the manifest: a blank more', manifest: ` ${image.manifest}` };
  for (const { what, text } of tamperedTexts(image.signatures))
    if (text !== image.signatures) yield { ...image, what: `the signatures: ${what}`, signatures: text };
}
