// Reads JSON that somebody else wrote, field by field, with bounds on everything. Keys that nobody asks for are left
// alone: a newer version may have more to say. Errors are SyntaxErrors that name the field: `root.chunks[3].sha256`.

export interface UntrustedText {
  /** Name in messages: `the manifest`. */
  name: string;
  maxBytes: number;
  /** Set for a long text of which little is expected. */
  maxValues?: number;
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = Buffer.from('"\\,[{');

export function parseUntrustedJson(
  bytes: Uint8Array,
  { name, maxBytes, maxValues }: UntrustedText,
): UntrustedValue {
  const refuse = (problem: string, cause?: unknown): SyntaxError =>
    new SyntaxError(`Cannot read ${name}: ${problem}`, { cause });
  if (bytes.length > maxBytes) throw refuse(`it has ${bytes.length} bytes, more than ${maxBytes}`);
  if (maxValues !== undefined && hasMoreValues(bytes, maxValues))
    throw refuse(`it has more than ${maxValues} values`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return new UntrustedValue(JSON.parse(text), name, '');
  } catch (cause) {
    throw refuse('it is not JSON', cause);
  }
}

/**
 * Counts as far as brackets and commas tell, whatever the text is: values may take a hundred times the memory of
 * their text.
 */
function hasMoreValues(bytes: Uint8Array, maxValues: number): boolean {
  let values = 1;
  let isString = false;
  for (let i = 0; i < bytes.length && values <= maxValues; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) isString = !isString;
    else if (isString && byte === BACKSLASH) i++;
    else if (!isString && (byte === COMMA || byte === BRACKET || byte === BRACE)) values++;
  }
  return values > maxValues;
}

/** A value somewhere in it. */
export class UntrustedValue {
  readonly #value: unknown;
  readonly #name: string;
  readonly #path: string;

  constructor(value: unknown, name: string, path: string) {
    this.#value = value;
    this.#name = name;
    this.#path = path;
  }

  get isAbsent(): boolean {
    return this.#value === undefined;
  }

  /** `read` of the value, unless that is null. */
  orNull<T>(read: (value: UntrustedValue) => T): T | null {
    return this.#value === null ? null : read(this);
  }

  /** A problem that the caller has found: `has ...`, `is not ...`. */
  error(problem: string): SyntaxError {
    const subject = this.#path === '' ? 'it' : this.#path;
    return new SyntaxError(`Cannot read ${this.#name}: ${subject} ${problem}`);
  }

  field(key: string): UntrustedValue {
    const object = this.#object();
    const value = Object.hasOwn(object, key) ? object[key] : undefined;
    return this.#below(value, this.#path === '' ? key : `${this.#path}.${key}`);
  }

  /** Keys and values of an object that is used as a map. */
  entries(maxCount: number): [string, UntrustedValue][] {
    const entries = Object.entries(this.#object());
    if (entries.length > maxCount) throw this.error(`has ${entries.length} keys, more than ${maxCount}`);
    return entries.map(([key, value]) => [key, this.#below(value, `${this.#path}[${JSON.stringify(key)}]`)]);
  }

  items(maxCount: number): UntrustedValue[] {
    const value = this.#value;
    if (!Array.isArray(value)) throw this.error('is not an array');
    if (value.length > maxCount) throw this.error(`has ${value.length} entries, more than ${maxCount}`);
    return value.map((item, index) => this.#below(item, `${this.#path}[${index}]`));
  }

  /** `pattern` bounds the length too. */
  text(pattern: RegExp): string {
    const value = this.#value;
    if (typeof value !== 'string') throw this.error('is not a string');
    if (!pattern.test(value)) throw this.error(`is not of the form ${pattern.source}`);
    return value;
  }

  oneOf<T extends string | number>(values: readonly T[]): T {
    const found = values.find((value) => value === this.#value);
    if (found === undefined) throw this.error(`is not ${values.join(' or ')}`);
    return found;
  }

  boolean(): boolean {
    const value = this.#value;
    if (typeof value !== 'boolean') throw this.error('is not true or false');
    return value;
  }

  integer(min: number, max: number): number {
    const value = this.#value;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.error('is not a whole number');
    if (value < min || value > max) throw this.error(`is ${value}, not ${min} to ${max}`);
    return value;
  }

  #object(): Record<string, unknown> {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.error('is not an object');
    return value as Record<string, unknown>;
  }

  #below(value: unknown, path: string): UntrustedValue {
    return new UntrustedValue(value, this.#name, path);
  }
}
