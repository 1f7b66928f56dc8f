// When nobody at any of a device's addresses proves to be the device: what answered where, in one error.

import type { FoundDevice } from './find-device.ts';
import { UserError } from '../user-error.ts';
import type { DeviceAddress } from './device-address.ts';
import { sendRequest, UnprovenError } from './device-connection.ts';
import { noTls } from './device-problems.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { WEB_API } from '../../shared/api/web-api.ts';

export interface Failure {
  address: DeviceAddress;
  error: unknown;
}

const PROBE_LIMIT_MS = 3000;

export async function explainFailures(
  device: FoundDevice,
  failures: readonly Failure[],
  signal: AbortSignal,
): Promise<unknown> {
  const [first] = failures;
  if (!first) return new NoAnswerError(`Cannot reach "${device.name}": there is no answer`);
  // An address where somebody else answers says more than one where nobody does.
  const telling = failures.find(({ error }) => !(error instanceof NoAnswerError)) ?? first;
  const plain = await findPlain(failures, signal);
  const error = plain ? noTls(device, plain) : telling.error;
  if (!(error instanceof UserError) || failures.length === 1) return error;
  const also = failures.filter((each) => each !== telling && each.address.host !== plain?.host);
  if (also.length === 0) return error;
  const lines = also.map((each) => `Also: ${messageOf(each.error)}`);
  const options = { hint: [...lines, error.hint ?? ''].join('\n').trimEnd(), cause: error.cause };
  return error instanceof NoAnswerError
    ? new NoAnswerError(error.message, { ...options, ...(error.topic && { topic: error.topic }) })
    : new UserError(error.message, { ...options, ...(error.topic && { topic: error.topic }) });
}

/** Where a device answers in clear that speaks no TLS. It is asked for nothing but a sign of life. */
async function findPlain(
  failures: readonly Failure[],
  signal: AbortSignal,
): Promise<DeviceAddress | undefined> {
  for (const { address, error } of failures) {
    const { host, plainPort, tls } = address;
    if (!tls || plainPort === undefined || !speaksNoTls(error)) continue;
    const plain: DeviceAddress = { host, port: plainPort, tls: false };
    if (await isPage(plain, signal)) return plain;
  }
  return undefined;
}

function speaksNoTls(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : undefined;
  if (cause instanceof UnprovenError) return cause.what === 'no TLS';
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  // QEMU takes the connection for a port on which nobody listens in its guest, and closes it then.
  return code === 'ECONNREFUSED' || code === 'ECONNRESET';
}

async function isPage(address: DeviceAddress, signal: AbortSignal): Promise<boolean> {
  try {
    const limits = { connectMs: PROBE_LIMIT_MS, answerMs: PROBE_LIMIT_MS };
    const request = { path: WEB_API.health, method: 'GET', headers: {} };
    const answer = await sendRequest({ address, authorities: [], ...request, ...limits, signal });
    answer.resume();
    return answer.statusCode === 200;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
