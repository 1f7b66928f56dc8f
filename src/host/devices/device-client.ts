// Speaks to one device's web API (shared/api/web-api.ts). Whatever keeps it from that comes out as a UserError
// that says what is wrong; a NoAnswerError may be worth another try.

import type { IncomingMessage } from 'node:http';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import type { BootRecord, LogQuery, ServiceAction } from '../../shared/api/init-api.ts';
import { ACT_LIMIT_MS, type LogLine, type ServiceStatus } from '../../shared/services/services.ts';
import {
  WEB_API,
  WEB_USER,
  type ListeningPort,
  type LogEvents,
  type NewSession,
  type WebEvents,
  type WebStatus,
} from '../../shared/api/web-api.ts';
import { UserError } from '../user-error.ts';
import { type DeviceAddress, formatDeviceAddress } from './device-address.ts';
import { parseDeviceJson } from './device-json.ts';
import { KeptConnections, openConnection, sendRequest } from './device-connection.ts';
import { connectionProblem, noAnswer, notADevice, tooOld, wrongPassword } from './device-problems.ts';
import { explainFailures, type Failure } from './explain-failures.ts';
import type { FoundDevice } from './find-device.ts';
import type { KnownPassword } from './instance-password.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { askPatiently, PATIENCE, type Patience, showsLife, SilenceError } from './patience.ts';
import { readRefusal } from './read-refusal.ts';
import { RefusalError } from './refusal-error.ts';
import { requestUpgrade, type Upgraded } from './upgrade-connection.ts';
import { readServerSentEvents, type ServerSentEvent } from '../../shared/api/server-sent-events.ts';

const CONNECT_LIMIT_MS = 5000;
/** Live views have a heartbeat every 15 s. */
const SILENCE_LIMIT_MS = 40_000;

export interface LogBatch {
  lines: LogLine[];
  /** Id from which to go on. */
  id: string;
}

export interface AskOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Time without a byte from the device, or to it. */
  limitMs?: number;
  headers?: Readonly<Record<string, string>>;
  body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Over a connection of its own, as every request that is not "GET". */
  isNew?: boolean;
  /** What is being done, after "Cannot". */
  act: string;
}

export class DeviceClient {
  readonly device: FoundDevice;
  readonly #password: KnownPassword;
  readonly #signal: AbortSignal;
  readonly #patience: Patience;
  #kept = new KeptConnections();
  #address: DeviceAddress | undefined;
  #version: string | undefined;
  /** What the device is called in requests. undefined: by the address. */
  #hostHeader: string | undefined;

  constructor(
    device: FoundDevice,
    password: KnownPassword,
    signal: AbortSignal,
    patience: Partial<Patience> = {},
  ) {
    this.device = device;
    this.#password = password;
    this.#signal = signal;
    this.#patience = { ...PATIENCE, showsLife: () => this.showsLife(), ...patience };
  }

  /** The one that answered last. */
  get address(): DeviceAddress {
    const [first] = this.device.addresses;
    const address = this.#address ?? first;
    if (address === undefined) throw new Error('A device without an address was found');
    return address;
  }

  /** The same device, for work that has another end. */
  withSignal(signal: AbortSignal): DeviceClient {
    const client = new DeviceClient(this.device, this.#password, signal, this.#patience);
    client.#kept = this.#kept;
    client.#address = this.#address;
    client.#hostHeader = this.#hostHeader;
    return client;
  }

  async status(): Promise<WebStatus> {
    const status = await this.askJson<Partial<WebStatus> | null>(WEB_API.status, { act: 'read the status' });
    if (!isStatus(status)) throw notADevice(this.device, this.address);
    this.#version = status.system.tskrazyVersion;
    return status;
  }

  async boots(): Promise<BootRecord[]> {
    return this.askJson<BootRecord[]>(WEB_API.boots, { act: 'read the earlier logs' });
  }

  /** Throws where the device is older than that. */
  async ports(): Promise<ListeningPort[]> {
    return this.askJson<ListeningPort[]>(WEB_API.ports, { act: 'read who listens where' });
  }

  async log(name: string, query: LogQuery): Promise<LogLine[]> {
    const path = WEB_API.log(name, { ...query, format: 'ndjson' });
    const body = await this.#askText(path, { act: `read the log "${name}"` });
    const lines = body.split('\n').filter((line) => line !== '');
    return lines.map((line) => this.#parse(line) as LogLine);
  }

  /** Ends when the device ends it, which a followed log never does by itself; throws NoAnswerError when cut off. */
  async *follow(name: string, query: LogQuery, lastEventId?: string): AsyncGenerator<LogBatch> {
    const events = this.#follow(WEB_API.log(name, { ...query, follow: true }), {
      act: `follow the log "${name}"`,
      ...(lastEventId === undefined ? {} : { headers: { 'Last-Event-ID': lastEventId } }),
    });
    for await (const { id, event, data } of events) {
      if (event === 'lines') yield { id, lines: this.#parse(data) as LogEvents['lines'] };
    }
  }

  /** All services at once, then each that changes, until the connection is lost: then it throws NoAnswerError. */
  async *followServices(): AsyncGenerator<readonly ServiceStatus[]> {
    const events = this.#follow(WEB_API.serviceEvents, { act: 'follow the services' });
    for await (const { event, data } of events) {
      if (event === 'status') yield (this.#parse(data) as WebEvents['status']).services;
      if (event === 'service') yield [this.#parse(data) as WebEvents['service']];
    }
  }

  async act(name: string, action: ServiceAction): Promise<ServiceStatus> {
    const path = WEB_API.serviceAction(name, action);
    return this.askJson(path, { method: 'POST', limitMs: ACT_LIMIT_MS, act: `${action} "${name}"` });
  }

  async power(how: 'reboot' | 'poweroff'): Promise<void> {
    const act = how === 'reboot' ? 'reboot' : 'power off';
    await this.askJson(WEB_API[how], { method: 'POST', act: `${act} "${this.device.name}"` });
  }

  /** A token for a browser, which is to have no password of its own. */
  async logIn(): Promise<NewSession> {
    return this.askJson(WEB_API.sessions, { method: 'POST', act: `log in to "${this.device.name}"` });
  }

  /** Another connection to where it answered last, for whoever speaks to it by himself. */
  async connect(): Promise<net.Socket> {
    try {
      return await openConnection({
        address: this.address,
        authorities: this.device.expected.authorities,
        connectMs: CONNECT_LIMIT_MS,
        answerMs: this.#patience.answerMs,
        signal: this.#signal,
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw connectionProblem(this.device, this.address, error);
    }
  }

  /** A connection that speaks `protocol` from now on, and what the device has said in it already. */
  async upgrade(path: string, protocol: string, act: string): Promise<{ socket: net.Socket; head: Buffer }> {
    const host = this.#hostHeader === undefined ? {} : { Host: this.#hostHeader };
    const socket = await this.connect();
    let upgraded: Upgraded;
    try {
      upgraded = await requestUpgrade({
        socket,
        path,
        headers: { Host: formatDeviceAddress(this.address), ...host, Authorization: this.#authorization() },
        protocol,
        answerMs: this.#patience.answerMs,
        signal: this.#signal,
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw connectionProblem(this.device, this.address, error);
    }
    if ('socket' in upgraded) return upgraded;
    try {
      throw await this.#refusal(path, upgraded.answer, act);
    } finally {
      socket.destroy();
    }
  }

  /** Whether somebody who comes now gets an answer; needs no password. */
  async isUp(limitMs = CONNECT_LIMIT_MS): Promise<boolean> {
    try {
      const answer = await this.#send(this.address, WEB_API.health, { act: '', limitMs, isNew: true });
      answer.resume();
      // A device that does not go by this address is there, too.
      return answer.statusCode === 200 || answer.statusCode === 421;
    } catch {
      this.#signal.throwIfAborted();
      return false;
    }
  }

  /** Whether it is there at all, also when it does not get round to an answer. */
  async showsLife(): Promise<boolean> {
    return showsLife(this.device, () => this.isUp(), this.#signal);
  }

  /** For those parts of the API that have a client of their own. */
  async askJson<T>(path: string, options: AskOptions): Promise<T> {
    return this.#parse(await this.#askText(path, options)) as T;
  }

  /** For what is answered with nothing but that it is done. */
  async askNothing(path: string, options: AskOptions): Promise<void> {
    await this.#askText(path, options);
  }

  /** A device that is slow is waited for, unless the asker has a limit of its own. */
  async #askText(path: string, options: AskOptions): Promise<string> {
    const ask = async (): Promise<string> => this.#read(await this.#ask(path, options));
    const isPatient = (options.method ?? 'GET') === 'GET' && options.limitMs === undefined;
    return isPatient ? askPatiently(this.device, this.#patience, ask) : ask();
  }

  /** The answer piece by piece, as text. Throws NoAnswerError when it breaks off. */
  async *askStream(path: string, options: AskOptions & { silenceLimitMs?: number }): AsyncGenerator<string> {
    const answer = await this.#ask(path, options);
    const { silenceLimitMs } = options;
    if (silenceLimitMs !== undefined)
      answer.socket.setTimeout(silenceLimitMs, () => answer.destroy(new SilenceError()));
    try {
      yield* answer.setEncoding('utf8') as AsyncIterable<string>;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw noAnswer(this.device, this.address, error);
    } finally {
      answer.destroy();
    }
  }

  async *#follow(path: string, options: AskOptions): AsyncGenerator<ServerSentEvent> {
    try {
      yield* readServerSentEvents(this.askStream(path, { ...options, silenceLimitMs: SILENCE_LIMIT_MS }));
    } catch (error) {
      // A line without an end, which no device of ours sends: whoever did, it is not there as it should be.
      throw error instanceof RangeError ? noAnswer(this.device, this.address, error) : error;
    }
  }

  /** A device that goes away in the middle of its answer has given none. */
  async #read(answer: IncomingMessage): Promise<string> {
    try {
      return await text(answer);
    } catch (error) {
      this.#signal.throwIfAborted();
      throw noAnswer(this.device, this.address, error);
    }
  }

  #parse(json: string): unknown {
    try {
      return parseDeviceJson(json);
    } catch {
      throw notADevice(this.device, this.address);
    }
  }

  async #ask(path: string, options: AskOptions): Promise<IncomingMessage> {
    const answer = await this.#reach(path, options);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    try {
      if (status === 421 && this.#callByName() && options.body === undefined)
        return await this.#ask(path, options);
      throw await this.#refusal(path, answer, options.act);
    } finally {
      // A body that is still being sent is of no use any more.
      answer.destroy();
    }
  }

  /**
   * Behind a tunnel or a router the device does not know the address that it is reached by, and takes only its own for
   * pages of browsers. Returns whether there is another try: by its name.
   */
  #callByName(): boolean {
    if (this.#hostHeader !== undefined) return false;
    this.#hostHeader = this.device.expected.hostname;
    return true;
  }

  /** Takes the first address where somebody answers and proves to be the device, and stays with it. */
  async #reach(path: string, options: AskOptions): Promise<IncomingMessage> {
    const headers = { ...options.headers, Authorization: this.#authorization() };
    if (this.#address !== undefined) return this.#send(this.#address, path, { ...options, headers });
    const { addresses, others } = this.device;
    const failures: Failure[] = [];
    const answer =
      (await this.#tryAll(addresses, path, { ...options, headers }, failures)) ??
      // Whoever took the name first is not the device; that may have answered, too.
      (others && (await this.#tryAll(await others(), path, { ...options, headers }, failures)));
    if (answer) return answer;
    throw await explainFailures(this.device, failures, this.#signal);
  }

  async #tryAll(
    addresses: readonly DeviceAddress[],
    path: string,
    options: AskOptions,
    failures: Failure[],
  ): Promise<IncomingMessage | undefined> {
    for (const address of addresses) {
      try {
        const answer = await this.#send(address, path, options);
        this.#address = address;
        return answer;
      } catch (error) {
        this.#signal.throwIfAborted();
        failures.push({ address, error });
      }
    }
    return undefined;
  }

  async #send(address: DeviceAddress, path: string, options: AskOptions): Promise<IncomingMessage> {
    // In clear there is no handshake to save.
    const isKept = address.tls && (options.method ?? 'GET') === 'GET' && options.isNew !== true;
    try {
      return await sendRequest({
        address,
        authorities: this.device.expected.authorities,
        path,
        method: options.method ?? 'GET',
        headers: { ...options.headers, ...(this.#hostHeader !== undefined && { Host: this.#hostHeader }) },
        body: options.body,
        connectMs: Math.min(options.limitMs ?? CONNECT_LIMIT_MS, CONNECT_LIMIT_MS),
        answerMs: options.limitMs ?? this.#patience.answerMs,
        signal: this.#signal,
        kept: isKept ? this.#kept : undefined,
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw connectionProblem(this.device, address, error);
    }
  }

  #authorization(): string {
    return `Basic ${Buffer.from(`${WEB_USER}:${this.#password.password}`).toString('base64')}`;
  }

  async #refusal(path: string, answer: IncomingMessage, act: string): Promise<UserError> {
    const { device, address } = this;
    const refusal = readRefusal(path, answer, await this.#read(answer));
    if (refusal === undefined) return notADevice(device, address);
    const { statusCode, code, message, body } = refusal;
    if (code === 'wrong-password') return wrongPassword(device, address, this.#password.file, body.hostname);
    if (code === 'no-such-address') return tooOld(device, act, this.#version);
    // `web` is there before init's API when the device starts, and after it when it goes down.
    if (statusCode === 502 || statusCode === 504)
      return new NoAnswerError(`Cannot ${act}: ${lowerFirst(message)}`, { hint: 'Try again in a moment.' });
    // init says itself what it cannot do.
    const said = message.startsWith('Cannot ') ? message : `Cannot ${act}: ${lowerFirst(message)}`;
    return new RefusalError(said, { statusCode, code, body });
  }
}

/** What every version of the API has, and every verb relies on. */
function isStatus(value: Partial<WebStatus> | null): value is WebStatus {
  return (
    typeof value?.system?.hostname === 'string' &&
    typeof value.usage?.memory === 'object' &&
    Array.isArray(value.services)
  );
}

/** "Cannot stop "x": it is ..." reads on; a name or an acronym at the start stays. */
function lowerFirst(sentence: string): string {
  return /^[A-Z][a-z]/.test(sentence) ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence;
}
