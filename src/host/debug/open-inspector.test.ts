import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { UpdateKeys } from '../config/update-keys.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { UserError } from '../user-error.ts';
import { openInspector } from './open-inspector.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const KEYS: UpdateKeys = {
  current: { id: '0'.repeat(16), publicKey: '', path: '', privateKey },
  previous: undefined,
};
const ID = '0123abcd-0123-4123-8123-0123456789ab';
const OPEN = { event: 'open', id: ID, app: 'x', endpoint: { pid: 1, port: 2, target: ID } };
const CHALLENGE = { challenge: 'ab'.repeat(32), hostname: 'garden', bootId: ID };

/** A device that says this, whatever it is asked. */
function deviceThatSays(challenge: unknown, pieces: readonly string[]): DeviceClient {
  async function* askStream(): AsyncGenerator<string> {
    yield* pieces;
  }
  const device = { askJson: async () => challenge, askStream, withSignal: () => device };
  return device as unknown as DeviceClient;
}

function open(challenge: unknown, ...pieces: string[]): ReturnType<typeof openInspector> {
  return openInspector({
    device: deviceThatSays(challenge, pieces),
    wanted: { app: 'x', client: 'me' },
    keys: KEYS,
    signal: new AbortController().signal,
  });
}

test('events come out of lines, however they are cut', async () => {
  const text = `${[OPEN, { event: 'alive' }, { event: 'closed', reason: 'the app has ended' }].map((each) => JSON.stringify(each)).join('\n')}\n`;
  for (const size of [1, 50, text.length]) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
      text.slice(at * size, (at + 1) * size),
    );
    const inspector = await open(CHALLENGE, ...pieces);
    assert.deepEqual([inspector.target, await inspector.ended], [ID, 'the app has ended']);
  }
});

test('a device that says nothing of use is no bug of ours, and gets nothing signed that it has made up', async () => {
  const none: unknown[] = [
    null,
    7,
    [],
    {},
    { ...CHALLENGE, challenge: 'x' },
    { ...CHALLENGE, hostname: 'a\nb' },
  ];
  for (const challenge of none)
    await assert.rejects(open(challenge, `${JSON.stringify(OPEN)}\n`), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /gives a challenge that is none/);
      return true;
    });
  for (const line of ['null', '7', '{}', '{"event":"open"}', '{"event":"open","endpoint":7}', '{{', '[]'])
    await assert.rejects(open(CHALLENGE, `${line}\n`), UserError, line);
  await assert.rejects(open(CHALLENGE, 'x'.repeat(70_000)), /a line without an end/);
  await assert.rejects(open(CHALLENGE), /does not say where/);
});

test('an end without a word is one', async () => {
  const inspector = await open(CHALLENGE, `${JSON.stringify(OPEN)}\n`, '{"event":"closed","reason":7}\n');
  assert.equal(await inspector.ended, '');
  const silent = await open(CHALLENGE, `${JSON.stringify(OPEN)}\n`);
  assert.equal(await silent.ended, 'the device has closed it');
});
