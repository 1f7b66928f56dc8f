import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_WAITING_EDGES } from './edge-reader.ts';
import { input, isSimulated, output, wires } from './index.ts';
import { SimulatedGpio } from './simulated-gpio.ts';

test('off the device lines are simulated, and their wires can be had', () => {
  assert.equal(isSimulated, true);
  using led = output('GPIO17', { initial: true });
  assert.equal(wires.level(17), true);
  assert.equal(led.toggle(), false);
  assert.equal(wires.level('BCM17'), false);
  using button = input(4, { bias: 'pull-up', activeLow: true });
  assert.equal(button.read(), false);
  wires.drive(4, false);
  assert.equal(button.read(), true);
  assert.throws(() => wires.drive(17, true), {
    message: 'Cannot drive GPIO17: this program has it as an output',
  });
});

test('a simulated line has the rules and the errors of a real one', () => {
  const gpio = new SimulatedGpio();
  const led = gpio.output(17, { activeLow: true });
  assert.equal(gpio.level(17), true);
  assert.throws(() => gpio.input(17), {
    code: 'EBUSY',
    message: "Cannot open GPIO17 as an input: this program holds it, and a line is one program's at a time",
  });
  led.close();
  assert.throws(() => led.read(), { message: 'Cannot read GPIO17: it is closed' });
  using button = gpio.input(17);
  assert.throws(() => gpio.input(28), RangeError);
  assert.throws(() => gpio.input(5, { bias: 'up' as 'pull-up' }), /Option "bias" is "up"/);
  assert.throws(() => button.edges({ of: 'any' as 'both' }), /Option "of" is "any"/);
  // What was refused holds nothing.
  gpio.input(5).close();
});

test('driven wires make edges, of the kind that is asked for', async () => {
  const gpio = new SimulatedGpio();
  using button = gpio.input(4, { bias: 'pull-up', activeLow: true });
  const edges = button.edges({ of: 'rising' });
  assert.throws(() => button.edges(), { message: /another loop follows them already/ });
  for (const level of [false, false, true, false]) gpio.drive(4, level);
  for (let count = 0; count < 2; count++) {
    const { value } = await edges.next();
    assert.deepEqual([value!.value, value!.lost], [true, 0]);
  }
  await edges.return!();
  const all = button.edges();
  gpio.drive(4, true);
  assert.equal((await all.next()).value!.value, false);
  const waiting = all.next();
  button.close();
  assert.deepEqual(await waiting, { done: true, value: undefined });
});

test('a debounced line tells a change when it has kept still', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gpio = new SimulatedGpio();
  using button = gpio.input(4, { debounceMs: 5 });
  const edges = button.edges();
  for (const level of [true, false, true]) {
    gpio.drive(4, level);
    t.mock.timers.tick(4);
  }
  t.mock.timers.tick(1);
  gpio.drive(4, false);
  t.mock.timers.tick(4);
  gpio.drive(4, true);
  t.mock.timers.tick(5);
  gpio.drive(4, false);
  t.mock.timers.tick(5);
  const seen = [await edges.next(), await edges.next()].map(({ value }) => value!.value);
  assert.deepEqual(seen, [true, false]);
});

test('edges that nobody takes have the bound of the device', async () => {
  const gpio = new SimulatedGpio();
  using button = gpio.input(4);
  const edges = button.edges();
  const extra = 100;
  for (let index = 0; index < MAX_WAITING_EDGES + extra; index++) gpio.drive(4, index % 2 === 0);
  await edges.next();
  gpio.drive(4, true);
  let last = await edges.next();
  for (let index = 2; index < MAX_WAITING_EDGES + 1; index++) last = await edges.next();
  assert.equal(last.value!.lost, extra);
});

test('an aborted signal throws its reason, before the loop and in it', async () => {
  const gpio = new SimulatedGpio();
  using button = gpio.input(4);
  assert.throws(() => button.edges({ signal: AbortSignal.abort(new Error('late')) }), { message: 'late' });
  const controller = new AbortController();
  const next = button.edges({ signal: controller.signal }).next();
  controller.abort(new Error('enough'));
  await assert.rejects(next, { message: 'enough' });
  // The line is free for another loop.
  await button.edges().return!();
});
