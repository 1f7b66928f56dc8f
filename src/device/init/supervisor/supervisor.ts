// All services together: started in two waves, listed, watched, stopped.

import type { ServiceSpec, ServiceStatus } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';
import type { LogRing } from '../log/log-ring.ts';
import { AppDevices } from './app-devices.ts';
import { Conditions } from './conditions.ts';
import { Listeners } from './listeners.ts';
import { NetworkGuard } from './network/network-guard.ts';
import { type Placement, Service } from './service.ts';
import { type HeldPort, portHolders } from './port-holders.ts';
import { openServiceCgroups, type OpenCgroup } from './service-cgroup.ts';

export interface SupervisorOptions {
  sys: Sys;
  services: readonly ServiceSpec[];
  say: (text: string) => void;
  isPermReady: () => boolean;
  /** Called with each service once, to copy its log elsewhere. */
  onService?: (service: Service) => void;
  random?: () => number;
}

/** An app as it is, or as it is to be. */
export interface AppPlan extends Placement {
  /** Whether it runs, or would if it could; else it is stopped. */
  isWanted: boolean;
}

export class Supervisor {
  /** Services by name, in the order of the configuration. */
  #services: ReadonlyMap<string, Service>;
  /** Services that have been replaced are among them: they keep their logs, and come back when the replacing is undone. */
  readonly #known = new Map<string, Service>();
  readonly #watchers = new Set<(status: ServiceStatus) => void>();
  readonly #options: SupervisorOptions;
  readonly #conditions: Conditions;
  readonly #listeners = new Listeners();
  /** Of sandboxed apps. */
  readonly devices: AppDevices;
  /** The device goes down, maybe before boot was through: nothing is started any more. */
  #isClosed = false;
  #cgroups: OpenCgroup | undefined;
  #guard: NetworkGuard | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.devices = new AppDevices(options.sys);
    this.#conditions = new Conditions(options.sys, (name) => this.get(name)?.state === 'running');
    this.#services = new Map(options.services.map((spec) => [spec.name, this.#make(spec)]));
  }

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  list(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** Logs of all services that there have been since boot. */
  get logs(): ReadonlyMap<string, LogRing> {
    return new Map([...this.#known].map(([name, { log }]) => [name, log]));
  }

  /** Plans as `replaceApps` would bring them back. */
  apps(): readonly AppPlan[] {
    return this.#ofKind('app').map(({ placement, isWanted }) => ({ ...placement, isWanted }));
  }

  /** Calls `watcher` after every change of a service's state, until the returned function is called. */
  watch(watcher: (status: ServiceStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Before the first process of any service: from here on nobody else can have those ports. */
  openListeners(): void {
    const { sys, say } = this.#options;
    this.#listeners.open(
      sys,
      this.#ofKind('system').map(({ spec }) => spec),
      say,
    );
  }

  /** Throws where the kernel cannot: apps may then listen where they like, as long as they need not keep to a network. */
  guardNetwork(): void {
    const { sys, say } = this.#options;
    this.#guard = new NetworkGuard({ sys, say, tell: (name, text) => this.get(name)?.tell(text) });
    this.#guard.configure(this.list().map(({ spec }) => spec));
  }

  /** Other apps do not get to the inspectors on these ports, where the kernel can keep them away. */
  guardInspectors(ports: ReadonlyMap<string, number>): void {
    this.#guard?.hideInspectors(ports);
  }

  /** Apps keep their data in /perm, which takes its time; our own programs make do without it. */
  async startSystemServices(): Promise<void> {
    if (this.#isClosed) return;
    this.#openCgroups();
    for (const service of this.#ofKind('app')) {
      if (service.spec.autostart) service.wait('waits for /perm');
    }
    await Promise.all(
      this.#ofKind('system')
        .filter((service) => service.spec.autostart)
        .map((service) => service.start('boot')),
    );
  }

  async startApps(): Promise<void> {
    if (this.#isClosed) return;
    const waiting = this.#ofKind('app').filter((service) => service.state === 'waiting');
    await Promise.all(waiting.map((service) => service.start('boot')));
  }

  /**
   * From now on the apps are these. What is not among them any more is stopped, what is new starts, and what
   * `mustRestart` says stops and starts again, each on its own; so does who has a port that another one is to have. The
   * others only start from their new place the next time. Resolves when all has been done; never rejects for what an app
   * does.
   */
  async replaceApps(plans: readonly AppPlan[], mustRestart: (name: string) => boolean): Promise<void> {
    const present = this.#services;
    const system = this.#ofKind('system');
    const apps = plans.map(({ spec }) => this.#known.get(spec.name) ?? this.#make(spec));
    this.#services = new Map([...system, ...apps].map((service) => [service.spec.name, service]));
    const gone = [...present.values()].filter((service) => this.get(service.spec.name) !== service);
    const toRestart = new Set(apps.filter(({ spec }) => present.has(spec.name) && mustRestart(spec.name)));
    for (const [index, plan] of plans.entries()) apps[index]?.place(plan);
    const specs = this.list().map(({ spec }) => spec);
    // From here on nobody else gets these ports; who has one keeps it for as long as it lives.
    this.#guard?.configure(specs);
    const held = this.#portsHeld([...present.values()], specs);
    for (const { holder, owner, port } of held) {
      const service = this.get(holder);
      if (service === undefined || toRestart.has(service)) continue;
      toRestart.add(service);
      this.#options.say(`${holder} restarts: it has ${port}, which is that of ${owner} from now on`);
    }
    // A new one may be an old one by another name, which has the same port or directory.
    const allGone = Promise.all(gone.map((service) => service.retire())).then(() => undefined);
    const stops = new Map([...toRestart].map((service) => [service, service.stop()]));
    const untilFree = async ({ spec }: Service): Promise<void> => {
      for (const { holder, owner } of held) {
        const service = this.get(holder);
        if (owner === spec.name) await (service === undefined ? allGone : stops.get(service));
      }
    };
    await Promise.all(
      apps.map(async (service, index) => {
        if (toRestart.has(service)) await stops.get(service);
        else if (present.has(service.spec.name)) return;
        else await allGone;
        await untilFree(service);
        if (plans[index]?.isWanted === true && !this.#isClosed) await service.start('request');
        else this.#reportChange(service);
      }),
    );
    await allGone;
    this.#conditions.recheck();
  }

  /** A service of ours that is there for a time, with `root` for its root. Its log is kept when it goes. */
  admit(spec: ServiceSpec, root: string): Service {
    const service = this.#known.get(spec.name) ?? this.#make(spec);
    service.place({ spec, root });
    this.#services = new Map([...this.#services, [spec.name, service]]);
    this.#reportChange(service);
    return service;
  }

  /** Resolves when nothing of it is left. */
  async dismiss(service: Service): Promise<void> {
    await service.retire();
    this.#services = new Map([...this.#services].filter(([, each]) => each !== service));
  }

  /** Apps first: they may have something to say over the network before they end. */
  async stopAll(): Promise<void> {
    this.#isClosed = true;
    const system = this.#ofKind('system');
    const apps = [...this.#known.values()].filter((service) => !system.includes(service));
    await Promise.all(apps.map((service) => service.stop()));
    await Promise.all(system.map((service) => service.stop()));
  }

  #make(spec: ServiceSpec): Service {
    const { sys, isPermReady, say, random, onService } = this.#options;
    const service = new Service(spec, {
      sys,
      cgroup: (of) => this.#cgroups?.(of),
      isPermReady,
      conditions: this.#conditions,
      listeners: (name) => this.#listeners.of(name),
      guard: () => this.#guard,
      devices: this.devices,
      say,
      onChange: (changed) => this.#reportChange(changed),
      random: random ?? Math.random,
    });
    this.#known.set(spec.name, service);
    onService?.(service);
    return service;
  }

  #portsHeld(services: readonly Service[], specs: readonly ServiceSpec[]): HeldPort[] {
    const { sys, say } = this.#options;
    const apps = services.filter(({ spec }) => spec.kind !== 'system').map((service) => service.status());
    try {
      return portHolders(sys, apps, specs);
    } catch (error) {
      say(`Cannot find out who has the ports of others: ${String(error)}`);
      return [];
    }
  }

  #ofKind(kind: 'system' | 'app'): Service[] {
    return this.list().filter((service) => (service.spec.kind === 'system') === (kind === 'system'));
  }

  #openCgroups(): void {
    try {
      this.#cgroups = openServiceCgroups(this.#options.sys, this.#options.say);
    } catch (error) {
      this.#options.say(`services run without cgroups: ${String(error)}`);
    }
  }

  #reportChange(service: Service): void {
    const status = service.status();
    for (const watcher of this.#watchers) watcher(status);
    this.#conditions.recheck();
  }
}
