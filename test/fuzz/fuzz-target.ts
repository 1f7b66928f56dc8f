// A parser of bytes that somebody else made, as the fuzz runner needs it: valid inputs, and what it may do with damaged ones.

export interface FuzzTarget {
  /** Valid inputs; damaged ones are made of them. */
  corpus: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /**
   * Parses, and uses the result as its users do. Resolves to a word for what came of it: an input with a new word is
   * damaged further. Whatever it throws that `refuses` does not know is a crash.
   */
  run: (input: Uint8Array) => Outcome | Promise<Outcome>;
  /** Whether the error is the parser's own verdict on its input. */
  refuses: (error: unknown) => boolean;
  /** Mends a checksum or length that would otherwise hide the rest from most inputs. */
  repair?: (input: Uint8Array) => Uint8Array;
  /** Of a text, tokens are damaged besides bytes. */
  form?: 'text' | 'JSON';
}

export type Outcome = string | undefined;

export const isSyntaxError = (error: unknown): boolean => error instanceof SyntaxError;

export function hasCode(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
