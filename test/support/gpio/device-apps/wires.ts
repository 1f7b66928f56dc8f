// On a Raspberry Pi's own GPIO chip: what an app sees of its devices, and what it can do with lines. Each outcome is a line.

import { dlopen } from 'node:ffi';
import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
// Copied into an instance, where its name is tskrazy/app/gpio.
import { output, input } from '../../../../src/app/gpio/index.ts';

const LOOP_CTL_ADD = 0x4c80n;
const LOOP_CTL_REMOVE = 0x4c81n;
const LOOP = 21;

function say(what: string, act: () => unknown): void {
  let outcome: unknown;
  try {
    outcome = act();
  } catch (error) {
    outcome = (error as Error).message;
  }
  console.log(`${what}: ${String(outcome)}`);
}

const line = output(22, { initial: true });
say('read back', () => {
  const reads = [line.read()];
  for (const value of [false, true, false]) {
    line.write(value);
    reads.push(line.read());
  }
  return reads.join(' ');
});
say('toggled', () => `${line.toggle()} ${line.read()}`);
say('own line', () => input(22));
say('line of another', () => output(17));
say('by the name of the kernel', () => input('ID_SDA').bcm);
const still = input(23, { bias: 'pull-up', debounceMs: 5 });
say('edges', () => typeof still.edges().next);
line.close();
say('closed', () => line.read());
say('again', () => input(22).bcm);

const harmless = 'core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(' ');
say('devices', () => readdirSync('/dev').filter((name) => !harmless.includes(name)));
say('node', () => {
  const { mode, uid, gid } = statSync('/dev/gpiochip0');
  return `${(mode & 0o777).toString(8)} ${uid} ${gid === process.getgid!()} ${process.getuid!() !== 0}`;
});

// A device that comes and goes: the kernel makes a loop device, as it makes what is plugged in.
const { functions } = dlopen('libc.so.6', {
  ioctl: { arguments: ['int32', 'uint64', 'int64'], return: 'int32' },
});
const loop = `/dev/loop${LOOP}`;
const control = openSync('/dev/loop-control', 'r+');
const isThere = (): boolean => readdirSync('/dev').includes(`loop${LOOP}`);
async function until(expected: boolean): Promise<string> {
  for (let tries = 0; tries < 600 && isThere() !== expected; tries++) await sleep(100);
  return isThere() === expected ? 'yes' : 'no';
}
say('there before', isThere);
functions.ioctl(control, LOOP_CTL_ADD, BigInt(LOOP));
const came = await until(true);
say('plugged in', () => {
  closeSync(openSync(loop, 'r'));
  return came;
});
functions.ioctl(control, LOOP_CTL_REMOVE, BigInt(LOOP));
const went = await until(false);
say('pulled out', () => went);
console.log('done');
setInterval(() => {}, 2 ** 30);
