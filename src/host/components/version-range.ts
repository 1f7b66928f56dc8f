// Ranges of semantic versions, as `engines` of npm packages has them. Pre-releases count as what they lead to: here it is
// only told whether a program says that it is for a version.

type Version = readonly [number, number, number];

interface Bounds {
  from: Version;
  /** Excluded. */
  to: Version;
}

const ZERO: Version = [0, 0, 0];
const INFINITY: Version = [Infinity, 0, 0];

/** Undefined for what is no range. */
export function isInRange(version: string, range: string): boolean | undefined {
  const [major, minor = 0, patch = 0] = parseParts(version) ?? [];
  if (major === undefined) return undefined;
  const wanted: Version = [major, minor, patch];
  const alternatives = range.split('||').map((text) => boundsOf(text.trim()));
  if (alternatives.includes(undefined)) return undefined;
  return alternatives.some((bounds) =>
    bounds?.every(({ from, to }) => compare(wanted, from) >= 0 && compare(wanted, to) < 0),
  );
}

/** All of which a version has to be within. */
function boundsOf(text: string): Bounds[] | undefined {
  const [, first, last] = /^(\S+)\s+-\s+(\S+)$/.exec(text) ?? [];
  const plain = first === undefined ? text : `>=${first} <=${last}`;
  const words = plain.replaceAll(/([<>=^~]+)\s+/g, '$1').split(/\s+/);
  const bounds = words.map(boundOf);
  return bounds.includes(undefined) ? undefined : bounds.filter((each) => each !== undefined);
}

function boundOf(word: string): Bounds | undefined {
  const [, operator = '', text = ''] = /^(>=|<=|>|<|=|\^|~>?)?(.*)$/.exec(word) ?? [];
  const parts = parseParts(text);
  if (parts === undefined) return undefined;
  const [major = 0, minor = 0, patch = 0] = parts;
  const low: Version = [major, minor, patch];
  switch (operator) {
    case '>=':
      return { from: low, to: INFINITY };
    case '>':
      return { from: after(parts), to: INFINITY };
    case '<':
      return { from: ZERO, to: low };
    case '<=':
      return { from: ZERO, to: after(parts) };
    case '^':
      return { from: low, to: after(parts.slice(0, countOfCaret(parts))) };
    case '~':
    case '~>':
      return { from: low, to: after(parts.slice(0, 2)) };
    default:
      return { from: low, to: after(parts) };
  }
}

/** The first part that is not 0 stays; where all are, the last one that is written. */
function countOfCaret(parts: readonly number[]): number {
  const index = parts.findIndex((part) => part > 0);
  return index === -1 ? parts.length : index + 1;
}

/** The first version after all that begin so. */
function after(parts: readonly number[]): Version {
  const [major, minor, patch] = parts;
  if (major === undefined) return INFINITY;
  if (minor === undefined) return [major + 1, 0, 0];
  return patch === undefined ? [major, minor + 1, 0] : [major, minor, patch + 1];
}

/** `26.2` and `26.2.x` have two parts, `*` has none. */
function parseParts(text: string): number[] | undefined {
  const [main = ''] = text.replace(/^v/, '').split(/[-+]/);
  if (!/^(?:[\dxX*]+(?:\.[\dxX*]+){0,2})?$/.test(main)) return undefined;
  const parts = main === '' ? [] : main.split('.');
  const open = parts.findIndex((part) => !/^\d+$/.test(part));
  return (open === -1 ? parts : parts.slice(0, open)).map(Number);
}

function compare(a: Version, b: Version): number {
  const index = a.findIndex((part, at) => part !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}
