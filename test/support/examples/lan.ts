// A cable between this machine and a network namespace or a virtual machine that runs an example, whose programs are asked
// through it as from the next room, by multicast too. Needs root and iproute2.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { findTool } from '../require-tool.ts';
import type { Lifetime } from '../updates/update-lab.ts';

const DEVICE_NAME = 'lan0';
export const PREFIX_LENGTH = 24;

export class Lan {
  readonly hostAddress: string;
  readonly deviceAddress: string;
  /** This machine's end; a namespace is called the same. */
  readonly interfaceName: string;

  private constructor(number: number) {
    this.hostAddress = `10.78.${number}.1`;
    this.deviceAddress = `10.78.${number}.2`;
    this.interfaceName = `tsklan${number}`;
  }

  /** With a namespace at the other end. */
  static create(t: Pick<Lifetime, 'after'>): Lan {
    const lan = new Lan(freeNumber());
    lan.#layToNamespace();
    t.after(() => lan.#remove());
    return lan;
  }

  /** With whatever opens the interface at the other end: QEMU. */
  static createTap(t: Pick<Lifetime, 'after'>): Lan {
    const lan = new Lan(freeNumber());
    ip('tuntap', 'add', lan.interfaceName, 'mode', 'tap');
    lan.#setUp();
    t.after(() => ip('link', 'del', lan.interfaceName));
    return lan;
  }

  #layToNamespace(): void {
    const { interfaceName } = this;
    const inside = ['-n', interfaceName];
    ip('netns', 'add', interfaceName);
    const peer = ['peer', 'name', DEVICE_NAME, 'netns', interfaceName];
    ip('link', 'add', interfaceName, 'type', 'veth', ...peer);
    ip(...inside, 'addr', 'add', `${this.deviceAddress}/${PREFIX_LENGTH}`, 'dev', DEVICE_NAME);
    for (const name of ['lo', DEVICE_NAME]) ip(...inside, 'link', 'set', name, 'up');
    ip(...inside, 'route', 'add', 'default', 'via', this.hostAddress, 'onlink', 'dev', DEVICE_NAME);
    this.#setUp();
  }

  #setUp(): void {
    ip('addr', 'add', `${this.hostAddress}/${PREFIX_LENGTH}`, 'dev', this.interfaceName);
    ip('link', 'set', this.interfaceName, 'up');
  }

  /** In the namespace. */
  spawn(
    command: string,
    args: readonly string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
  ): ChildProcess {
    const argv = ['netns', 'exec', this.interfaceName, command, ...args];
    return spawn(ipPath(), argv, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  #remove(): void {
    ip('link', 'del', this.interfaceName);
    ip('netns', 'del', this.interfaceName);
  }
}

/** Other tests may lay cables at the same time. */
function freeNumber(): number {
  const taken = ip('-o', 'addr', 'show');
  for (let number = process.pid % 250, tries = 0; tries < 250; number = (number + 1) % 250, tries++)
    if (!taken.includes(` 10.78.${number}.`)) return number;
  throw new Error('All networks of 10.78.0.0/16 are taken');
}

function ip(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(ipPath(), args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Processes of an app have no PATH. */
function ipPath(): string {
  const path = findTool('ip');
  if (path === undefined) throw new Error('There is no "ip" on this machine');
  return path;
}
