// The inspector of an app of a running device, open for as long as its request to the device is: whatever ends this program
// ends that, and the device closes the inspector.

import type { Socket } from 'node:net';
import {
  ALIVE_EVERY_MS,
  DEBUG_API,
  type InspectEvent,
  type InspectRequest,
} from '../../shared/debug/debug-api.ts';
import { TUNNEL_PROTOCOL } from '../../shared/tunnel-protocol.ts';
import type { UpdateKeys } from '../config/update-keys.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { parseDeviceJson } from '../devices/device-json.ts';
import { NoAnswerError } from '../devices/no-answer-error.ts';
import { RefusalError } from '../devices/refusal-error.ts';
import { requestPermit } from '../permit/request-permit.ts';
import { UserError } from '../user-error.ts';
import { AppGoneError } from './app-gone-error.ts';
import { objectOf, textOf } from './loose-values.ts';

/** The device gives the app 10 s, and 30 s to close it behind who was there before. */
const OPEN_LIMIT_MS = 60_000;
const SILENCE_LIMIT_MS = 4 * ALIVE_EVERY_MS;
const MAX_LINE_CHARACTERS = 64 * 1024;
const TARGET = /^[0-9a-f-]{36}$/;

export interface OpenInspectorOptions {
  device: DeviceClient;
  wanted: InspectRequest;
  keys: UpdateKeys;
  signal: AbortSignal;
}

export interface OpenInspector {
  app: string;
  /** Path of the target that the inspector has. */
  target: string;
  /** A connection to it. */
  connect(): Promise<Socket>;
  /** Resolves with a sentence when it is over without `close`. */
  ended: Promise<string>;
  /** Resolves when the device has been told. */
  close(): Promise<void>;
}

/** Throws a UserError: nobody may, the app has no inspector, or does not open it. */
export async function openInspector(options: OpenInspectorOptions): Promise<OpenInspector> {
  const { wanted, keys, signal } = options;
  const { app } = wanted;
  const act = `debug "${app}"`;
  const over = new AbortController();
  const device = options.device.withSignal(AbortSignal.any([signal, over.signal]));
  const events = readEvents(await askInspector(device, keys, wanted, act));
  const first = await events.next();
  const opened = first.done === true ? undefined : readOpen(first.value);
  if (opened === undefined)
    throw new UserError(`Cannot ${act}: the device does not say where its inspector is`);
  const ended = untilClosed(events, over.signal);
  return {
    app,
    target: opened.target,
    connect: () => connectTo(device, opened.id, act),
    ended,
    close: async () => {
      over.abort(new UserError('Closed'));
      await ended;
    },
  };
}

async function connectTo(device: DeviceClient, id: string, act: string): Promise<Socket> {
  try {
    const { socket, head } = await device.upgrade(DEBUG_API.tunnel(id), TUNNEL_PROTOCOL, act);
    if (head.length > 0) socket.unshift(head);
    return socket;
  } catch (error) {
    const isOver = error instanceof RefusalError && error.code === 'no-such-session';
    throw isOver ? new AppGoneError(error) : error;
  }
}

async function askInspector(
  device: DeviceClient,
  keys: UpdateKeys,
  request: InspectRequest,
  act: string,
): Promise<AsyncGenerator<string>> {
  const permit = await requestPermit(device, keys, { purpose: 'inspect', request, act });
  return device.askStream(DEBUG_API.inspect, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: [Buffer.from(JSON.stringify(permit))],
    limitMs: OPEN_LIMIT_MS,
    silenceLimitMs: SILENCE_LIMIT_MS,
    act,
  });
}

/** What the device says of an inspector that is open; undefined: nothing that could be so. */
function readOpen(event: Record<string, unknown>): { id: string; target: string } | undefined {
  const { target } = objectOf(event['endpoint']);
  const isOpen = event['event'] === ('open' satisfies InspectEvent['event']);
  const [id, place] = [textOf(event['id']), textOf(target)];
  return isOpen && TARGET.test(id) && TARGET.test(place) ? { id, target: place } : undefined;
}

/** Throws NoAnswerError for a line that no device of ours sends. */
async function* readEvents(pieces: AsyncIterable<string>): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw new NoAnswerError('The device sends a line without an end');
    for (const line of lines) yield parseEvent(line);
  }
}

function parseEvent(line: string): Record<string, unknown> {
  try {
    return objectOf(parseDeviceJson(line));
  } catch (cause) {
    throw new NoAnswerError('The device sends something that is no event', { cause });
  }
}

/** Never rejects. */
async function untilClosed(
  events: AsyncIterable<Record<string, unknown>>,
  over: AbortSignal,
): Promise<string> {
  try {
    for await (const { event, reason } of events)
      if (event === ('closed' satisfies InspectEvent['event'])) return textOf(reason);
    return 'the device has closed it';
  } catch {
    return over.aborted ? 'closed' : 'the connection to the device is lost';
  }
}
