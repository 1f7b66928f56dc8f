import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { deviceOfBytes } from '../../formats/byte-source.ts';
import { abortableDevice, untilAborted } from './until-aborted.ts';

const reason = new Error('enough');
const endless = new Promise<never>(() => {});

test('untilAborted settles as the work does', async () => {
  const { signal } = new AbortController();
  assert.equal(await untilAborted(Promise.resolve(1), signal), 1);
  assert.equal(await untilAborted(Promise.resolve(1), undefined), 1);
  await assert.rejects(untilAborted(Promise.reject(reason), signal), (error) => error === reason);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('untilAborted rejects with the reason of the signal, also one that came before', async () => {
  const controller = new AbortController();
  const waiting = untilAborted(endless, controller.signal);
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(untilAborted(endless, controller.signal), (error) => error === reason);
});

test('abortableDevice refuses writes after the abort', async () => {
  const controller = new AbortController();
  const device = abortableDevice(deviceOfBytes(new Uint8Array(4)), controller.signal);
  await device.write(0, Uint8Array.of(1));
  controller.abort(reason);
  await assert.rejects(device.write(1, Uint8Array.of(2)), (error) => error === reason);
  assert.deepEqual([...(await device.read(0, 4))], [1, 0, 0, 0]);
});
