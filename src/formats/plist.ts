// Property lists of macOS in their XML form (plist(5), DTD PropertyList-1.0): dictionaries, arrays, strings, numbers and
// truth values, which is what its tools print. Dates and data come as their text. A general XML library would be many
// times this file, for a form without attributes, namespaces and mixed content.

export type PlistValue = string | number | boolean | PlistValue[] | { [key: string]: PlistValue };

/** Nothing that a tool prints is nearly as deep. */
const MAX_DEPTH = 64;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Throws SyntaxError. */
export function parsePlist(text: string): PlistValue {
  const reader = new Reader(text.replaceAll(/<\?.*?\?>|<!DOCTYPE[^>]*>|<!--.*?-->/gs, ''));
  reader.open('plist');
  const value = reader.value(0);
  reader.close('plist');
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  open(name: string): void {
    const tag = this.#tag();
    if (tag.name !== name || tag.kind !== 'open') throw this.#unexpected(`<${name}>`);
  }

  close(name: string): void {
    const tag = this.#tag();
    if (tag.name !== name || tag.kind !== 'close') throw this.#unexpected(`</${name}>`);
  }

  value(depth: number): PlistValue {
    if (depth > MAX_DEPTH) throw new SyntaxError('property list is nested too deep');
    const { name, kind } = this.#tag();
    if (kind === 'close') throw this.#unexpected('a value');
    if (name === 'true' || name === 'false') {
      if (kind === 'open') this.close(name);
      return name === 'true';
    }
    if (name === 'dict') return kind === 'empty' ? {} : this.#dictionary(depth);
    if (name === 'array') return kind === 'empty' ? [] : this.#array(depth);
    const text = kind === 'empty' ? '' : this.#content(name);
    switch (name) {
      case 'string':
      case 'date':
      case 'data':
        return text;
      case 'integer':
      case 'real':
        return this.#number(text);
      default:
        throw this.#unexpected('a value');
    }
  }

  #dictionary(depth: number): PlistValue {
    const entries: [string, PlistValue][] = [];
    for (;;) {
      const { name, kind } = this.#tag();
      if (name === 'dict' && kind === 'close') return Object.fromEntries(entries);
      if (name !== 'key' || kind === 'close') throw this.#unexpected('<key> or </dict>');
      const key = kind === 'empty' ? '' : this.#content('key');
      entries.push([key, this.value(depth + 1)]);
    }
  }

  #array(depth: number): PlistValue {
    const values: PlistValue[] = [];
    for (;;) {
      const before = this.#at;
      const { name, kind } = this.#tag();
      if (name === 'array' && kind === 'close') return values;
      this.#at = before;
      values.push(this.value(depth + 1));
    }
  }

  #content(name: string): string {
    const end = this.#text.indexOf('<', this.#at);
    if (end < 0) throw this.#unexpected(`</${name}>`);
    const raw = this.#text.slice(this.#at, end);
    this.#at = end;
    this.close(name);
    return raw.replaceAll(
      /&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi,
      (whole, decimal, hex, word: string | undefined) => {
        if (word !== undefined) return ENTITIES[word] ?? whole;
        const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
        return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      },
    );
  }

  #number(text: string): number {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw this.#unexpected('a number');
    return value;
  }

  #tag(): { name: string; kind: 'open' | 'close' | 'empty' } {
    const tag = /\s*<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/y;
    tag.lastIndex = this.#at;
    const [whole, slash, name, end] = tag.exec(this.#text) ?? [];
    if (whole === undefined || name === undefined) throw this.#unexpected('a tag');
    this.#at += whole.length;
    if (slash === '/') return { name, kind: 'close' };
    return { name, kind: end === '/' ? 'empty' : 'open' };
  }

  #unexpected(wanted: string): SyntaxError {
    return new SyntaxError(`property list has no ${wanted} at character ${this.#at}`);
  }
}
