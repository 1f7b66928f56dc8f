// How an attempt ended, as a word: what it found, 'ok', or the code of the error.

import { connect, createServer } from 'node:net';

export type Attempts = Record<string, () => string | undefined | Promise<string | undefined>>;

export async function outcomeOf(attempt: Attempts[string]): Promise<string> {
  try {
    return (await attempt()) ?? 'ok';
  } catch (error) {
    const { code, info } = error as NodeJS.ErrnoException & { info?: { code: string } };
    return info?.code ?? code ?? String(error);
  }
}

/** A Unix socket: a path, or after a NUL an abstract name; a number is a port of the device itself. */
export function reach(where: string | number): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = typeof where === 'string' ? connect(where) : connect(where, '127.0.0.1');
    socket.on('error', reject).on('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

export function listen(where: string | number): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(where, () => server.close(() => resolve(undefined)));
  });
}
