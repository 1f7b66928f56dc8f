import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { InitEvent } from '../../shared/api/init-api.ts';
import type { EventStream } from './event-stream.ts';
import type { InitClient } from './init-client.ts';
import { StatusFeed } from './status-feed.ts';
import type { StatusReader } from './status.ts';

class Listener {
  readonly got: string[] = [];
  readonly isBehind = false;
  readonly #heard = new EventEmitter();
  #close = (): void => undefined;

  send(event: string): void {
    this.got.push(event);
    this.#heard.emit('event');
  }

  /** Resolves when it has heard so many of them. */
  async has(event: string, count: number): Promise<void> {
    while (this.got.filter((each) => each === event).length < count) await once(this.#heard, 'event');
  }

  onClose(close: () => void): void {
    this.#close = close;
  }

  close(): void {
    this.#close();
  }

  get stream(): EventStream {
    return this as unknown as EventStream;
  }
}

test('whoever wants one status hears of services and costs no further ones', async () => {
  const events = new PassThrough({ encoding: 'utf8' });
  let statuses = 0;
  const init = { stream: async () => events } as unknown as InitClient;
  const reader = { read: async () => ({ count: (statuses += 1) }) } as unknown as StatusReader;
  const feed = new StatusFeed(init, reader, { intervalMs: 5 });
  const follower = new Listener();
  feed.add(follower.stream, { isStatusOnce: true });
  await follower.has('status', 1);

  const page = new Listener();
  feed.add(page.stream);
  await page.has('status', 4);
  const change = { type: 'service', status: { name: 'app', reason: null } } as InitEvent;
  events.write(`${JSON.stringify(change)}\n`);
  await Promise.all([page.has('service', 1), follower.has('service', 1)]);
  assert.deepEqual(follower.got, ['status', 'service']);

  page.close();
  const before = statuses;
  events.write(`${JSON.stringify(change)}\n`);
  await follower.has('service', 2);
  assert.ok(statuses <= before + 1, 'one that was being read');
  const ended = once(events, 'close');
  follower.close();
  await ended;
});
