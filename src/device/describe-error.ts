// What an error says in a log: its own words and those of its causes.

/** Message with those of its causes, the innermost last. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}
