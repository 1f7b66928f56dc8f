// Boots an instance in QEMU for a test and talks to it as a person's browser would.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Board, type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';
import { WEB_API, type WebStatus } from '../../../src/shared/api/web-api.ts';
import type { ServiceStatus } from '../../../src/shared/services/services.ts';
import { silentProgress } from '../../../src/host/progress.ts';
import { ensurePassword, type Instance, openInstance } from '../../../src/host/config/instance.ts';
import { type RunningInstance, runInstance } from '../../../src/host/vm/run-instance.ts';
import { atTheEnd } from '../at-the-end.ts';
import type { Lifetime } from '../updates/update-lab.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

export interface ApplianceOptions {
  board: BoardId;
  /** Guest ports that the test wants to reach. */
  guestPorts?: readonly number[];
  diskBytes?: number;
  keep?: boolean;
  extraQemuArgs?: readonly string[];
}

/** A copy of an example in a directory of its own; removed after the test. */
export async function copyExample(t: TestContext, name: string, board: BoardId): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), `tsk-test-${name}-`));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  cpSync(join(REPOSITORY, 'examples', name), directory, {
    recursive: true,
    filter: (source) => !/node_modules|\.tskrazy$/.test(source),
  });
  const instance = await openInstance(directory);
  instance.config.board = board;
  return instance;
}

export class Appliance {
  readonly #instance: Instance;
  readonly #running: RunningInstance;
  readonly #password: string;

  private constructor(instance: Instance, running: RunningInstance, password: string) {
    this.#instance = instance;
    this.#running = running;
    this.#password = password;
  }

  /** The test's diagnostics say when it had to be started twice. */
  static async boot(t: Lifetime, instance: Instance, options: ApplianceOptions): Promise<Appliance> {
    const board: Board = BOARDS[options.board];
    const running = await runInstance({
      instance,
      board,
      offline: false,
      report: silentProgress,
      warn: (text) => t.diagnostic(text),
      keep: options.keep ?? false,
      detached: false,
      memoryMiB: 512,
      webPort: 0,
      forwards: (options.guestPorts ?? []).map((guestPort) => ({ hostPort: 0, guestPort })),
      ...(options.diskBytes === undefined ? {} : { diskBytes: options.diskBytes }),
      ...(options.extraQemuArgs === undefined ? {} : { extraQemuArgs: options.extraQemuArgs }),
    });
    const { password } = await ensurePassword(instance);
    const appliance = new Appliance(instance, running, password);
    t.after(() => appliance.#end());
    return appliance;
  }

  get url(): string {
    return this.#running.url;
  }

  get password(): string {
    return this.#password;
  }

  /** URL of a forwarded port of the guest. */
  urlOf(guestPort: number): string {
    return `http://127.0.0.1:${this.#running.ports.get(guestPort) ?? 0}/`;
  }

  console(): string {
    return existsSync(this.#running.vm.consolePath) ? readFileSync(this.#running.vm.consolePath, 'utf8') : '';
  }

  async request(path: string, method = 'GET'): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`tskrazy:${this.#password}`).toString('base64')}`;
    return fetch(new URL(path, this.url), { method, headers: { authorization } });
  }

  async status(): Promise<WebStatus> {
    return (await this.request(WEB_API.status)).json() as Promise<WebStatus>;
  }

  async services(): Promise<readonly ServiceStatus[]> {
    return (await this.status()).services;
  }

  async service(name: string): Promise<ServiceStatus> {
    const found = (await this.services()).find((service) => service.name === name);
    if (!found) throw new Error(`The device has no service "${name}"`);
    return found;
  }

  /** Its last lines; as many as the page shows, if that is not said. */
  async log(name: string, lines?: number): Promise<string> {
    const query = lines === undefined ? '' : `?lines=${lines}`;
    return (await this.request(`api/v1/logs/${name}${query}`)).text();
  }

  /** Presses the power button and waits; `powered-off` when the device went down by itself. */
  async powerOff(): Promise<'powered-off' | 'killed'> {
    return this.#running.stop();
  }

  async #end(): Promise<void> {
    await this.#running.stop();
    rmSync(join(this.#instance.stateDirectory, 'vm'), { recursive: true, force: true });
  }
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** Of the time that it has waited already. */
const PAUSE_SHARE = 0.05;

/**
 * Asks until `probe` gives something; the limit is for machines that are slow beyond reason. The longer it has waited the
 * less it asks: an emulated machine that is asked ten times a second does little else.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  limitMs = 180_000,
): Promise<T> {
  const started = Date.now();
  let last: unknown;
  while (Date.now() < started + limitMs) {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      last = error;
    }
    const pauseMs = (Date.now() - started) * PAUSE_SHARE;
    await delay(Math.min(Math.max(pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS));
  }
  throw new Error(`Waited ${limitMs / 1000} s in vain for: ${what}`, { cause: last });
}
