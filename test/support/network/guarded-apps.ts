// Apps in cgroups of the real kernel, each guarded as init does it, in the network namespace of a NetworkLab: the device
// has 10.77.0.5 and a router behind which 198.51.100.7 is, which is in nobody's network. Needs root, iproute2 and a
// kernel with CGROUP_BPF.

import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { TestContext } from 'node:test';
import { NetworkGuard } from '../../../src/device/init/supervisor/network/network-guard.ts';
import { NET_STATUS_PATH } from '../../../src/shared/network/net-status.ts';
import { linuxSys } from '../../../src/device/sys/linux.ts';
import type { ServiceSpec } from '../../../src/shared/services/services.ts';
import { service } from '../init/init-scenario.ts';
import { requireTool } from '../require-tool.ts';
import { NetworkLab, SERVER_ADDRESS } from './network-lab.ts';

const ATTEMPTER = new URL('./attempter.ts', import.meta.url).pathname;
export const DEVICE_ADDRESS = '10.77.0.5';
export const DEVICE_IPV6 = 'fd77::5';
export const LAN_ADDRESS = SERVER_ADDRESS;
export const LAN_IPV6 = 'fd77::1';
export const FAR_ADDRESS = '198.51.100.7';
export const FAR_IPV6 = '2001:db8::7';

export class Attempter {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    const lines: Interface = createInterface({ input: child.stdout! });
    this.#answers = lines[Symbol.asyncIterator]();
  }

  async try(act: string, host: string, port: number): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify([act, host, port])}\n`);
    const { value } = (await this.#answers.next()) as { value: string | undefined };
    return value ?? 'ended';
  }
}

export class GuardedApps {
  readonly lab: NetworkLab;
  readonly said: string[] = [];
  readonly guard: NetworkGuard;
  readonly #cgroups = mkdtempSync(join(tmpdir(), 'tsk-cgroup-'));
  readonly #made: string[] = [];
  readonly #system: readonly ServiceSpec[];
  #specs: readonly ServiceSpec[] = [];

  private constructor(t: TestContext, lab: NetworkLab, system: readonly ServiceSpec[]) {
    this.lab = lab;
    this.#system = system;
    execFileSync('mount', ['-t', 'cgroup2', 'cgroup2', this.#cgroups]);
    // Hooks run in their order, so the lab's has ended the processes before.
    t.after(() => {
      for (const directory of this.#made) rmdirSync(directory);
      execFileSync('umount', [this.#cgroups]);
      rmSync(this.#cgroups, { recursive: true });
    });
    for (const name of ['ip_unprivileged_port_start', 'ip_local_reserved_ports']) {
      mkdirSync(join(lab.root, 'proc/sys/net/ipv4'), { recursive: true });
      writeFileSync(join(lab.root, 'proc/sys/net/ipv4', name), '');
    }
    const sys = { ...linuxSys(), path: (path: string) => join(lab.root, path) };
    const tell = (app: string, text: string): void => void this.said.push(`${app} ${text}`);
    this.guard = new NetworkGuard({ sys, tell, say: (text) => this.said.push(text) });
    this.configure([]);
  }

  /** `undefined` after marking the test as skipped. */
  static create(t: TestContext, system: readonly ServiceSpec[] = []): GuardedApps | undefined {
    const lab = requireTool(t, 'setpriv') === undefined ? undefined : NetworkLab.create(t);
    if (lab === undefined) return undefined;
    try {
      linuxSys().bpf.close(
        linuxSys().bpf.createMap({ kind: 'queue', keyBytes: 0, valueBytes: 4, maxEntries: 1 }),
      );
    } catch (error) {
      if (process.env['REQUIRE_TOOLS'] === '1') throw error;
      t.skip(`this kernel has no bpf(2) for us: ${String(error)}`);
      return undefined;
    }
    const apps = new GuardedApps(t, lab, system);
    apps.#layCable();
    return apps;
  }

  configure(specs: readonly ServiceSpec[]): void {
    this.#specs = specs;
    this.guard.configure([...this.#system, ...specs]);
  }

  /** A process in the cgroup of an app by that name, which is among the apps from now on. */
  start(name: string, more: Partial<ServiceSpec> = {}): Attempter {
    const spec = service(name, more);
    this.configure([...this.#specs.filter((known) => known.name !== name), spec]);
    const directory = join(this.#cgroups, `tsk-test-${process.pid}-${name}`);
    if (!this.#made.includes(directory)) {
      mkdirSync(directory);
      this.#made.push(directory);
    }
    this.guard.enter(spec, directory);
    const enter = `echo 0 > ${directory}/cgroup.procs && exec "$0" "$@"`;
    const asUser = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all',
    ];
    return new Attempter(this.lab.spawnOnDevice('sh', '-c', enter, ...asUser, process.execPath, ATTEMPTER));
  }

  /** As `net` does it: init knows of the device's network from here on. */
  publish(eth0: { addresses: readonly string[]; dns: readonly string[] }): void {
    const path = join(this.lab.root, NET_STATUS_PATH);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ interfaces: [eth0] }));
    this.guard.look();
  }

  onDevice(): Attempter {
    return new Attempter(this.lab.spawnOnDevice(process.execPath, ATTEMPTER));
  }

  outside(): Attempter {
    return new Attempter(this.lab.spawnOnServer(process.execPath, ATTEMPTER));
  }

  #layCable(): void {
    const { lab } = this;
    lab.plugIn();
    lab.onDevice('link', 'set', 'lo', 'up');
    lab.onServer('link', 'set', 'lo', 'up');
    lab.onDevice('link', 'set', 'eth0', 'up');
    lab.onDevice('addr', 'add', `${DEVICE_ADDRESS}/24`, 'dev', 'eth0');
    lab.onDevice('addr', 'add', `${DEVICE_IPV6}/64`, 'dev', 'eth0', 'nodad');
    lab.onServer('addr', 'add', `${LAN_IPV6}/64`, 'dev', 'srv0', 'nodad');
    lab.onServer('addr', 'add', `${FAR_ADDRESS}/32`, 'dev', 'lo');
    lab.onServer('addr', 'add', `${FAR_IPV6}/128`, 'dev', 'lo', 'nodad');
    lab.onDevice('route', 'add', 'default', 'via', LAN_ADDRESS);
    lab.onDevice('-6', 'route', 'add', 'default', 'via', LAN_IPV6);
  }
}
