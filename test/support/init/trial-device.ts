// A device with two slots that boots again and again against a recording kernel, for the scenarios of trials: the
// boot loader and the clock are the test's, all the rest is init as it is.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import type { Init } from '../../../src/device/init/init.ts';
import type { TrialClock } from '../../../src/device/init/update/trial-clock.ts';
import type { AppSwitch } from '../../../src/device/init/update/trials-options.ts';
import type { BootSwitch, StartTrace } from '../../../src/device/boot-loader/boot-switch.ts';
import { INIT_API } from '../../../src/shared/api/init-api.ts';
import { NET_STATUS_PATH } from '../../../src/shared/network/net-status.ts';
import {
  type DeviceConfig,
  INIT_SOCKET_PATH,
  type ServiceSpec,
  type ServiceState,
  type ServiceStatus,
} from '../../../src/shared/services/services.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import type { TrialCheck, TrialRequest, UpdateState } from '../../../src/shared/update/update-state.ts';
import { bootDevice, prepareDevice, putConfiguration, putExt4, service } from './init-scenario.ts';
import type { RecordedProcess, RecordingSys } from './recording-sys.ts';

export class TestClock implements TrialClock {
  #now = 0;
  readonly #acts = new Map<() => void, { everyMs: number; at: number }>();

  now(): number {
    return this.#now;
  }

  every(ms: number, act: () => void): () => void {
    this.#acts.set(act, { everyMs: ms, at: this.#now + ms });
    return () => void this.#acts.delete(act);
  }

  /** Second by second, and what is done in each of them is done before the next. */
  async advance(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.#now += 1000;
      for (const [act, timer] of this.#acts) {
        if (timer.at > this.#now) continue;
        timer.at += timer.everyMs;
        act();
      }
      await turn();
    }
  }
}

export class TestBootSwitch implements BootSwitch {
  readonly sys: RecordingSys;
  trialStart: UpdateState['trialStart'] = 'efi-variable';
  committedSlot: Slot = 'a';
  armed: Slot | null = null;
  trace: StartTrace = null;
  /** What fails. */
  commitError: Error | null = null;
  armError: Error | null = null;
  readError: Error | null = null;
  afterArm: () => void = () => {};

  constructor(sys: RecordingSys) {
    this.sys = sys;
  }

  async committed(): Promise<Slot> {
    if (this.readError !== null) throw this.readError;
    return this.committedSlot;
  }

  async commit(slot: Slot): Promise<void> {
    if (this.commitError !== null) throw this.commitError;
    this.sys.log.push(`commit ${slot}`);
    this.committedSlot = slot;
  }

  async armTrial(slot: Slot): Promise<void> {
    if (this.armError !== null) throw this.armError;
    this.sys.log.push(`arm ${slot}`);
    this.armed = slot;
    this.trace = 'kept';
    this.afterArm();
  }

  async disarm(): Promise<void> {
    this.sys.log.push('disarm');
    this.armed = null;
  }

  async takeTrace(): Promise<StartTrace> {
    const { trace } = this;
    this.trace = null;
    return trace;
  }

  async restartIntoTrial(): Promise<void> {
    this.sys.log.push('restart into the trial');
  }
}

export const FINE: readonly TrialCheck[] = [{ name: 'page', problem: null }];

export class TrialDevice {
  readonly sys: RecordingSys;
  readonly bootSwitch: TestBootSwitch;
  readonly appSwitch: AppSwitch | undefined;
  services: readonly ServiceSpec[] = [
    service('web', { kind: 'system', dataDir: '/run/tsk/web' }),
    service('sensor'),
  ];
  /** What else is configured. */
  config: Partial<DeviceConfig> = {};
  /** More words of the kernel command line. */
  kernelArguments = '';
  /** What runs from each slot. */
  buildIds: Readonly<Record<Slot, string>> = { a: 'b1', b: 'b2' };
  openBootSwitch: () => Promise<BootSwitch> = async () => this.bootSwitch;
  isPermBlank = false;
  #isPrepared = false;
  clock = new TestClock();

  constructor(sys: RecordingSys, appSwitch?: AppSwitch) {
    this.sys = sys;
    this.bootSwitch = new TestBootSwitch(sys);
    this.appSwitch = appSwitch;
  }

  /** Its disk, before the first start. */
  prepare(): void {
    this.#isPrepared = true;
    prepareDevice(this.sys);
    if (!this.isPermBlank) putExt4(this.sys);
  }

  async boot(slot: Slot): Promise<Init> {
    const config = { ...this.config, services: this.services, buildId: this.buildIds[slot] };
    const kernelArguments = `ro tskrazy.slot=${slot} ${this.kernelArguments}`;
    if (!this.#isPrepared) this.prepare();
    putConfiguration(this.sys, config, kernelArguments);
    this.sys.file('/proc/sys/kernel/random/boot_id', `${randomUUID()}\n`);
    this.clock = new TestClock();
    const { appSwitch } = this;
    const init = await bootDevice(this.sys, {
      clock: this.clock,
      openBootSwitch: () => this.openBootSwitch(),
      ...(appSwitch && { openAppSwitch: async () => appSwitch }),
    });
    return init;
  }

  /** The control API answers, though boot may not have come to its end. */
  async listens(): Promise<void> {
    while (!existsSync(this.sys.path(INIT_SOCKET_PATH))) await turn();
  }

  /** The restart into a trial of slot b, and the boot that comes of it. */
  async bootTrial(request: Partial<TrialRequest> = {}): Promise<Init> {
    await this.boot('a');
    await this.startTrial(request);
    await this.down();
    return this.boot('b');
  }

  process(name: string): RecordedProcess {
    const found = this.sys.processes.find(({ request }) => request.argv[0] === `/user/${name}`);
    if (found === undefined) throw new Error(`"${name}" does not run`);
    return found;
  }

  /** Ends its process; starts it again at once when that is due later. */
  async crash(name: string, code = 1): Promise<void> {
    this.process(name).exit({ code });
    if ((await this.reaches(name, 'backoff', 'failed')) === 'failed') return;
    await this.ask('POST', INIT_API.serviceAction(name, 'start'));
    await this.reaches(name, 'running');
  }

  /** What `net` knows. */
  network(addresses: readonly string[], gateways: readonly string[] = ['10.0.2.2']): void {
    const interfaces = [{ name: 'eth0', carrier: true, addresses, gateways }];
    this.sys.file(NET_STATUS_PATH, JSON.stringify({ formatVersion: 1, interfaces }));
  }

  /** Resolves when the device has gone down; with what. */
  async down(): Promise<string> {
    for (;;) {
      const last = this.sys.log.at(-1) ?? '';
      if (last.startsWith('power ') || last.startsWith('restart ')) return last;
      await turn();
    }
  }

  /** Asks init as web does, over its socket. */
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const sent = request({ socketPath: this.sys.path(INIT_SOCKET_PATH), method, path, agent: false });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    const answer = await text(response);
    return { status: response.statusCode, body: answer === '' ? null : JSON.parse(answer) };
  }

  async state(): Promise<UpdateState> {
    return (await this.ask('GET', INIT_API.update)).body as UpdateState;
  }

  async waitsFor(): Promise<readonly string[] | undefined> {
    return (await this.state()).trial?.waitsFor;
  }

  /** For so long web reports every 5 s. */
  async advance(seconds: number, checks: readonly TrialCheck[] = FINE): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 5) {
      await this.ask('POST', INIT_API.updateChecks, checks);
      await this.clock.advance(Math.min(5, seconds - passed));
    }
  }

  async startTrial(request: Partial<TrialRequest> = {}): Promise<{ status: number; body: unknown }> {
    return this.ask('POST', INIT_API.updateTrial, {
      slot: 'b',
      buildId: 'b2',
      mode: 'reboot',
      confirmBy: 'client',
      who: 'tsk on michael@laptop',
      changedApps: [],
      ...request,
    });
  }

  async stateOf(name: string): Promise<ServiceState | undefined> {
    const { body } = await this.ask('GET', INIT_API.services);
    return (body as ServiceStatus[]).find((status) => status.name === name)?.state;
  }

  async reaches(name: string, ...states: readonly ServiceState[]): Promise<ServiceState> {
    for (;;) {
      const state = await this.stateOf(name);
      if (state !== undefined && states.includes(state)) return state;
    }
  }

  /** Resolves when no trial goes on any more. */
  async settled(): Promise<void> {
    while ((await this.state()).trial !== null);
  }
}
