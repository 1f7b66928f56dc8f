import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

async function read(chunks: readonly string[]): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  async function* source(): AsyncGenerator<string> {
    yield* chunks;
  }
  for await (const event of readServerSentEvents(source())) events.push(event);
  return events;
}

const STREAM =
  'retry: 2000\n\n: \n\nid: b:1\nevent: lines\ndata: [1]\n\ndata: two\r\ndata:  lines\r\n\r\nevent: empty\n\nid\ndata\n\ndata: cut';

test('readServerSentEvents reads fields, comments and several lines of data', async () => {
  assert.deepEqual(await read([STREAM]), [
    { id: 'b:1', event: 'lines', data: '[1]' },
    { id: 'b:1', event: 'message', data: 'two\n lines' },
    { id: '', event: 'message', data: '' },
  ]);
});

test('readServerSentEvents reads the same however the stream is cut into chunks', async () => {
  const whole = await read([STREAM]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(STREAM.length), { maxLength: 8 }), async (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
      const chunks = at.slice(1).map((end, index) => STREAM.slice(at[index], end));
      assert.deepEqual(await read(chunks), whole);
    }),
    { seed: 20261123 },
  );
});

test('readServerSentEvents bounds a line and an event that do not end, in time that grows with their length alone', async () => {
  const piece = 'x'.repeat(2000);
  const line = Array<string>(4200).fill(piece);
  await assert.rejects(read(['data: ', ...line]), /a line does not end$/);
  const lines = Array<string>(4200).fill(`data: ${piece}\n`);
  await assert.rejects(read(lines), /the data of one do not end$/);
});
