// A time server on loopback that tells the time as it is told to: right, wrong by years, garbled or not at all.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encodeNtpTime } from '../../../src/formats/ntp-packet.ts';

export interface NtpBehaviour {
  /** What its clock is ahead of ours. */
  aheadMs?: number;
  stratum?: number;
  /** Leap indicator, 0 to 3. */
  leap?: number;
  mode?: number;
  rootDispersionMs?: number;
  /** Answers with a cookie that nobody sent, before it answers rightly. */
  forgeriesFirst?: number;
  /** At stratum 0. */
  kissCode?: string;
  isSilent?: boolean;
}

export class NtpServer {
  behaviour: NtpBehaviour;
  /** Packets that clients have sent. */
  readonly seen: Uint8Array[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket, behaviour: NtpBehaviour) {
    this.#socket = socket;
    this.behaviour = behaviour;
    socket.on('message', (bytes, from) => this.#onMessage(bytes, from));
  }

  /** Closed with the test. */
  static async start(
    t: { after: (act: () => void) => void },
    behaviour: NtpBehaviour = {},
  ): Promise<NtpServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.after(() => {
      socket.close();
    });
    return new NtpServer(socket, behaviour);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get name(): string {
    return `127.0.0.1:${this.port}`;
  }

  #onMessage(bytes: Uint8Array, from: RemoteInfo): void {
    this.seen.push(bytes);
    const { isSilent = false, forgeriesFirst = 0 } = this.behaviour;
    if (isSilent) return;
    for (let count = 0; count < forgeriesFirst; count++) {
      const forgery = encodeAnswer(bytes, { ...this.behaviour, aheadMs: 1e9 });
      forgery[24] = (forgery[24] ?? 0) ^ 0xff;
      this.#socket.send(forgery, from.port, from.address);
    }
    this.#socket.send(encodeAnswer(bytes, this.behaviour), from.port, from.address);
  }
}

export function encodeAnswer(request: Uint8Array, behaviour: NtpBehaviour): Uint8Array {
  const { aheadMs = 0, stratum = 2, leap = 0, mode = 4, rootDispersionMs = 5, kissCode = '' } = behaviour;
  const bytes = new Uint8Array(48);
  const nowMs = performance.timeOrigin + performance.now() + aheadMs;
  bytes[0] = (leap << 6) | (4 << 3) | mode;
  bytes[1] = stratum;
  bytes[2] = 6;
  new DataView(bytes.buffer).setUint32(8, Math.round(rootDispersionMs * 65.536));
  bytes.set(new TextEncoder().encode(kissCode), 12);
  bytes.set(encodeNtpTime(nowMs - 10_000), 16);
  bytes.set(request.subarray(40, 48), 24);
  bytes.set(encodeNtpTime(nowMs), 32);
  bytes.set(encodeNtpTime(nowMs), 40);
  return bytes;
}
