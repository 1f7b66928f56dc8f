// One question to one time server over UDP. Each goes from a socket, and so from a port, of its own (RFC 9109), which
// takes nothing from elsewhere; what does not repeat the question's cookie is passed over while waiting goes on.

import { createSocket } from 'node:dgram';
import { encodeNtpRequest, NTP_COOKIE_LENGTH } from '../../../formats/ntp-packet.ts';
import type { TimeLimits } from '../../../shared/manifest/build-time.ts';
import { randomBytes } from '../../sys/random-bytes.ts';
import { type Answer, judgeAnswer } from './sample.ts';
import { monotonicMs } from '../../monotonic.ts';

export interface AskRequest {
  address: string;
  port: number;
  limits: TimeLimits;
  nowMs: () => number;
  timeLimitMs: number;
}

export type Reply =
  | Exclude<Answer, { kind: 'foreign' }>
  /** `no-route`: nothing was asked, as the network does not lead to such an address. */
  | { kind: 'silence' | 'no-route'; problem: string };

/** What the kernel says by itself, and at once. */
const NO_ROUTE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Never rejects. */
export async function askServer(request: AskRequest): Promise<Reply> {
  const { address, port, limits, nowMs, timeLimitMs } = request;
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  let timer: NodeJS.Timeout | undefined;
  const reply = await new Promise<Reply>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'silence', problem: 'It does not answer' }), timeLimitMs);
    // No route, no such port: what the kernel or a router on the way says.
    const onError = ({ code, message }: NodeJS.ErrnoException): void =>
      resolve({
        kind: NO_ROUTE.has(code ?? '') ? 'no-route' : 'silence',
        problem: `It cannot be reached (${code ?? message})`,
      });
    const cookie = randomBytes(NTP_COOKIE_LENGTH);
    const question = { cookie, sentAtMs: 0 };
    let sentAtMs = 0;
    socket.on('error', onError);
    socket.on('message', (bytes) => {
      const takenAtMs = monotonicMs();
      const answer = judgeAnswer(bytes, question, { elapsedMs: takenAtMs - sentAtMs, takenAtMs }, limits);
      if (answer.kind !== 'foreign') resolve(answer);
    });
    socket.on('connect', () => {
      const packet = encodeNtpRequest(cookie);
      question.sentAtMs = nowMs();
      sentAtMs = monotonicMs();
      socket.send(packet, (error) => {
        if (error !== null) onError(error);
      });
    });
    socket.connect(port, address);
  });
  clearTimeout(timer);
  socket.close();
  return reply;
}
