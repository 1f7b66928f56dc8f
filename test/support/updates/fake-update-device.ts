// A device for the update client: it takes chunks, restarts, tries and rolls back as a test scripts it. What it says of
// itself beside that is example data. What it refuses by itself has no code, as on devices of 0.1. The real receiver has
// tests of its own.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import type { BootRecord } from '../../../src/shared/api/init-api.ts';
import { DICTIONARY_HEADER } from '../../../src/shared/update/manifest-dictionary.ts';
import type { Manifest } from '../../../src/shared/manifest/manifest.ts';
import type { ServiceStatus } from '../../../src/shared/services/services.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import type {
  InstallEvent,
  SlotContent,
  UpdateOffer,
  UpdateRequest,
  UpdateStatus,
} from '../../../src/shared/update/update-api.ts';
import type {
  SwitchMode,
  Trial,
  UpdateOutcome,
  UpdateRecord,
} from '../../../src/shared/update/update-state.ts';
import { type StartTime, WEB_USER, type WebStatus } from '../../../src/shared/api/web-api.ts';
import { exampleServices, exampleSystem, exampleUpdateState } from '../web/fake-device.ts';
import { FakeChunkStore } from './fake-chunk-store.ts';
import { fakeRecord, fakeTrial } from './fake-trial.ts';
import { fakeWebStatus } from './fake-web-status.ts';

/** How long it takes to restart. */
const AWAY_MS = 300;

export interface Refusal {
  status: number;
  body: { error: { code?: string; message: string } } & Record<string, unknown>;
}

export interface FakeUpdateOptions {
  /** null: it has none, and refuses every change. */
  password: string | null;
  /** What is in slot a, which runs. */
  running: SlotContent;
  trustedKeyIds: readonly string[];
}

export class FakeUpdateDevice {
  /** What was asked of it: `PUT chunks`. */
  readonly asked: string[] = [];
  readonly requests: UpdateRequest[] = [];
  readonly services: ServiceStatus[] = exampleServices();
  system = exampleSystem();
  bootId: string = randomUUID();
  boots: BootRecord[] = [];
  status: UpdateStatus;
  /** Devices of before do not tell. */
  startTime: StartTime | undefined;
  /** Whether the device was built before there were updates. */
  isOld = false;
  mode: SwitchMode = 'reboot';
  rebootBecause: readonly string[] = ['the kernel changes'];
  changedApps: readonly string[] = [];
  readonly chunks = new FakeChunkStore();
  /** By `METHOD what`; each answers once, in order. */
  readonly refusals = new Map<string, Refusal[]>();
  installEvents: InstallEvent[] = [
    { event: 'progress', phase: 'root', doneBytes: 500, totalBytes: 1000 },
    { event: 'progress', phase: 'root', doneBytes: 1000, totalBytes: 1000 },
    { event: 'progress', phase: 'boot files', doneBytes: 10, totalBytes: 10 },
    { event: 'progress', phase: 'check', doneBytes: 1010, totalBytes: 1010 },
    { event: 'installed', writtenBytes: 4096, reusedBytes: 996 },
  ];
  /** What happens after a try was accepted, or a roll-back. */
  onTry: (device: FakeUpdateDevice) => Promise<void> = trialThatIsWell;
  onRollback: (device: FakeUpdateDevice) => Promise<void> = () => Promise.resolve();
  onReboot: (device: FakeUpdateDevice) => Promise<void> = (device) => device.restart();
  /** What is not answered: `PUT chunks`. */
  readonly silentOn = new Set<string>();
  /** What is done, and whose answer is lost; each once. */
  readonly loses = new Set<string>();
  /** Called with each request, before it is answered. */
  onRequest: (what: string) => void = () => undefined;
  readonly #password: string | null;
  readonly #server: http.Server;
  readonly #news = new EventEmitter();
  readonly #followers = new Set<http.ServerResponse>();
  #https: https.Server | undefined;
  #port = 0;
  #manifest: Manifest | undefined;
  #script: Promise<void> = Promise.resolve();

  private constructor(options: FakeUpdateOptions) {
    this.#password = options.password;
    this.system = { ...this.system, buildId: options.running.buildId };
    this.status = {
      ...exampleUpdateState(),
      protocol: { version: 1, features: ['zstd', 'live'] },
      slots: { a: options.running, b: null },
      trustedKeyIds: options.trustedKeyIds,
      session: null,
    };
    this.#server = http.createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!request.destroyed) response.writeHead(500).end(String(error));
      });
    });
  }

  static async start(t: TestContext, options: FakeUpdateOptions): Promise<FakeUpdateDevice> {
    const device = new FakeUpdateDevice(options);
    await device.#listen();
    t.after(async () => {
      await device.#script.catch(() => undefined);
      device.#https?.closeAllConnections();
      device.#https?.close();
      await device.goAway();
    });
    return device;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** All that a scripted trial has still to do is done. */
  async settled(): Promise<void> {
    await this.#script;
  }

  async untilAsked(what: string): Promise<void> {
    while (!this.asked.includes(what)) await once(this.#news, 'asked');
  }

  async goAway(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async restart(slot: Slot = this.status.committed ?? 'a'): Promise<void> {
    await this.goAway();
    await delay(AWAY_MS);
    this.bootId = randomUUID();
    this.system = { ...this.system, buildId: this.status.slots[slot]?.buildId ?? '' };
    this.status = { ...this.status, running: slot, appsFrom: null, session: null };
    await this.#listen();
  }

  /** To another address. */
  async move(): Promise<void> {
    await this.goAway();
    this.#port = 0;
    await this.#listen();
  }

  beginTrial(waitsFor: readonly string[], more: Partial<Trial> = {}): void {
    const trial = fakeTrial(this.status, { mode: this.mode, waitsFor, ...more });
    this.status = { ...this.status, trial };
  }

  waitFor(waitsFor: readonly string[]): void {
    if (this.status.trial) this.status = { ...this.status, trial: { ...this.status.trial, waitsFor } };
  }

  endTrial(outcome: UpdateOutcome, more: Partial<UpdateRecord> = {}): void {
    const { trial } = this.status;
    if (trial === null) return;
    const record = fakeRecord(trial, { outcome, bootId: this.bootId, ...more });
    const committed = outcome === 'confirmed' ? trial.slot : this.status.committed;
    this.status = { ...this.status, trial: null, committed, history: [record, ...this.status.history] };
  }

  changeService(name: string, change: Partial<ServiceStatus>): void {
    const service = this.services.find((each) => each.name === name);
    assert.ok(service);
    Object.assign(service, change);
    for (const follower of this.#followers)
      follower.write(`event: service\ndata: ${JSON.stringify(service)}\n\n`);
  }

  /** What the image that was sent would be, once it runs. */
  #tried(): SlotContent {
    assert.ok(this.#manifest, 'No image was sent');
    const { buildId, hostname, tskrazyVersion, buildTimeSec, components, apps } = this.#manifest;
    return { buildId, hostname, tskrazyVersion, buildTimeSec, signedAtSec: null, components, apps };
  }

  /** As of now it is spoken to by TLS alone, as a build with TLS is from the network. */
  async beginTls({ privateKey, certificate }: { privateKey: string; certificate: string }, port: number) {
    const answer = this.#server.listeners('request')[0] as http.RequestListener;
    this.#https = https.createServer({ key: privateKey, cert: certificate }, answer);
    this.#https.listen(port, '127.0.0.1');
    await once(this.#https, 'listening');
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const what = `${request.method} ${path.split('/').at(-1)}`;
    if (path === '/health') {
      response.end('ok');
      return;
    }
    if (this.#https !== undefined && !('encrypted' in request.socket)) {
      reply(response, 403, { error: { code: 'needs-tls', message: 'This device is spoken to by HTTPS' } });
      return;
    }
    this.asked.push(what);
    this.onRequest(what);
    this.#news.emit('asked');
    if (this.silentOn.has(what)) return;
    if (this.loses.delete(what)) response.end = () => response.destroy();
    if (!this.#isAllowed(request, response)) return;
    const refusal = this.refusals.get(what)?.shift();
    if (refusal !== undefined) reply(response, refusal.status, refusal.body);
    else if (path.startsWith('/api/v1/update') && !this.isOld)
      await this.#answerUpdate(what, request, response);
    else this.#answerRest(what, response);
  }

  #isAllowed(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    if (this.#password === null) {
      if (request.method === 'GET') return true;
      reply(response, 403, { error: { message: 'This device has no password' } });
      return false;
    }
    const expected = `Basic ${Buffer.from(`${WEB_USER}:${this.#password}`).toString('base64')}`;
    if (request.headers.authorization === expected) return true;
    response.setHeader('WWW-Authenticate', 'Basic realm="tskrazy"');
    reply(response, 401, { error: { message: 'The password is wrong' } });
    return false;
  }

  #answerRest(what: string, response: http.ServerResponse): void {
    switch (what) {
      case 'GET status':
        reply(response, 200, this.#webStatus());
        return;
      case 'GET boots':
        reply(response, 200, this.boots);
        return;
      case 'GET events':
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(`event: status\ndata: ${JSON.stringify(this.#webStatus())}\n\n`);
        this.#followers.add(response);
        response.once('close', () => this.#followers.delete(response));
        return;
      case 'POST reboot':
        reply(response, 202, { accepted: 'reboot' });
        this.#run(this.onReboot);
        return;
      default:
        reply(response, 404, { error: { message: 'There is nothing at this address' } });
    }
  }

  #webStatus(): WebStatus {
    const { bootId, system, services } = this;
    const status = fakeWebStatus({ bootId, system, services, mayChange: this.#password !== null });
    return { ...status, ...(this.startTime && { startTime: this.startTime }) };
  }

  async #answerUpdate(
    what: string,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    switch (what) {
      case 'GET update':
        reply(response, 200, this.status);
        return;
      case 'POST update':
        if (request.headers[DICTIONARY_HEADER.toLowerCase()] !== undefined) {
          reply(response, 415, { error: { code: 'wrong-type', message: 'No slot has that manifest' } });
          return;
        }
        this.#open(await readBody(request), response);
        return;
      case 'PUT chunks':
        await this.#takeChunks(request, response);
        return;
      case 'POST install':
        this.#install(response);
        return;
      case 'POST try':
        this.status = { ...this.status, session: null, slots: { ...this.status.slots, b: this.#tried() } };
        reply(response, 202, { mode: this.mode, trialId: 'trial-1' });
        this.#run(this.onTry);
        return;
      case 'POST confirm':
        this.endTrial('confirmed');
        reply(response, 200, this.status);
        return;
      case 'POST rollback':
        reply(response, 202, this.status);
        this.#run(this.onRollback);
        return;
      default:
        assert.equal(request.method, 'DELETE');
        this.status = { ...this.status, session: null };
        response.writeHead(204).end();
    }
  }

  #run(script: (device: FakeUpdateDevice) => Promise<void>): void {
    this.#script = script(this);
    this.#script.catch(() => undefined);
  }

  #open(body: Buffer, response: http.ServerResponse): void {
    const request = JSON.parse(body.toString()) as UpdateRequest;
    this.requests.push(request);
    const manifest = JSON.parse(request.manifest) as Manifest;
    this.#manifest = manifest;
    const { client } = request;
    const now = Date.now();
    const { buildId } = manifest;
    this.status = {
      ...this.status,
      session: { client: client.name, startedAtMs: now, lastHeardAtMs: now, buildId },
    };
    const offer: UpdateOffer = {
      id: `session-${this.requests.length}`,
      slot: 'b',
      mode: this.mode,
      rebootBecause: this.mode === 'live' ? [] : this.rebootBecause,
      changedApps: this.changedApps,
      ...this.chunks.whatIsMissing(manifest),
    };
    reply(response, 201, offer);
  }

  async #takeChunks(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    assert.ok(this.#manifest);
    const count = await this.chunks.take(request, this.#manifest);
    if (count === null) return;
    reply(response, 200, { chunks: count, bytes: 0, missingChunks: 0 });
  }

  #install(response: http.ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    for (const event of this.installEvents) response.write(`${JSON.stringify(event)}\n`);
    response.end();
  }
}

/** Restarts the device into the new build, which is not well at once, and then is. */
export async function trialThatIsWell(device: FakeUpdateDevice): Promise<void> {
  await device.restart('b');
  device.beginTrial(['app irrigation has run for 2 s, not 30 s yet']);
  device.onRequest = (what) => {
    if (what === 'GET update') device.waitFor([]);
  };
}

async function readBody(request: http.IncomingMessage): Promise<Buffer> {
  const body = await buffer(request);
  return request.headers['content-encoding'] === 'zstd' ? zstdDecompressSync(body) : body;
}

function reply(response: http.ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}
