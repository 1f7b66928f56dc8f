// Stands in for init behind a Unix socket (shared/api/init-api.ts), with services that live: they log, start,
// stop and crash by themselves. For tests of the web server and for looking at the page on one's desk.

import http from 'node:http';

import {
  type ApiError,
  type BootRecord,
  LOG_OF_INIT,
  LOG_OF_KERNEL,
  type InitEvent,
  type ServiceAction,
  type SystemStatus,
} from '../../../src/shared/api/init-api.ts';
import { type RefusalCode, statusOf } from '../../../src/shared/api/refusals.ts';
import { json as readJson } from 'node:stream/consumers';
import { ApiRefusal } from '../../../src/device/api-refusal.ts';
import { routeWifi } from '../../../src/device/init/api/wifi-routes.ts';
import type { FakeWifi } from './fake-wifi.ts';
import { FakeBreakglass } from './fake-breakglass.ts';

import type { LogLine, LogStream, ServiceStatus } from '../../../src/shared/services/services.ts';
import {
  briefOf,
  type Trial,
  type TrialCheck,
  type TrialRequest,
  type UpdateState,
} from '../../../src/shared/update/update-state.ts';
import {
  exampleLogLine,
  exampleServices,
  exampleSystem,
  exampleUpdateState,
  INIT_LINES,
  KERNEL_LINES,
} from './fake-device.ts';

const RING_LINES = 2_000;

class FakeLog {
  readonly #lines: LogLine[] = [];
  readonly followers = new Set<http.ServerResponse>();
  #seq = 0;

  add(text: string, stream: LogStream = 'stdout', timeMs: number = Date.now()): void {
    const line: LogLine = { seq: this.#seq++, timeMs, stream, text };
    this.#lines.push(line);
    if (this.#lines.length > RING_LINES) this.#lines.shift();
    for (const follower of this.followers)
      // Like init: who does not read is cut off.
      if (follower.writableLength > 1024 * 1024) follower.destroy();
      else follower.write(`${JSON.stringify(line)}\n`);
  }

  last(count: number): LogLine[] {
    return count === 0 ? [] : this.#lines.slice(-count);
  }
}

export interface FakeInitOptions {
  socketPath: string;
  /** Services log lines by themselves. Off: only what a test makes them log. */
  lively?: boolean;
  services?: ServiceStatus[];
  /** How long a service takes to stop. */
  stopMs?: number;
}

export class FakeInit {
  readonly services: Map<string, ServiceStatus>;
  readonly logs = new Map<string, FakeLog>();
  system: SystemStatus = exampleSystem();
  update: UpdateState = exampleUpdateState();
  /** As they were reported last. */
  checks: TrialCheck[] | undefined;
  /** Bodies of what was asked of updates, by name: `trial`. */
  readonly updateRequests: [name: string, body: unknown][] = [];
  /** Earlier ones, newest first. */
  boots: BootRecord[] = [];
  /** Of the boot before this one, by name. */
  readonly earlierLogs = new Map<string, LogLine[]>();
  /** Whether this init answers nothing but 500. */
  isBroken = false;
  /** What was asked of it, as `restart hello-ts`. */
  readonly acts: string[] = [];
  readonly breakglass = new FakeBreakglass();
  /** undefined: the image has none. */
  wifi: FakeWifi | undefined;
  readonly #server: http.Server;
  readonly #followers = new Set<http.ServerResponse>();
  #timers: NodeJS.Timeout[] = [];
  readonly #stopMs: number;

  private constructor(options: FakeInitOptions) {
    this.services = new Map((options.services ?? exampleServices()).map((each) => [each.name, { ...each }]));
    for (const name of [...this.services.keys(), LOG_OF_INIT, LOG_OF_KERNEL])
      this.logs.set(name, new FakeLog());
    this.#stopMs = options.stopMs ?? 5;
    this.#fillLogs();
    if (options.lively === true) this.#live();
    this.#server = http.createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        refuse(response, 'malformed', String(error));
      });
    });
  }

  static async start(options: FakeInitOptions): Promise<FakeInit> {
    const init = new FakeInit(options);
    await new Promise<void>((resolve) => {
      init.#server.listen(options.socketPath, resolve);
    });
    return init;
  }

  get followerCount(): number {
    return this.#followers.size + [...this.logs.values()].reduce((sum, log) => sum + log.followers.size, 0);
  }

  log(name: string, text: string, stream: LogStream = 'stdout'): void {
    this.logs.get(name)?.add(text, stream);
    const service = this.services.get(name);
    if (service && stream !== 'init') service.lastLine = text;
  }

  change(name: string, change: Partial<ServiceStatus>): ServiceStatus {
    const service = this.services.get(name);
    if (!service) throw new Error(`Cannot change "${name}": there is no such service`);
    Object.assign(service, change);
    const event: InitEvent = { type: 'service', status: service };
    for (const follower of this.#followers) follower.write(`${JSON.stringify(event)}\n`);
    return service;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://init');
    const [, version, noun = '', name = '', action] = url.pathname.split('/').map(decodeURIComponent);
    if (this.isBroken) return refuse(response, 'failed', 'Something went wrong');
    if (version !== 'v1') return refuse(response, 'no-such-address', 'There is no such address');
    if (request.method === 'GET') {
      if (noun === 'system') {
        const { session } = this.breakglass;
        const system = {
          ...this.system,
          ...(session && { breakglass: session }),
          ...(this.wifi && { wifi: this.wifi.changes.trials() }),
        };
        return reply(response, 200, { ...system, ...uptime(system) });
      }
      if (noun === 'services') return reply(response, 200, [...this.services.values()]);
      if (noun === 'events') return this.#followEvents(response);
      if (noun === 'boots') return reply(response, 200, this.boots);
      if (noun === 'update') {
        const isBrief = url.searchParams.get('brief') === '1';
        return reply(response, 200, isBrief ? briefOf(this.update) : this.update);
      }
      if (noun === 'breakglass') return reply(response, 200, this.breakglass.session);
      if (noun === 'wifi') return this.#actOnWifi((wifi) => reply(response, 200, wifi.networks()), response);
      if (noun === 'logs') return this.#sendLog(response, name, url.searchParams);
    }
    if (request.method === 'POST') {
      if (noun === 'services') return this.#act(response, name, action as ServiceAction);
      if (noun === 'reboot' || noun === 'poweroff') {
        this.acts.push(noun);
        return reply(response, 202, { accepted: noun });
      }
      if (noun === 'breakglass') {
        const answer = this.breakglass.act(name, await readJson(request));
        if (answer === undefined) return refuse(response, 'breakglass-ended', 'This session is over');
        return reply(response, 200, answer);
      }
      if (noun === 'wifi')
        return this.#actOnWifi((wifi) => routeWifi(async () => wifi, name, request, response), response);
      if (noun === 'update') return this.#actOnUpdate(response, name, await readJson(request));
    }
    return refuse(response, 'no-such-address', 'There is no such address');
  }

  async #actOnWifi(
    act: (wifi: FakeWifi['changes']) => void | Promise<void>,
    response: http.ServerResponse,
  ): Promise<void> {
    if (this.wifi === undefined) return refuse(response, 'no-wifi', 'This image has no Wi-Fi');
    try {
      await act(this.wifi.changes);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      refuse(response, error.code, error.message);
    }
  }

  #actOnUpdate(response: http.ServerResponse, name: string, body: unknown): void {
    if (name !== 'trial' && !this.update.trial) return refuse(response, 'no-trial', 'There is no trial');
    if (name === 'checks') {
      this.checks = body as TrialCheck[];
      response.writeHead(204).end();
      return;
    }
    this.updateRequests.push([name, body]);
    this.update = {
      ...this.update,
      trial: name === 'trial' ? trialOf(body as TrialRequest, this.system) : null,
    };
    reply(response, name === 'confirm' ? 200 : 202, this.update);
  }

  #followEvents(response: http.ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    for (const status of this.services.values())
      response.write(`${JSON.stringify({ type: 'service', status } satisfies InitEvent)}\n`);
    follow(this.#followers, response);
  }

  #sendLog(response: http.ServerResponse, name: string, query: URLSearchParams): void {
    const log = this.logs.get(name);
    if (!log) return refuse(response, 'no-such-log', `There is no service "${name}"`);
    const count = Number(query.get('lines') ?? 1000);
    const lines = query.has('boot') ? this.earlierLogs.get(name) : log.last(count);
    if (!lines) return refuse(response, 'no-such-log', `Boot ${query.get('boot')} has no log "${name}"`);
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    for (const line of lines)
      if (line.timeMs >= Number(query.get('since') ?? 0)) response.write(`${JSON.stringify(line)}\n`);
    if (query.get('follow') === '1') return follow(log.followers, response);
    response.end();
  }

  #act(response: http.ServerResponse, name: string, action: ServiceAction): void {
    const service = this.services.get(name);
    if (!service) return refuse(response, 'no-such-service', `There is no service "${name}"`);
    if (action === 'stop' && service.state === 'stopped')
      return refuse(response, 'wrong-state', `Service "${name}" is stopped already`);
    this.acts.push(`${action} ${name}`);
    const start = () => {
      const startCount = service.startCount + 1;
      this.logs.get(name)?.add(`started, process ${5000 + startCount}`, 'init');
      return this.change(name, {
        state: 'running',
        pid: 5000 + startCount,
        startedAtMs: Date.now(),
        startCount,
        reason: null,
        nextStartAtMs: null,
      });
    };
    if (action === 'start') return reply(response, 200, start());
    this.change(name, { state: 'stopping' });
    this.logs.get(name)?.add('stopping: SIGTERM', 'init');
    const timer = setTimeout(() => {
      this.change(name, {
        state: 'stopped',
        pid: null,
        lastExit: { code: null, signal: 'SIGTERM', atMs: Date.now() },
      });
      reply(response, 200, action === 'stop' ? service : start());
    }, this.#stopMs);
    this.#timers.push(timer);
  }

  #fillLogs(): void {
    const bootedAtMs = Date.now() - this.system.uptimeSec * 1000;
    for (const [index, text] of KERNEL_LINES.entries())
      this.logs.get(LOG_OF_KERNEL)?.add(text, 'stdout', bootedAtMs + index * 37);
    for (const [index, text] of INIT_LINES.entries())
      this.logs.get(LOG_OF_INIT)?.add(text, 'stdout', bootedAtMs + 1200 + index * 61);
    for (const service of this.services.values()) {
      const log = this.logs.get(service.name);
      if (service.startedAtMs !== null) log?.add('started, process 411', 'init', service.startedAtMs);
      if (service.pid === null) continue;
      for (let back = 60; back > 0; back--) {
        const line = exampleLogLine(service.name, 60 - back);
        if (!line) break;
        log?.add(line.text, line.stream, Date.now() - back * 1700);
        service.lastLine = line.text;
      }
    }
  }

  #live(): void {
    let tick = 60;
    const timer = setInterval(() => {
      tick++;
      for (const { name, state, nextStartAtMs, startCount } of this.services.values()) {
        if (nextStartAtMs !== null && nextStartAtMs < Date.now())
          this.change(name, { nextStartAtMs: Date.now() + 60_000, startCount: startCount + 1 });
        const line = state === 'running' ? exampleLogLine(name, tick) : undefined;
        if (line) this.log(name, line.text, line.stream);
      }
    }, 800);
    this.#timers.push(timer);
  }
}

function trialOf(request: TrialRequest, { buildId }: SystemStatus): Trial {
  const { slot, mode, confirmBy, who } = request;
  const startedAtMs = Date.now();
  return {
    slot,
    buildId: request.buildId,
    mode,
    confirmBy,
    who,
    id: `trial-of-${slot}`,
    fromBuildId: buildId,
    startedAtMs,
    deadlineAtMs: startedAtMs + 300_000,
    waitsFor: [],
  };
}

function uptime(system: SystemStatus): Partial<SystemStatus> {
  const started = Date.now() - process.uptime() * 1000 - system.uptimeSec * 1000;
  return { bootedAtMs: started, uptimeSec: (Date.now() - started) / 1000 };
}

function follow(followers: Set<http.ServerResponse>, response: http.ServerResponse): void {
  response.flushHeaders();
  followers.add(response);
  response.once('close', () => followers.delete(response));
}

function reply(response: http.ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function refuse(response: http.ServerResponse, code: RefusalCode, error: string): void {
  reply(response, statusOf(code), { error, code } satisfies ApiError);
}
