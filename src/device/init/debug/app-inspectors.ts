// Opens the inspectors of apps for those who debug them, one at a time for each app, and closes them again when they
// leave, however they leave. In the meantime other apps are kept from its port.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { INSPECT_LIFETIME_MS, type InspectorEndpoint } from '../../../shared/debug/debug-api.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import { monotonicMs } from '../../monotonic.ts';
import { hasNetworkOfItsOwn } from '../../sys/network-of-process.ts';
import type { Sys } from '../../sys/sys.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import type { Run } from '../supervisor/launch.ts';
import type { Service } from '../supervisor/service.ts';
import {
  CLOSE_LIMIT_MS,
  closeInspector,
  describeProcess,
  FIRST_PAUSE_MS,
  isListening,
  ListeningLines,
  LONGEST_PAUSE_MS,
  loopbackPorts,
} from './node-inspector.ts';

/** Node.js answers the signal in milliseconds, also in a loop without end; an emulated machine takes longer. */
const OPEN_LIMIT_MS = 10_000;
const MAX_SAID = 64;

export interface AppInspectorsOptions {
  sys: Sys;
  findService: (name: string) => Service | undefined;
  /** From now on other apps do not get to these ports, by the app that each is of. */
  guard: (ports: ReadonlyMap<string, number>) => void;
  openLimitMs?: number;
  lifetimeMs?: number;
}

export interface OpenInspector {
  id: string;
  endpoint: InspectorEndpoint;
  /** Resolves with a sentence when it is over without `close`. */
  ended: Promise<string>;
  /** Resolves when the inspector is closed, or cannot be. May be called twice. */
  close(): Promise<void>;
}

export class AppInspectors {
  /** The longest that one may be open. */
  readonly lifetimeMs: number;
  readonly #options: AppInspectorsOptions;
  /** Who debugs, by app. */
  readonly #holders = new Map<string, string>();
  /** What could not be closed, or is open: asked a second time, Node.js does not say again where it listens. */
  readonly #endpoints = new WeakMap<Run, InspectorEndpoint>();
  readonly #ports = new Map<string, number>();
  /** Apps whose last debugger has left, and whose inspector is not closed yet. */
  readonly #closings = new Map<string, Promise<void>>();

  constructor(options: AppInspectorsOptions) {
    this.#options = options;
    this.lifetimeMs = options.lifetimeMs ?? INSPECT_LIFETIME_MS;
  }

  /** Throws ApiRefusal. */
  async open(app: string, who: string): Promise<OpenInspector> {
    const service = this.#options.findService(app);
    if (service === undefined || service.spec.kind === 'system')
      throw new ApiRefusal('no-such-service', `There is no app "${app}"`);
    // Who has left need not be waited for by name.
    await this.#closings.get(app);
    const holder = this.#holders.get(app);
    if (holder !== undefined)
      throw new ApiRefusal('debug-busy', `Cannot debug "${app}": ${holder} is at it, and one at a time may`);
    this.#holders.set(app, who);
    try {
      const run = runOf(service);
      const endpoint = await this.#openInspector(service.spec, run);
      service.tell(`its inspector is open for ${who}`);
      return { id: randomUUID(), endpoint, ended: endOf(run), close: this.#closer(service, run, endpoint) };
    } catch (error) {
      this.#holders.delete(app);
      throw error;
    }
  }

  async #openInspector(spec: ServiceSpec, run: Run): Promise<InspectorEndpoint> {
    const { sys } = this.#options;
    const { pid } = run.tree;
    checkProcess(sys, spec, pid);
    // In a network of its own there is nobody else, and the number is free for others.
    const isAlone = hasNetworkOfItsOwn(pid);
    const known = this.#endpoints.get(run);
    const endpoint =
      known !== undefined && isListening(sys, known) ? known : await this.#signal(spec, run, pid);
    this.#endpoints.set(run, endpoint);
    if (!isAlone) this.#guard(spec.name, endpoint.port);
    return endpoint;
  }

  async #signal({ name }: ServiceSpec, run: Run, pid: number): Promise<InspectorEndpoint> {
    const { sys, openLimitMs = OPEN_LIMIT_MS } = this.#options;
    const before = loopbackPorts(sys, pid);
    /** Targets by port, as the app says: it may print what it likes, as fast as it likes. */
    const said = new Map<number, string>();
    const lines = new ListeningLines();
    run.output.tap = (stream, chunk) => {
      if (stream === 'stderr') for (const { port, target } of lines.take(chunk)) note(said, port, target);
    };
    const ended = run.exit.then(() => true);
    const deadline = monotonicMs() + openLimitMs;
    let pauseMs = FIRST_PAUSE_MS;
    try {
      sys.kill(pid, 'SIGUSR1');
      while (monotonicMs() < deadline) {
        if (await Promise.race([ended, sleep(pauseMs, false, { ref: false })]))
          throw new ApiRefusal('wrong-state', `Cannot debug "${name}": it has ended in this moment`);
        // Only a socket of its own that was not there before is what it has opened.
        const opened = said.size === 0 ? [] : [...loopbackPorts(sys, pid).difference(before)];
        const port = opened.find((each) => said.has(each));
        if (port !== undefined) return { pid, port, target: said.get(port) ?? '' };
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
      throw silent(name, openLimitMs, said);
    } finally {
      run.output.tap = undefined;
    }
  }

  #closer(service: Service, run: Run, endpoint: InspectorEndpoint): () => Promise<void> {
    const { name } = service.spec;
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      try {
        const isClosed = await closeInspector(this.#options.sys, endpoint);
        if (isClosed) this.#forget(name, run, endpoint);
        // Its port may be another's then.
        else void run.exit.then(() => this.#forget(name, run, endpoint));
        if (service.run !== run) return;
        service.tell(
          isClosed
            ? 'its inspector is closed'
            : `its inspector stays open: it did not close within ${CLOSE_LIMIT_MS / 1000} s. It is gone when the app restarts`,
        );
      } finally {
        this.#holders.delete(name);
        this.#closings.delete(name);
      }
    };
    return () => {
      if (closing === undefined) {
        closing = close();
        this.#closings.set(name, closing);
      }
      return closing;
    };
  }

  #forget(app: string, run: Run, { port }: InspectorEndpoint): void {
    this.#endpoints.delete(run);
    if (this.#ports.get(app) === port) this.#guard(app, undefined);
  }

  #guard(app: string, port: number | undefined): void {
    if (port === undefined) this.#ports.delete(app);
    else this.#ports.set(app, port);
    this.#options.guard(this.#ports);
  }
}

function runOf(service: Service): Run {
  const { run } = service;
  const { name } = service.spec;
  if (run !== undefined) return run;
  const { state, reason } = service.status();
  throw new ApiRefusal(
    'wrong-state',
    `Cannot debug "${name}": it does not run (${reason === null ? state : `${state}: ${reason}`})`,
  );
}

function checkProcess(sys: Sys, { name, network, sandbox }: ServiceSpec, pid: number): void {
  if (network === 'none' && sandbox === undefined)
    throw new ApiRefusal(
      'no-inspector',
      `Cannot debug "${name}": with "network": "none" and without a sandbox it gets no socket, and so no inspector`,
    );
  switch (describeProcess(sys, pid)) {
    case 'node':
      return;
    case 'another program':
      throw new ApiRefusal('not-node', `Cannot debug "${name}": it is no Node.js program`);
    case 'deaf node':
      throw new ApiRefusal(
        'no-inspector',
        `Cannot debug "${name}": it does not listen to SIGUSR1, because it is still starting or was told not to`,
      );
    case 'gone':
      throw new ApiRefusal('wrong-state', `Cannot debug "${name}": it has ended in this moment`);
  }
}

/** The newest count. */
function note(said: Map<number, string>, port: number, target: string): void {
  said.delete(port);
  said.set(port, target);
  const [oldest] = said.keys();
  if (said.size > MAX_SAID && oldest !== undefined) said.delete(oldest);
}

function silent(name: string, limitMs: number, said: ReadonlyMap<number, string>): ApiRefusal {
  const [port] = said.keys();
  const why =
    port === undefined
      ? 'it has a handler of its own for SIGUSR1, hangs in a call that does not return (execSync, native code), or has opened its inspector by itself'
      : `what it says of port ${port} is not so: it does not listen there`;
  return new ApiRefusal(
    'no-inspector',
    `Cannot debug "${name}": it did not open its inspector within ${limitMs / 1000} s; ${why}`,
  );
}

async function endOf(run: Run): Promise<string> {
  const { code, signal } = await run.exit;
  return `the app has ended (${signal === null ? `exit code ${code}` : signal})`;
}
