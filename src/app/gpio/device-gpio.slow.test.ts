// Lines over a kernel whose chips are made up, and whose edges come through pipes to the real thread.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeKernel } from '../../../test/support/gpio/fake-kernel.ts';
import { FLAG } from './abi.ts';
import { DeviceGpio } from './device-gpio.ts';
import { MAX_WAITING_EDGES } from './edge-reader.ts';
import type { Edge } from './types.ts';

const PI_5 = {
  '/dev/gpiochip0': { label: 'gpio-brcmstb@107d508500' },
  '/dev/gpiochip4': {
    label: 'pinctrl-rp1',
    names: { 2: 'GPIO2', 0: 'ID_SDA' },
    holders: { 18: 'pump', 27: '' },
  },
};

function open(chips: ConstructorParameters<typeof FakeKernel>[0] = PI_5): {
  fake: FakeKernel;
  gpio: DeviceGpio;
} {
  const fake = new FakeKernel(chips);
  return { fake, gpio: new DeviceGpio(fake.kernel, 'sensor') };
}

async function take(edges: AsyncIterator<Edge>, count: number): Promise<Edge[]> {
  const taken: Edge[] = [];
  while (taken.length < count) {
    const { done, value } = await edges.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

test('an output is asked of the header’s chip, written, read and given back', () => {
  const { fake, gpio } = open();
  const led = gpio.output(17, { initial: true, drive: 'open-drain' });
  const line = fake.line(17)!;
  assert.deepEqual(
    [line.consumer, line.config],
    ['sensor', { flags: FLAG.output | FLAG.openDrain, value: true }],
  );
  assert.equal(fake.open.size, 1);
  assert.equal(led.read(), true);
  led.write(false);
  assert.equal(line.level, false);
  assert.equal(led.toggle(), true);
  led.close();
  led.close();
  assert.equal(fake.lines.size, 0);
  assert.throws(() => led.write(true), { message: 'Cannot write GPIO17: it is closed' });
});

test('lines are named by number, as GPIO17, or as the kernel calls them', () => {
  const { gpio } = open();
  for (const [name, bcm] of [
    [4, 4],
    ['GPIO5', 5],
    ['bcm6', 6],
    ['7', 7],
    ['ID_SDA', 0],
  ] as const) {
    using line = gpio.input(name);
    assert.equal(line.bcm, bcm);
  }
  for (const [name, said] of [
    [28, '28'],
    [-1, '-1'],
    [1.5, '1.5'],
    ['GPIO28', '"GPIO28"'],
    ['LED', '"LED"'],
  ] as const)
    assert.throws(() => gpio.input(name), {
      name: 'RangeError',
      message: `Cannot open GPIO line ${said}: the header has GPIO0 to GPIO27, by their BCM numbers`,
    });
});

test('options become flags, and what makes no sense is refused before anything is opened', () => {
  const { fake, gpio } = open();
  const input = gpio.input(4, { bias: 'pull-up', activeLow: true, debounceMs: 5 });
  assert.deepEqual(fake.line(4)!.config, {
    flags: FLAG.input | FLAG.activeLow | FLAG.biasPullUp,
    debounceUs: 5000,
  });
  input.close();
  for (const [options, message] of [
    [{ bias: 'up' }, 'Option "bias" is "up": it has to be one of "pull-up", "pull-down", "none"'],
    [{ debounceMs: -1 }, 'Option "debounceMs" is -1: it has to be from 0 to 60000'],
    [{ debounceMs: Number.NaN }, 'Option "debounceMs" is NaN: it has to be from 0 to 60000'],
    [{ debounceMs: 60_001 }, 'Option "debounceMs" is 60001: it has to be from 0 to 60000'],
  ] as const)
    assert.throws(() => gpio.input(4, options as object), { name: 'RangeError', message });
  assert.throws(() => gpio.output(4, { drive: 'both' as 'push-pull' }), RangeError);
  assert.equal(fake.lines.size, 0);
});

test('a line that another has is refused with its name', () => {
  const { gpio } = open();
  assert.throws(() => gpio.output(18), {
    code: 'EBUSY',
    message: `Cannot open GPIO18 as an output: "pump" holds it, and a line is one program's at a time`,
  });
  assert.throws(() => gpio.input(27), {
    message: 'Cannot open GPIO27 as an input: it is in use, by whom the kernel does not tell',
  });
  using _own = gpio.output(5);
  assert.throws(() => gpio.output(5), { message: /"sensor" holds it/ });
});

test('a device without the header’s chip, or whose chip is not the app’s, says what to do', () => {
  const need = 'in tskrazy.json the app needs "sandbox": { "devices": ["gpio"] }';
  const other = open({ '/dev/gpiochip0': PI_5['/dev/gpiochip0'] });
  assert.throws(() => other.gpio.output(17), {
    message: `Cannot open GPIO line "17": /dev has only "gpio-brcmstb@107d508500", and not that of a Raspberry Pi's header; ${need}`,
  });
  assert.equal(other.fake.open.size, 0);
  assert.throws(() => open({}).gpio.output('GPIO4'), {
    message: `Cannot open GPIO line "GPIO4": there is no GPIO chip in /dev, and not that of a Raspberry Pi's header; ${need}`,
  });
  const { fake, gpio } = open();
  fake.failWith.open = 'EACCES';
  assert.throws(() => gpio.input(4), {
    code: 'EACCES',
    message: `Cannot open GPIO line "4": /dev/gpiochip0 is not this program's to open; ${need}`,
  });
});

test('edges come with their time, and only those that are asked for; after the loop the line is still there', async () => {
  const { fake, gpio } = open();
  using button = gpio.input(4);
  const edges = button.edges();
  assert.throws(() => button.edges(), {
    message: 'Cannot follow edges of GPIO4: another loop follows them already',
  });
  const before = process.hrtime.bigint();
  fake.edge(4, true);
  fake.edge(4, false);
  const [rising, falling] = await take(edges, 2);
  assert.deepEqual([rising!.value, rising!.lost, falling!.value, falling!.lost], [true, 0, false, 0]);
  assert.ok(before <= rising!.timeNs && rising!.timeNs <= falling!.timeNs);
  await edges.return!();
  assert.equal(fake.hasEdges, false);
  assert.equal(button.read(), false);
  // What came between two loops belongs to none.
  fake.edge(4, true);
  const taken: boolean[] = [];
  const loop = (async () => {
    for await (const { value } of button.edges({ of: 'falling' })) {
      taken.push(value);
      if (taken.length === 2) break;
    }
  })();
  for (const isRising of [false, true, false]) fake.edge(4, isRising);
  await loop;
  assert.deepEqual(taken, [false, false]);
});

test('a loop ends with its signal, which throws, and with its line, which does not', async () => {
  const { fake, gpio } = open();
  const button = gpio.input(4);
  const { signal } = new AbortController();
  assert.throws(() => button.edges({ signal: AbortSignal.abort(new Error('too late')) }), {
    message: 'too late',
  });
  const controller = new AbortController();
  const aborted = button.edges({ signal: controller.signal }).next();
  controller.abort(new Error('enough'));
  await assert.rejects(aborted, { message: 'enough' });
  const edges = button.edges({ signal });
  const ended = edges.next();
  button.close();
  assert.deepEqual(await ended, { done: true, value: undefined });
  assert.equal(fake.lines.size, 0);
  // The descriptor was free at once.
  using again = gpio.input(4);
  assert.equal(again.bcm, 4);
});

test('a chip that is pulled out while its edges are read ends the loop with a sentence', async () => {
  const { fake, gpio } = open();
  using button = gpio.input(4);
  const edges = button.edges();
  fake.edge(4, true);
  await take(edges, 1);
  fake.pull(4);
  await assert.rejects(edges.next(), { message: 'Cannot follow edges of GPIO4: its chip is gone' });
  assert.deepEqual(await edges.next(), { done: true, value: undefined });
  fake.failWith.read = 'ENODEV';
  assert.throws(() => button.read(), { code: 'ENODEV', message: 'Cannot read GPIO4: its chip is gone' });
});

test('a program that does something else meanwhile loses no edge', async () => {
  const { fake, gpio } = open();
  using button = gpio.input(4);
  const edges = button.edges();
  const count = 30_000;
  const { done, ended } = fake.storm(4, { count, perSecond: Infinity, waits: true });
  // Nothing else of this thread runs until all have been made: 20 times of what the kernel keeps.
  Atomics.wait(done, 0, 0);
  // Others have their turns although there is always another edge.
  let turns = 0;
  const immediate = (): void => void (turns++, (next = setImmediate(immediate)));
  let next = setImmediate(immediate);
  const taken = await take(edges, count);
  clearImmediate(next);
  assert.ok(turns >= count / 512, `${turns} turns`);
  assert.equal(taken.length, count);
  assert.ok(taken.every(({ lost }) => lost === 0));
  assert.ok(taken.every(({ value }, index) => value === (index % 2 === 0)));
  await ended;
});

test('a program that takes none for long has a bound, and is told what it lost', async () => {
  const { fake, gpio } = open();
  using button = gpio.input(4);
  const edges = button.edges();
  const count = 100_000;
  const { done, ended } = fake.storm(4, { count, perSecond: Infinity, waits: true });
  Atomics.wait(done, 0, 0);
  await ended;
  // Further ones, which find room when some have been taken.
  const nudge = setInterval(() => fake.edge(4, true), 20);
  let kept = 0;
  let edge: Edge | undefined;
  do [edge] = await take(edges, 1);
  while (edge!.lost === 0 && ++kept);
  clearInterval(nudge);
  assert.ok(kept <= MAX_WAITING_EDGES, `${kept} kept`);
  assert.ok(kept > MAX_WAITING_EDGES / 2, `${kept} kept`);
});

test('of a storm of 100,000 edges a second each is taken or counted, and the line goes on after it', async () => {
  const { fake, gpio } = open();
  using button = gpio.input(4);
  const edges = button.edges();
  const count = 100_000;
  const { ended } = fake.storm(4, { count, perSecond: 100_000, waits: false });
  let seen = 0;
  let taken = 0;
  // The last may find no room either.
  let nudge: NodeJS.Timeout | undefined;
  void ended.then(() => (nudge = setInterval(() => fake.edge(4, true), 20)));
  while (seen <= count) {
    const [edge] = await take(edges, 1);
    seen += 1 + edge!.lost;
    taken += 1;
  }
  clearInterval(nudge);
  assert.ok(taken > count / 100, `${taken} taken`);
  // The line is as it was, whatever was lost.
  fake.edge(4, false);
  const value = async (): Promise<boolean> => (await take(edges, 1))[0]!.value;
  while (await value());
});

const SUPPORT = join(import.meta.dirname, '../../../test/support/gpio/fake-kernel.ts');

test('the thread holds up neither the end of a program that follows edges nor of one that has stopped', () => {
  for (const [end, code] of [
    ['process.exit(7)', 7],
    ['await edges.return()', 0],
    ['setTimeout(() => { throw new Error("broken"); })', 1],
  ] as const) {
    const program = `
      const { FakeKernel } = await import(${JSON.stringify(SUPPORT)});
      const { DeviceGpio } = await import(${JSON.stringify(join(import.meta.dirname, 'device-gpio.ts'))});
      const fake = new FakeKernel({ '/dev/gpiochip0': { label: 'pinctrl-bcm2711' } });
      const button = new DeviceGpio(fake.kernel, 'x').input(4);
      const edges = button.edges();
      fake.edge(4, true);
      await edges.next();
      ${end};`;
    const flags = ['--input-type=module', '-e', program];
    const { status, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, code, stderr);
    if (code !== 1) assert.equal(stderr, '', 'not even a warning of node:ffi');
  }
});
