// Two network namespaces with a cable between them: `eth0` on the device's side, where the real net service runs, and
// `srv0` on the other, where a test puts a DHCP server. Needs root (as CI and containers have it) and iproute2.

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { NetworkConfig } from '../../../src/shared/network/network-config.ts';
import {
  type InterfaceStatus,
  NET_STATUS_PATH,
  type NetStatus,
} from '../../../src/shared/network/net-status.ts';
import { inNetwork } from '../../../src/device/sys/network-of-process.ts';
import { requireTool } from '../require-tool.ts';
import { readIfExists } from '../../../src/device/read-if-exists.ts';

export const SERVER_ADDRESS = '10.77.0.1';
export const SECOND_SERVER_ADDRESS = '10.77.0.2';

const NET_PROGRAM = new URL('../../../src/device/net/main.ts', import.meta.url).pathname;
const SERVER_PROGRAM = new URL('./scripted-dhcp-server.ts', import.meta.url).pathname;
/** Generous: two cores may run an emulated machine at the same time. */
const TIME_LIMIT_MS = 60_000;
const POLL_MS = 20;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
let labCount = 0;

export class NetworkLab {
  /** Stands for the device's `/`. */
  readonly root = mkdtempSync(join(tmpdir(), 'tsk-net-'));
  /** What the net service and the servers wrote. */
  readonly lines: string[] = [];
  /** Looks like a mounted data partition: another file system than `root`. */
  readonly #data = mkdtempSync('/dev/shm/tsk-net-');
  readonly #device: string;
  readonly #server: string;
  readonly #children = new Set<Child>();

  private constructor() {
    const id = `${process.pid}-${labCount++}`;
    this.#device = `tskdev-${id}`;
    this.#server = `tsksrv-${id}`;
  }

  /** `undefined` after marking the test as skipped. */
  static create(t: TestContext): NetworkLab | undefined {
    if (requireTool(t, 'ip') === undefined) return undefined;
    if (process.getuid?.() !== 0) {
      if (process.env['REQUIRE_TOOLS'] === '1') throw new Error('The test needs root for network namespaces');
      t.skip('network namespaces need root');
      return undefined;
    }
    const lab = new NetworkLab();
    t.after(() => lab.#close());
    run('ip', ['netns', 'add', lab.#device]);
    run('ip', ['netns', 'add', lab.#server]);
    symlinkSync(lab.#data, join(lab.root, 'perm'));
    return lab;
  }

  /** Lays the cable, with the server's side up and the device's side as the kernel makes it: down. */
  plugIn(): void {
    this.onServer('link', 'add', 'srv0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#device);
    this.onServer('addr', 'add', `${SERVER_ADDRESS}/24`, 'dev', 'srv0');
    this.onServer('addr', 'add', `${SECOND_SERVER_ADDRESS}/24`, 'dev', 'srv0');
    this.connectServer();
  }

  /** Lays cables from `eth0` and `eth1` to one switch, `srv0`, which the server sits on. */
  plugIntoSwitch(): void {
    this.onServer('link', 'add', 'srv0', 'type', 'bridge');
    this.onServer('addr', 'add', `${SERVER_ADDRESS}/24`, 'dev', 'srv0');
    this.onServer('addr', 'add', `${SECOND_SERVER_ADDRESS}/24`, 'dev', 'srv0');
    for (const name of ['eth0', 'eth1']) {
      const port = `to-${name}`;
      this.onServer('link', 'add', port, 'type', 'veth', 'peer', 'name', name, 'netns', this.#device);
      this.onServer('link', 'set', port, 'master', 'srv0', 'up');
    }
    this.connectServer();
  }

  /** The other side of the cable is dead: the device's side loses its carrier. */
  disconnectServer(): void {
    this.onServer('link', 'set', 'srv0', 'down');
  }

  connectServer(): void {
    this.onServer('link', 'set', 'srv0', 'up');
    // For its broadcasts. The kernel drops it with the carrier.
    this.onServer('route', 'add', 'default', 'dev', 'srv0');
  }

  onServer(...args: string[]): string {
    return run('ip', ['-n', this.#server, ...args]);
  }

  onDevice(...args: string[]): string {
    return run('ip', ['-n', this.#device, ...args]);
  }

  /** What `act` makes before it returns belongs to the device's network. */
  inDevice<T>(act: () => T): T {
    return inNetwork(`/run/netns/${this.#device}`, act);
  }

  spawnOnServer(command: string, ...args: string[]): Child {
    return this.#spawn(this.#server, command, args);
  }

  spawnOnDevice(command: string, ...args: string[]): Child {
    return this.#spawn(this.#device, command, args);
  }

  startServer(): ScriptedServer {
    return new ScriptedServer(this.spawnOnServer(process.execPath, SERVER_PROGRAM));
  }

  startNet(network: NetworkConfig = { eth0: { ipv4: 'dhcp' } }): Child {
    mkdirSync(join(this.root, 'etc/tskrazy'), { recursive: true });
    writeFileSync(
      join(this.root, 'etc/tskrazy/device.json'),
      JSON.stringify({
        hostname: 'garden',
        board: 'pc-amd64',
        buildId: 'b0a7',
        tskrazyVersion: '0.1.0',
        buildTimeSec: 0,
        web: { port: 80 },
        network,
        time: { servers: [] },
      }),
    );
    return this.spawnOnDevice(process.execPath, NET_PROGRAM, '--root', this.root);
  }

  /** The interface's entry in the status file, as soon as it is what the test waits for. */
  async status(
    wanted: (status: InterfaceStatus) => boolean,
    interfaceName = 'eth0',
  ): Promise<InterfaceStatus> {
    return this.poll(() => this.#readStatus()?.interfaces.find(({ name }) => name === interfaceName), wanted);
  }

  async statusWithout(): Promise<void> {
    await this.poll(
      () => this.#readStatus(),
      (status) => status.interfaces.length === 0,
    );
  }

  async file(path: string, wanted: RegExp): Promise<string> {
    return this.poll(
      () => readIfExists(join(this.root, path)),
      (text) => wanted.test(text),
    );
  }

  /** `from`: a number of lines that do not count. */
  async line(wanted: RegExp, from = 0): Promise<void> {
    await this.poll(
      () => this.lines.slice(from),
      (lines) => lines.some((line) => wanted.test(line)),
    );
  }

  async stop(child: Child): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    this.#children.delete(child);
  }

  async poll<T>(read: () => T | undefined, wanted: (value: T) => boolean): Promise<T> {
    const endMs = performance.now() + TIME_LIMIT_MS;
    for (;;) {
      const value = read();
      if (value !== undefined && wanted(value)) return value;
      if (performance.now() > endMs) {
        throw new Error(`Not seen in time; last: ${JSON.stringify(value)}\n${this.lines.join('\n')}`);
      }
      await delay(POLL_MS);
    }
  }

  #readStatus(): NetStatus | undefined {
    const text = readIfExists(join(this.root, NET_STATUS_PATH));
    return text === undefined ? undefined : (JSON.parse(text) as NetStatus);
  }

  #spawn(namespace: string, command: string, args: readonly string[]): Child {
    // `ip netns exec` becomes the command, so that signals reach it.
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => this.lines.push(line));
    }
    this.#children.add(child);
    return child;
  }

  async #close(): Promise<void> {
    for (const child of this.#children) await this.stop(child);
    for (const namespace of [this.#device, this.#server]) run('ip', ['netns', 'del', namespace]);
    for (const path of [this.root, this.#data]) rmSync(path, { recursive: true });
  }
}

/** Answers as it is told; see scripted-dhcp-server.ts. */
export class ScriptedServer {
  readonly #child: Child;
  /** Messages of the client, oldest first: `request of 10.77.0.50 from 10.77.0.1`, with `unicast` in front. */
  readonly #seen: string[] = [];

  constructor(child: Child) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#seen.push(line));
  }

  async behave(behaviour: ServerBehaviour): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify(behaviour)}\n`);
    await this.sees(/^ready$/);
  }

  /** Waits for a message and forgets it and all before it. */
  async sees(wanted: RegExp): Promise<string> {
    const endMs = performance.now() + TIME_LIMIT_MS;
    for (;;) {
      const index = this.#seen.findIndex((line) => wanted.test(line));
      if (index !== -1) return this.#seen.splice(0, index + 1).at(-1) ?? '';
      if (performance.now() > endMs)
        throw new Error(`Not seen: ${wanted}, but ${JSON.stringify(this.#seen)}`);
      await delay(POLL_MS);
    }
  }
}

export interface ServerBehaviour {
  /** Each answers every message in turn. */
  servers: readonly {
    id: string;
    address: string;
    discover?: 'offer';
    request?: 'ack' | 'nak';
    leaseSec?: number;
    renewSec?: number;
    rebindSec?: number;
    routers?: readonly string[];
    /** Bytes in hexadecimal by the option's number, beside those above or in their place; null: leaves it out. */
    options?: Readonly<Record<number, string | null>>;
    /** Of the ACK alone. */
    ackOptions?: Readonly<Record<number, string | null>>;
  }[];
  /** Sends so many damaged answers after each message. */
  garbage?: number;
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
