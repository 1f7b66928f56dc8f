// All services together: started in two waves, listed, watched, stopped.

import type { ServiceSpec, ServiceStatus } from '../../../shared/services.ts';
import type { Sys } from '../../sys/sys.ts';
import { Conditions } from './conditions.ts';
import { Service } from './service.ts';
import { openServiceCgroups, type ServiceCgroup } from './service-cgroup.ts';

export interface SupervisorOptions {
  sys: Sys;
  services: readonly ServiceSpec[];
  say: (text: string) => void;
  isPermReady: () => boolean;
  /** Called with each service once, to copy its log elsewhere. */
  onService?: (service: Service) => void;
  random?: () => number;
}

export class Supervisor {
  readonly #services = new Map<string, Service>();
  readonly #watchers = new Set<(status: ServiceStatus) => void>();
  readonly #options: SupervisorOptions;
  readonly #conditions: Conditions;
  /** The device goes down, maybe before boot was through: nothing is started any more. */
  #isClosed = false;
  #cgroups: ((name: string) => ServiceCgroup) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#conditions = new Conditions(options.sys, (name) => this.get(name)?.state === 'running');
    for (const spec of options.services) {
      const service = new Service(spec, {
        sys: options.sys,
        cgroup: (name) => this.#cgroups?.(name),
        isPermReady: options.isPermReady,
        conditions: this.#conditions,
        say: options.say,
        onChange: (changed) => this.#reportChange(changed),
        random: options.random ?? Math.random,
      });
      this.#services.set(spec.name, service);
      options.onService?.(service);
    }
  }

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  list(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** Calls `watcher` after every change of a service's state, until the returned function is called. */
  watch(watcher: (status: ServiceStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
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

  /** Apps first: they may have something to say over the network before they end. */
  async stopAll(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#ofKind('app').map((service) => service.stop()));
    await Promise.all(this.#ofKind('system').map((service) => service.stop()));
  }

  #ofKind(kind: 'system' | 'app'): Service[] {
    return this.list().filter((service) => (service.spec.kind === 'system') === (kind === 'system'));
  }

  #openCgroups(): void {
    try {
      this.#cgroups = openServiceCgroups(this.#options.sys);
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
