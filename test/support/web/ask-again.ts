// fetch(), but for connections that the other side has closed just as they were used again: what was asked over one is asked
// once more, over a new one.

/** Of undici, when the other side closes; and of a socket that it has closed while the request was written. */
const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

export async function askAgain(url: URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (!wasClosed(error)) throw error;
    // What had been kept is gone with it.
    return fetch(url, init);
  }
}

function wasClosed(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && CLOSED.has(String(cause.code));
}
