// What apps may do in the network, enforced by programs of the kernel on their cgroups: ports that they listen on
// (`ports`), and whom they reach and who reaches them (`network`). Programs are attached before an app's first process
// exists and hold for all that it starts; nothing of them is in the app's way, and init does nothing per packet.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { NET_STATUS_PATH, type NetStatus } from '../../../../shared/network/net-status.ts';
import { allowedPorts, namedPorts, ownPorts, type PortRange } from '../../../../shared/network/ports.ts';
import type { ServiceSpec } from '../../../../shared/services/services.ts';
import { BPF_HOOKS, type Bpf, type BpfHook } from '../../../sys/bpf.ts';
import type { Sys } from '../../../sys/sys.ts';
import { describeError } from '../../../describe-error.ts';
import { ALL_PORTS, APP_PROGRAMS, bindPrograms, type Programs } from './app-programs.ts';
import { describeRefusal } from './describe-refusal.ts';
import { PrefixSet } from './prefix-set.ts';
import { everybodyPrefixes, lanPrefixes, localPrefixes, nameServers } from './prefixes.ts';
import { REACH } from './reach-programs.ts';
import { parseNetworkRefusal, REFUSAL_BYTES, type NetworkRefusal } from './refusals.ts';

/** How soon a refusal is in the log of its app, and a network that has changed in the rules. */
const LOOK_EVERY_MS = 1000;
/** An app that is refused without end is not told more often. */
const MAX_REFUSALS_AT_ONCE = 256;
/** Below 1024, which is the kernel's own default, a port is for root, or for whom a program lets have it. */
const PORT_START_OF_KERNEL = '1024';

export interface NetworkGuardOptions {
  sys: Sys;
  /** Into the log of the app by that name. */
  tell: (app: string, text: string) => void;
  /** Into the log of init. */
  say: (text: string) => void;
}

/** An app that has been started. */
interface GuardedApp {
  /** As of its last start: what a later configuration says holds from the next one on. */
  spec: ServiceSpec;
  cgroup: string;
  hooks: ReadonlySet<BpfHook>;
  /** What its log has been told since that start. */
  told: Set<string>;
}

export class NetworkGuard {
  readonly #options: NetworkGuardOptions;
  readonly #bpf: Bpf;
  readonly #refusals: number;
  readonly #lan: PrefixSet;
  readonly #local: PrefixSet;
  readonly #everybody: PrefixSet;
  #services: readonly ServiceSpec[] = [];
  /** Ports on loopback of apps that are debugged. */
  #inspectors: ReadonlyMap<string, number> = new Map();
  /** Names of apps by the number that their programs give with a refusal. */
  readonly #apps: string[] = [];
  readonly #guarded = new Map<string, GuardedApp>();
  #statusTime = '';
  #isDeaf = false;

  /** Throws where the kernel has no such programs. */
  constructor(options: NetworkGuardOptions) {
    const { bpf } = options.sys;
    this.#options = options;
    this.#bpf = bpf;
    this.#refusals = bpf.createMap({
      kind: 'queue',
      keyBytes: 0,
      valueBytes: REFUSAL_BYTES,
      maxEntries: MAX_REFUSALS_AT_ONCE,
    });
    this.#lan = new PrefixSet(bpf);
    this.#local = new PrefixSet(bpf);
    this.#everybody = new PrefixSet(bpf);
    this.#readNetwork();
    this.#tryKernel();
    setKernel(options.sys, 'net/ipv4/ip_unprivileged_port_start', PORT_START_OF_KERNEL);
    setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** All services that there are from now on. Rules of apps that go on running change with what others name. */
  configure(services: readonly ServiceSpec[]): void {
    this.#services = services;
    const { sys } = this.#options;
    const reserved = [...ownPorts(this.#services), ...services.flatMap(({ ports }) => namedPorts(ports))];
    // What somebody is to have is nothing that the kernel gives to whoever asks for any port.
    setKernel(sys, 'net/ipv4/ip_local_reserved_ports', reserved.map(portNumbers).join(','));
    for (const { name } of services) this.#renew(name);
  }

  /**
   * Of apps, nobody but the app itself connects to these ports of the device's own from now on; our own programs do, also where
   * `network` keeps all else away.
   */
  hideInspectors(ports: ReadonlyMap<string, number>): void {
    this.#inspectors = new Map(ports);
    for (const { name } of this.#services) this.#renew(name);
  }

  /** Called before each start of an app, with its cgroup empty. */
  enter(spec: ServiceSpec, cgroup: string): void {
    this.#guarded.get(spec.name)?.told.clear();
    this.#attach(spec, cgroup);
  }

  /** Tells what has been refused since the last look, once each until the app starts again. */
  look(): void {
    this.#readNetwork();
    try {
      for (let count = 0; count < MAX_REFUSALS_AT_ONCE; count++) {
        const bytes = this.#bpf.takeElement(this.#refusals, REFUSAL_BYTES);
        if (bytes === undefined) return;
        this.#tell(parseNetworkRefusal(bytes));
      }
    } catch (error) {
      // The rules hold whoever is told of them.
      if (!this.#isDeaf) this.#options.say(`Cannot read what apps were refused: ${describeError(error)}`);
      this.#isDeaf = true;
    }
  }

  #renew(app: string): void {
    const guarded = this.#guarded.get(app);
    if (guarded === undefined) return;
    try {
      this.#attach(guarded.spec, guarded.cgroup);
    } catch (error) {
      this.#options.say(`Cannot change what ${app} may do in the network: ${describeError(error)}`);
    }
  }

  #attach(spec: ServiceSpec, cgroup: string): void {
    const before = this.#guarded.get(spec.name);
    const programs = this.#programsOf(spec);
    const hooks = new Set<BpfHook>();
    for (const hook of BPF_HOOKS) {
      const instructions = programs[hook];
      if (instructions !== undefined) {
        this.#attempt(hook, instructions, cgroup);
        hooks.add(hook);
      } else if (before?.hooks.has(hook) === true) this.#bpf.attach(cgroup, hook, undefined);
    }
    this.#guarded.set(spec.name, { spec, cgroup, hooks, told: before?.told ?? new Set() });
  }

  #tryKernel(): void {
    const programs = bindPrograms(ALL_PORTS, { map: this.#refusals, app: 0 });
    for (const hook of BPF_HOOKS) {
      const instructions = programs[hook];
      if (instructions !== undefined) this.#attempt(hook, instructions);
    }
  }

  /** The kernel keeps what is attached; the descriptor is not needed any more. */
  #attempt(hook: BpfHook, instructions: Uint8Array<ArrayBuffer>, cgroup?: string): void {
    const program = this.#bpf.loadProgram(hook, instructions);
    try {
      if (cgroup !== undefined) this.#bpf.attach(cgroup, hook, program);
    } finally {
      this.#bpf.close(program);
    }
  }

  #programsOf(spec: ServiceSpec): Programs {
    return APP_PROGRAMS[spec.network ?? 'full']({
      ports: this.#portsOf(spec),
      isSandboxed: spec.sandbox !== undefined,
      refusals: { map: this.#refusals, app: this.#numberOf(spec.name) },
      lan: this.#lan.map,
      local: this.#local.map,
      everybody: this.#everybody.map,
      hidden: [...this.#inspectors].filter(([app]) => app !== spec.name).map(([, port]) => port),
      inspector: this.#inspectors.get(spec.name),
    });
  }

  #portsOf({ name, ports }: ServiceSpec): PortRange[] {
    const others = this.#services.filter((service) => service.name !== name);
    return allowedPorts(ports, [
      ...ownPorts(this.#services),
      ...others.flatMap((other) => namedPorts(other.ports)),
    ]);
  }

  #numberOf(app: string): number {
    const known = this.#apps.indexOf(app);
    return known < 0 ? this.#apps.push(app) - 1 : known;
  }

  #tell(refusal: NetworkRefusal): void {
    const app = this.#apps[refusal.app] ?? '';
    const guarded = this.#guarded.get(app);
    if (guarded === undefined) return;
    const { spec, told } = guarded;
    const text = describeRefusal(refusal, spec, this.#services);
    if (told.has(text) || told.size >= MAX_REFUSALS_AT_ONCE) return;
    told.add(text);
    this.#options.tell(app, text);
  }

  #readNetwork(): void {
    const { sys, say } = this.#options;
    try {
      const path = sys.path(NET_STATUS_PATH);
      const { ino, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
      const time = `${ino} ${mtimeMs}`;
      if (time === this.#statusTime) return;
      this.#statusTime = time;
      const status = ino === undefined ? undefined : (JSON.parse(readFileSync(path, 'utf8')) as NetStatus);
      const everybody = everybodyPrefixes(status);
      this.#everybody.become(everybody.map((prefix) => [prefix, REACH.everything]));
      this.#local.become(
        [...localPrefixes(status), ...everybody].map((prefix) => [prefix, REACH.everything]),
      );
      // Later ones count: a name server in the device's own network is reached as everything there.
      this.#lan.become([
        ...nameServers(status).map((prefix) => [prefix, REACH.dns] as const),
        ...lanPrefixes(status).map((prefix) => [prefix, REACH.everything] as const),
      ]);
    } catch (error) {
      say(`Cannot tell the kernel of the device's networks: ${describeError(error)}`);
    }
  }
}

function portNumbers({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function setKernel(sys: Sys, name: string, value: string): void {
  const file = sys.path(`/proc/sys/${name}`);
  if (existsSync(file)) writeFileSync(file, value);
}
