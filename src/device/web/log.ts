// What `web` has to say of itself: a line on standard error, which init keeps in the log of the service.

export function logLine(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** The error and what caused it, in one line. */
export function logError(act: string, error: unknown): void {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error && parts.length < 5; cause = cause.cause)
    parts.push(cause.message);
  logLine(`${act}: ${parts.join(': ')}`);
}
