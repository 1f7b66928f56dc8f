// Followed logs, over HTTP.

import assert from 'node:assert/strict';
import http from 'node:http';
import { suite, test, type TestContext } from 'node:test';

import type { LogLine } from '../../shared/services/services.ts';
import { basic } from '../../../test/support/web/http-ask.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice } from '../../../test/support/web/web-device.ts';

interface LogEvent {
  id: string;
  lines: LogLine[];
}

async function* follow(
  device: WebDevice,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
): AsyncGenerator<LogEvent> {
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .get(
        `${device.url}${path}`,
        { headers: { ...basic(TEST_PASSWORD), ...headers }, agent: false },
        resolve,
      )
      .once('error', reject);
  });
  let rest = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const match = /^id: (.+)\nevent: lines\ndata: (.+)$/.exec(event);
      if (match) yield { id: match[1] ?? '', lines: JSON.parse(match[2] ?? '') as LogLine[] };
    }
  }
}

async function start(t: TestContext): Promise<WebDevice> {
  const device = await startWebDevice();
  t.after(() => device.close());
  return device;
}

async function collect(events: AsyncGenerator<LogEvent>, last: string): Promise<LogEvent[]> {
  const found: LogEvent[] = [];
  for await (const event of events) {
    found.push(event);
    if (event.lines.at(-1)?.text === last) break;
  }
  return found;
}

suite('followed log', () => {
  test('sends many lines in few events, each once and in order', async (t) => {
    const device = await start(t);
    const events = follow(device, '/api/v1/logs/backup?lines=1&follow=1');
    device.init.log('backup', 'first');
    const first = await events.next();
    for (let count = 0; count < 500; count++) device.init.log('backup', `line ${count}`);
    const rest = await collect(events, 'line 499');
    const seqs = rest.flatMap(({ lines }) => lines.map(({ seq }) => seq));
    const start_ = ((first.value as LogEvent).lines.at(-1)?.seq ?? 0) + 1;
    assert.deepEqual(
      seqs,
      Array.from({ length: 500 }, (_, index) => start_ + index),
    );
    assert.ok(rest.length < 50, `${rest.length} events`);
  });

  test('drops the oldest when a burst is more than it holds', async (t) => {
    const device = await start(t);
    const events = follow(device, '/api/v1/logs/backup?lines=1&follow=1');
    device.init.log('backup', 'first');
    await events.next();
    for (let count = 0; count < 5000; count++) device.init.log('backup', `line ${count}`);
    const lines = (await collect(events, 'line 4999')).flatMap((event) => event.lines);
    assert.ok(lines.length >= 1000 && lines.length < 5000, `${lines.length} lines`);
  });

  test('goes on after what the client has seen, in the same boot only', async (t) => {
    const device = await start(t);
    for (const text of ['a', 'b', 'c']) device.init.log('backup', text);
    const path = '/api/v1/logs/backup?lines=3&follow=1';
    const [all] = await collect(follow(device, path), 'c');
    const [boot] = (all?.id ?? '').split(':');
    const seen = all?.lines[1]?.seq ?? 0;
    const [resumed] = await collect(follow(device, path, { 'Last-Event-ID': `${boot}:${seen}` }), 'c');
    assert.deepEqual(
      resumed?.lines.map(({ text }) => text),
      ['c'],
    );
    for (const id of [`another:${seen}`, `${boot}:x`, 'nonsense']) {
      const [again] = await collect(follow(device, path, { 'Last-Event-ID': id }), 'c');
      assert.equal(again?.lines.length, 3, id);
    }
  });
});
