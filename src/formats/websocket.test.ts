import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeClientFrame, encodeServerFrame, ServerFrames } from './websocket.ts';

/** As a server sends them: without a mask. */
function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [length]
      : length < 0x10000
        ? [126, length >> 8, length & 0xff]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([first, ...head]), payload]);
}

const text = (value: string): Buffer => Buffer.from(value);

test('messages of all lengths come out as they went in, however they are cut', () => {
  const texts = ['', 'a', 'b'.repeat(125), 'c'.repeat(126), 'd'.repeat(65_535), 'e'.repeat(65_536)];
  const bytes = Buffer.concat(texts.map((each) => frame(0x81, text(each))));
  for (const size of [1, 7, 1000, bytes.length]) {
    const frames = new ServerFrames(100_000);
    const received: string[] = [];
    for (let at = 0; at < bytes.length; at += size)
      for (const { kind, payload } of frames.take(bytes.subarray(at, at + size))) {
        assert.equal(kind, 'text');
        received.push(Buffer.from(payload).toString());
      }
    assert.deepEqual(received, texts, `pieces of ${size}`);
  }
});

test('a message in parts is one, with a ping in between', () => {
  const bytes = Buffer.concat([
    frame(0x01, text('one ')),
    frame(0x89, text('ping')),
    frame(0x00, text('and ')),
    frame(0x80, text('two')),
    frame(0x88, text('')),
  ]);
  const received = new ServerFrames(100)
    .take(bytes)
    .map(({ kind, payload }) => `${kind} ${Buffer.from(payload).toString()}`);
  assert.deepEqual(received, ['ping ping', 'text one and two', 'close ']);
});

test('what no server sends is refused', () => {
  const cases: [string, Buffer, RegExp][] = [
    ['masked', Buffer.from([0x81, 0x80, 0, 0, 0, 0]), /masked/],
    ['compressed', frame(0xc1, text('x')), /extension/],
    ['binary', frame(0x82, text('x')), /of kind 2/],
    ['unknown', frame(0x83, text('x')), /of kind 3/],
    ['goes on', frame(0x80, text('x')), /without having begun/],
    ['begins twice', Buffer.concat([frame(0x01, text('x')), frame(0x81, text('y'))]), /in the middle/],
    ['long ping', frame(0x89, Buffer.alloc(126)), /control frame/],
    ['ping in parts', frame(0x09, text('x')), /control frame/],
    ['too long', frame(0x81, Buffer.alloc(101)), /longer than 100 bytes/],
    [
      'too long in parts',
      Buffer.concat([frame(0x01, Buffer.alloc(60)), frame(0x80, Buffer.alloc(60))]),
      /longer/,
    ],
    ['a length without end', Buffer.from([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]), /longer/],
  ];
  for (const [name, bytes, message] of cases)
    assert.throws(() => new ServerFrames(100).take(bytes), { name: 'SyntaxError', message }, name);
});

test('a client masks what it sends', () => {
  for (const length of [0, 5, 125, 126, 65_535, 65_536]) {
    const payload = Buffer.alloc(length, 'tsk');
    const bytes = encodeClientFrame('text', payload);
    const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    assert.deepEqual([bytes[0], (bytes[1] ?? 0) & 0x80, bytes.length], [0x81, 0x80, headBytes + 4 + length]);
    const mask = bytes.subarray(headBytes, headBytes + 4);
    const unmasked = bytes.subarray(headBytes + 4).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    assert.ok(payload.equals(unmasked));
  }
});

test('what a server sends is what its client takes, whatever its length and in whatever pieces it comes', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]) {
    const payload = Buffer.alloc(length, 'x');
    const frame = encodeServerFrame('text', payload);
    const frames = new ServerFrames(1_000_000);
    const middle = Math.floor(frame.length / 3);
    const messages = [...frames.take(frame.subarray(0, middle)), ...frames.take(frame.subarray(middle))];
    assert.deepEqual(
      messages.map((message) => [message.kind, Buffer.from(message.payload).equals(payload)]),
      [['text', true]],
    );
  }
});
