import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { StreamLines } from './stream-lines.ts';

/** Lines with the time, in ms, at which they came; the clock and its timers go as they are told. */
function watched(t: TestContext): {
  write: (text: string) => void;
  pass: (forMs: number) => void;
  end: () => void;
  seen: () => string[];
} {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const lines: string[] = [];
  const stream = new StreamLines(
    (line) => lines.push(`${nowMs} ${line}`),
    () => nowMs,
  );
  return {
    write: (text) => void stream.write(Buffer.from(text)),
    pass: (forMs) => {
      for (let passed = 0; passed < forMs; passed += 50) {
        nowMs += 50;
        t.mock.timers.tick(50);
      }
    },
    end: () => stream.end(),
    seen: () => lines.splice(0),
  };
}

test('StreamLines shows a prompt after a second, and its rest when that has come', (t) => {
  const stream = watched(t);
  stream.write('started\nListening> ');
  stream.pass(900);
  assert.deepEqual(stream.seen(), ['0 started']);
  stream.pass(600);
  assert.deepEqual(stream.seen(), ['1000 Listening> ']);
  stream.pass(60_000);
  stream.write('bye\n');
  assert.deepEqual(stream.seen(), ['61500 … bye']);
});

test('StreamLines does not break a line that comes in pieces within a second', (t) => {
  const stream = watched(t);
  for (const piece of ['half', ' a line\nhalf', ' a line\nhalf', ' a line\n']) {
    stream.write(piece);
    stream.pass(900);
  }
  assert.deepEqual(stream.seen(), ['900 half a line', '1800 half a line', '2700 half a line']);
});

test('StreamLines shows dots that come one by one, each second', (t) => {
  const stream = watched(t);
  for (let count = 0; count < 30; count++) {
    stream.write('.');
    stream.pass(100);
  }
  stream.end();
  assert.deepEqual(stream.seen(), ['1000 ..........', '2000 … ..........', '3000 … ..........']);
});

for (const [style, pieces] of [
  ['returns first', (count: number) => [`\r${count}/600 items`]],
  ['returns last', (count: number) => [`${count}/600 items\r`]],
  ['pieces', (count: number) => ['\r', `${count}`, '/600', ' items']],
] as const) {
  test(`StreamLines shows progress now and then, and an error in it at once (${style})`, (t) => {
    const stream = watched(t);
    for (let count = 1; count <= 600; count++) {
      for (const piece of pieces(count)) stream.write(piece);
      stream.pass(100);
    }
    const shown = stream.seen();
    assert.match(shown[0] ?? '', /^1000 \d+\/600 items$/);
    assert.ok(shown.length >= 5 && shown.length <= 8, shown.join('\n'));
    assert.ok(
      shown.every((line) => /^\d+ \d+\/600 items$/.test(line)),
      shown.join('\n'),
    );
    stream.write('\rERROR: pump is stuck');
    stream.pass(1050);
    assert.deepEqual(
      stream.seen().map((line) => line.replace(/^\d+ /, '')),
      ['600/600 items', 'ERROR: pump is stuck'],
    );
  });
}

test('StreamLines leaves no timer behind when the output ends', (t) => {
  const stream = watched(t);
  stream.write('10%\r20%');
  stream.end();
  stream.pass(20_000);
  assert.deepEqual(stream.seen(), ['0 20%']);
});
