// The socket by which an app talks to init (shared/services/app-contract.ts). What comes over it is an app's, so it is
// taken for hostile: one short line a connection, on a limited number of connections, of which one that says nothing
// gives way to the next. No clock is involved: an app on a starved machine may take its time to say that it is ready.

import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import {
  APP_CONDITION,
  isDeviceCondition,
  MAX_APP_REQUEST_BYTES,
} from '../../../shared/services/app-contract.ts';
import { type DevicePackages, parseDevicePackages } from '../../../shared/services/device-packages.ts';
import { APP_SOCKET_CONNECTIONS } from '../../../shared/services/app-limits.ts';
import { monotonicMs } from '../../monotonic.ts';

const MAX_CONDITIONS = 16;
/** How long the socket is gone when there were too many: each connection costs init some time. */
const REST_MS = 1000;
const NEWLINE = 0x0a;

export interface AppRequests {
  onReady: () => void;
  onInstalled: (packages: DevicePackages) => void;
  whenMet: (conditions: readonly string[], signal: AbortSignal) => Promise<void>;
}

export interface SocketOwner {
  uid: number;
  gid: number;
}

export class AppSocket {
  readonly #path: string;
  readonly #requests: AppRequests;
  /** In the order in which they came. */
  readonly #connections = new Set<Socket>();
  /** Connections whose question has not come yet. */
  readonly #silent = new Set<Socket>();
  #server: Server | undefined;
  #restTimer: NodeJS.Timeout | undefined;
  #countedSince = 0;
  #count = 0;

  constructor(path: string, requests: AppRequests) {
    this.#path = path;
    this.#requests = requests;
  }

  /**
   * Called before every start of the app; the socket stays open from the first one on. The app may connect, but not
   * unlink it.
   */
  async open(owner: SocketOwner): Promise<void> {
    if (this.#server !== undefined) {
      if (this.#server.listening) chownSync(this.#path, owner.uid, owner.gid);
      return;
    }
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
    rmSync(this.#path, { force: true });
    const server = createServer((socket) => {
      if (this.#isTooMany()) {
        socket.destroy();
        this.#rest(owner);
      } else if (this.#hasRoom()) {
        this.#serve(socket);
      } else {
        socket.destroy();
      }
    });
    // The server is set before the first await: two calls at once must not take each other's socket away.
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(this.#path, resolve);
      });
      chmodSync(this.#path, 0o600);
      chownSync(this.#path, owner.uid, owner.gid);
    } catch (error) {
      server.close();
      this.#server = undefined;
      throw error;
    }
    // A connection that could not be accepted.
    server.on('error', () => {});
    server.unref();
  }

  /** The app is gone for good, or until the next `open`. */
  close(): void {
    clearTimeout(this.#restTimer);
    this.#server?.close();
    this.#server = undefined;
    rmSync(dirname(this.#path), { recursive: true, force: true });
  }

  /** Makes room where there is none: whoever has said nothing for longest goes. */
  #hasRoom(): boolean {
    if (this.#connections.size < APP_SOCKET_CONNECTIONS.atOnce) return true;
    const [oldest] = this.#silent;
    if (oldest === undefined) return false;
    this.#forget(oldest);
    oldest.destroy();
    return true;
  }

  #forget(socket: Socket): void {
    this.#connections.delete(socket);
    this.#silent.delete(socket);
  }

  #isTooMany(): boolean {
    const now = monotonicMs();
    if (now - this.#countedSince > 1000) {
      this.#countedSince = now;
      this.#count = 0;
    }
    return ++this.#count > APP_SOCKET_CONNECTIONS.perSecond;
  }

  #rest(owner: SocketOwner): void {
    this.#server?.close();
    this.#server = undefined;
    this.#count = 0;
    // Should it fail, the next start of the app tries again.
    this.#restTimer = setTimeout(() => void this.open(owner).catch(() => {}), REST_MS).unref();
  }

  /** Those of a socket that has gone count on: the server's own limit would let an app begin anew. */
  #serve(socket: Socket): void {
    this.#connections.add(socket);
    this.#silent.add(socket);
    const request = Buffer.alloc(MAX_APP_REQUEST_BYTES);
    let length = 0;
    const closed = new AbortController();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#forget(socket);
      closed.abort();
    });
    const onData = (chunk: Buffer): void => {
      length += chunk.copy(request, length);
      const end = request.subarray(0, length).indexOf(NEWLINE);
      if (end < 0 && length < request.length) return;
      this.#silent.delete(socket);
      socket.off('data', onData);
      // What else comes is read and dropped, so that the end of the connection is seen.
      socket.resume();
      const line = end < 0 ? undefined : request.toString('latin1', 0, end);
      void this.#answer(line, closed.signal).then((answer) => socket.end(`${answer}\n`));
    };
    socket.on('data', onData);
  }

  async #answer(line: string | undefined, signal: AbortSignal): Promise<string> {
    const [verb, ...words] = line?.trim().split(/ +/) ?? [];
    if (verb === 'ready' && words.length === 0) {
      this.#requests.onReady();
      return 'ok';
    }
    const packages = verb === 'installed' ? parseDevicePackages(words) : undefined;
    if (packages !== undefined) {
      this.#requests.onInstalled(packages);
      return 'ok';
    }
    if (verb === 'wait' && words.length > 0 && words.length <= MAX_CONDITIONS)
      return this.#wait(words, signal);
    return 'error expected "ready" or "wait CONDITION..."';
  }

  async #wait(conditions: readonly string[], signal: AbortSignal): Promise<string> {
    const unknown = conditions.find((word) => !isDeviceCondition(word) && !APP_CONDITION.test(word));
    if (unknown !== undefined) return 'error a condition is "clock", "network" or "app:NAME"';
    await this.#requests.whenMet(conditions, signal);
    return 'ok';
  }
}
