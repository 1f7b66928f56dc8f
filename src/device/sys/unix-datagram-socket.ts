// A Unix datagram socket, which Node has not: how wpa_supplicant is spoken to. unix(7)

import { chmodSync, rmSync } from 'node:fs';
import { RawSocket } from './raw-socket.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
/** sun_path, with the zero at its end. */
const MAX_PATH_BYTES = 108;

export class UnixDatagramSocket {
  readonly #socket: RawSocket;
  readonly #path: string;
  readonly #peer: Uint8Array;

  /**
   * `path`: its own, to which answers come; a file that a killed process has left there is removed. Throws what the kernel
   * says, ENOENT where the directory is not there yet.
   */
  constructor(path: string, peerPath: string, maxMessageLength: number) {
    this.#path = path;
    this.#peer = socketAddress(peerPath);
    const own = socketAddress(path);
    rmSync(path, { force: true });
    this.#socket = RawSocket.open([AF_UNIX, SOCK_DGRAM, 0, maxMessageLength], (socket) => socket.bind(own));
    // Whoever answers may be another user; who gets there at all, the directory decides.
    chmodSync(path, 0o777);
  }

  /** Throws ENOENT or ECONNREFUSED when nobody listens there, EAGAIN when they do not read. */
  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#peer);
  }

  /** A message that is longer than the buffer comes cut off. */
  listen(onMessage: (bytes: Uint8Array) => void): void {
    // Nothing is reported to such a socket: it is connected to nobody.
    this.#socket.listen(onMessage, () => {});
  }

  close(): void {
    this.#socket.close();
    rmSync(this.#path, { force: true });
  }
}

/** struct sockaddr_un: u16 family, the path with a zero at its end. */
function socketAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(`\0\0${path}\0`);
  if (bytes.length - 2 > MAX_PATH_BYTES)
    throw new RangeError(`Cannot use "${path}" as a socket: it is too long`);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  return bytes;
}
