// One socket outside of libuv: opened, bound, written and read through libc, never blocking.

import { constants } from 'node:os';
import { encodeFilter, type FilterStep } from '../../formats/classic-bpf.ts';
import { addressOf, bindLibc } from './libc.ts';
import { unwatchSocket, watchSocket } from './socket-events.ts';

const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SO_ATTACH_FILTER = 26;
const MAX_ERRORS_AT_ONCE = 8;
/** sockaddr_in6 is the longest that is looked at. */
const MAX_ADDRESS_LENGTH = 28;

const libc = {
  socket: bindLibc('socket', ['int32', 'int32', 'int32']),
  bind: bindLibc('bind', ['int32', 'buffer', 'uint32']),
  setsockopt: bindLibc('setsockopt', ['int32', 'int32', 'int32', 'buffer', 'uint32']),
  sendto: bindLibc('sendto', ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32']),
  recvfrom: bindLibc('recvfrom', ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'buffer']),
  close: bindLibc('close', ['int32']),
};

const RETURN = 0x06;
export const KEEP_ALL: FilterStep = [RETURN, 0, 0, 0xffff];
export const DROP: FilterStep = [RETURN, 0, 0, 0];

export class RawSocket {
  readonly #fd: number;
  readonly #buffer: Uint8Array;
  readonly #source = new Uint8Array(MAX_ADDRESS_LENGTH);
  #isClosed = false;

  constructor(family: number, type: number, protocol: number, maxMessageLength = 2048) {
    this.#fd = libc.socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    this.#buffer = new Uint8Array(maxMessageLength);
  }

  /** What `setUp` throws is thrown, and nothing stays open then. */
  static open(
    [family, type, protocol, maxMessageLength]: ConstructorParameters<typeof RawSocket>,
    setUp: (socket: RawSocket) => void,
  ): RawSocket {
    const socket = new RawSocket(family, type, protocol, maxMessageLength);
    try {
      setUp(socket);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  /** Hears and sends by this interface only. */
  bindToInterface(name: string): void {
    this.setOption(SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${name}\0`));
  }

  bind(address: Uint8Array): void {
    libc.bind(this.#fd, address, address.length);
  }

  setOption(level: number, option: number, value: Uint8Array): void {
    libc.setsockopt(this.#fd, level, option, value, value.length);
  }

  /** What the filter refuses is neither queued nor wakes this process. */
  attachFilter(steps: readonly FilterStep[]): void {
    const program = encodeFilter(steps).buffer;
    const header = new Uint8Array(16);
    const headerView = new DataView(header.buffer);
    headerView.setUint16(0, steps.length, true); //       0  2  len, padded to 8
    headerView.setBigUint64(8, addressOf(program), true); // 8  8  filter
    this.setOption(SOL_SOCKET, SO_ATTACH_FILTER, header);
  }

  send(bytes: Uint8Array, destination: Uint8Array): void {
    const transmit = (): number =>
      libc.sendto(this.#fd, bytes, BigInt(bytes.length), 0, destination, destination.length);
    try {
      transmit();
    } catch (error) {
      // The kernel reports what happened to a socket before (its interface was down when it was bound) by failing the
      // next call, once. That was the first DISCOVER of every boot.
      if ((error as NodeJS.ErrnoException).code !== 'ENETDOWN') throw error;
      transmit();
    }
  }

  /** Socket address of who sent the last message; valid until the next one. */
  get source(): Uint8Array {
    return this.#source;
  }

  /** The next message, `undefined` when there is none; valid until the next call. Throws what the kernel reports. */
  receive(): Uint8Array | undefined {
    const size = BigInt(this.#buffer.length);
    const sourceSize = Uint8Array.of(MAX_ADDRESS_LENGTH, 0, 0, 0);
    try {
      const length = libc.recvfrom(this.#fd, this.#buffer, size, 0, this.#source, sourceSize);
      return this.#buffer.subarray(0, length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).errno === -constants.errno.EAGAIN) return undefined;
      throw error;
    }
  }

  /** Calls `onMessage` for each message from now on. Errors of the socket go to `onError`; reading goes on after them. */
  listen(onMessage: (bytes: Uint8Array) => void, onError: (error: NodeJS.ErrnoException) => void): void {
    watchSocket(this.#fd, () => {
      let errorCount = 0;
      while (!this.#isClosed) {
        let message: Uint8Array | undefined;
        try {
          message = this.receive();
        } catch (error) {
          onError(error as NodeJS.ErrnoException);
          // Reading an error clears it, and messages may wait behind; but a socket that only fails must not spin.
          if (++errorCount === MAX_ERRORS_AT_ONCE) return;
          continue;
        }
        if (message === undefined) return;
        onMessage(message);
      }
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    unwatchSocket(this.#fd);
    libc.close(this.#fd);
  }
}
