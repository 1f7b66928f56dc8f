// The routes of init's control API. See shared/api/init-api.ts for what they mean.

import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type BootRecord,
  LOG_OF_INIT,
  LOG_OF_KERNEL,
  SERVICE_ACTIONS,
  type InitEvent,
  type PowerAccepted,
  type ServiceAction,
  type SystemStatus,
} from '../../../shared/api/init-api.ts';
import { APP_NAME } from '../../../shared/app-name.ts';
import type { LogLine } from '../../../shared/services/services.ts';
import type { KeptLine } from '../log/kept-line.ts';
import type { LogFollower } from '../log/log-ring.ts';
import { joinWithKept, type KeptLines, type LineRange, numberLines, selectLines } from '../log/log-query.ts';
import type { AppInspectors } from '../debug/app-inspectors.ts';
import type { Service } from '../supervisor/service.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { sendJson } from './send-json.ts';
import { routeInspect } from './inspect-routes.ts';
import { type BreakglassControl, routeBreakglass } from './breakglass-routes.ts';
import { routeUpdate, sendUpdateState, type UpdateControl } from './update-routes.ts';
import { routeWifi, type WifiControl } from './wifi-routes.ts';
import { NdjsonStream } from './ndjson-stream.ts';

const DEFAULT_LINES = 100;
const MAX_LINES = 10_000;
const MAX_BOOTS = 10_000;

interface LogSource {
  last(count: number): LogLine[];
  /** Lines to come, and those after number `afterSeq` that are there already. */
  follow(follower: LogFollower, afterSeq?: number): () => void;
}

/** What the API is about. */
export interface InitApi {
  systemStatus(): SystemStatus;
  supervisor: Supervisor;
  initLog: LogSource;
  kernelLog: LogSource;
  /** Logs of this boot and earlier ones in /perm. */
  logKeeper: KeptLines & {
    boots(): Promise<BootRecord[]>;
    flush(): Promise<void>;
  };
  bootRecord(): Omit<BootRecord, 'boot' | 'logs'>;
  /** Pending until it is loaded. */
  updates: () => Promise<UpdateControl>;
  inspectors: () => Promise<AppInspectors>;
  /** Loaded when somebody asks for it. */
  breakglass: () => Promise<BreakglassControl>;
  /** The same. */
  wifi: () => Promise<WifiControl>;
  isShuttingDown(): boolean;
  shutDown(how: 'reboot' | 'poweroff', why: string): void;
}

export async function route(api: InitApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = parseTarget(request.url ?? '');
  const [version, resource, name, action, ...rest] = url.pathname.split('/').slice(1).map(decodeSegment);
  if (version !== 'v1' || rest.length > 0)
    throw new ApiRefusal('no-such-address', `There is no "${url.pathname}"`);
  const endpoint = [resource, name === undefined ? '' : '/NAME', action === undefined ? '' : '/ACTION'].join(
    '',
  );
  switch (endpoint) {
    case 'system':
      requireMethod(request, 'GET');
      return sendJson(response, 200, api.systemStatus());
    case 'services':
      requireMethod(request, 'GET');
      return sendJson(
        response,
        200,
        api.supervisor.list().map((service) => service.status()),
      );
    case 'services/NAME/ACTION':
      requireMethod(request, 'POST');
      return sendJson(response, 200, await actOnService(api, name ?? '', action ?? ''));
    case 'logs/NAME':
      requireMethod(request, 'GET');
      return sendLog(api, name ?? '', url.searchParams, response);
    case 'boots':
      requireMethod(request, 'GET');
      return sendJson(response, 200, await listBoots(api));
    case 'events':
      requireMethod(request, 'GET');
      return sendEvents(api.supervisor, response);
    case 'update':
      requireMethod(request, 'GET');
      return sendUpdateState(api.updates(), url.searchParams.get('brief') === '1', response);
    case 'update/NAME':
      requireMethod(request, 'POST');
      return routeUpdate(api.updates(), name ?? '', request, response);
    case 'inspect/NAME':
      requireMethod(request, 'POST');
      refuseDuringShutdown(api);
      return routeInspect(() => api.inspectors(), name ?? '', request, response);
    case 'breakglass':
      requireMethod(request, 'GET');
      return sendJson(response, 200, api.systemStatus().breakglass ?? null);
    case 'breakglass/NAME':
      requireMethod(request, 'POST');
      refuseDuringShutdown(api);
      return routeBreakglass(api.breakglass, name ?? '', request, response);
    case 'wifi':
      requireMethod(request, 'GET');
      return sendJson(response, 200, (await api.wifi()).networks());
    case 'wifi/NAME':
      requireMethod(request, 'POST');
      refuseDuringShutdown(api);
      return routeWifi(api.wifi, name ?? '', request, response);
    case 'reboot':
    case 'poweroff':
      requireMethod(request, 'POST');
      refuseDuringShutdown(api);
      sendJson(response, 202, { accepted: endpoint } satisfies PowerAccepted);
      return api.shutDown(endpoint, 'asked to by the control API');
    default:
      throw new ApiRefusal('no-such-address', `There is no "${url.pathname}"`);
  }
}

async function actOnService(api: InitApi, name: string, action: string): Promise<unknown> {
  const service = api.supervisor.get(name);
  if (service === undefined) throw new ApiRefusal('no-such-service', `There is no service "${name}"`);
  if (!isServiceAction(action))
    throw new ApiRefusal('no-such-address', `A service cannot be told to "${action}"`);
  refuseDuringShutdown(api);
  await act(service, action);
  return service.status();
}

async function act(service: Service, action: ServiceAction): Promise<void> {
  const { name } = service.spec;
  if (action === 'stop') return service.stop();
  if (service.state === 'stopping')
    throw new ApiRefusal('wrong-state', `Cannot ${action} "${name}": it is being stopped`);
  // What it waits for, a start by hand can spare it; but not /perm, for which those wait that were not started yet.
  if (service.state === 'waiting' && !(action === 'start' && service.isWanted)) {
    throw new ApiRefusal(
      'wrong-state',
      `Cannot ${action} "${name}": it ${service.status().reason ?? 'waits'}`,
    );
  }
  return action === 'start' ? service.start('request') : service.restart();
}

function findLog(api: InitApi, name: string): LogSource {
  if (name === LOG_OF_INIT) return api.initLog;
  if (name === LOG_OF_KERNEL) return api.kernelLog;
  const log = api.supervisor.logs.get(name);
  if (log === undefined) throw new ApiRefusal('no-such-log', `There is no log "${name}"`);
  return log;
}

async function sendLog(
  api: InitApi,
  name: string,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const range: LineRange = {
    lines: readNumber(query, 'lines', DEFAULT_LINES, 0, MAX_LINES),
    since: readNumber(query, 'since', 0, 0, Number.MAX_SAFE_INTEGER),
  };
  const boot = readNumber(query, 'boot', 0, -MAX_BOOTS, 0);
  const isFollowed = query.get('follow') === '1';
  if (boot !== 0) {
    if (isFollowed) throw new ApiRefusal('malformed', 'The log of an earlier boot cannot be followed');
    const lines = numberLines(await readEarlier(api, boot, name));
    return sendLines(selectLines(lines, range), response);
  }
  const log = findLog(api, name);
  if (!isFollowed)
    return sendLines(selectLines(await linesOfThisBoot(api, name, log, range), range), response);
  const stream = new NdjsonStream(response);
  const lines = log.last(MAX_LINES);
  stream.sendAll(selectLines(lines, range));
  stream.onClose(log.follow((line) => stream.send(line), lines.at(-1)?.seq));
}

function sendLines(lines: readonly LogLine[], response: ServerResponse): void {
  const stream = new NdjsonStream(response);
  stream.sendAll(lines);
  stream.end();
}

async function readEarlier(api: InitApi, boot: number, name: string): Promise<KeptLine[]> {
  const kept = APP_NAME.test(name) ? await api.logKeeper.lines(boot, name) : undefined;
  if (kept === undefined) throw new ApiRefusal('no-such-log', `There are no logs of boot ${boot}`);
  if (kept.length === 0)
    throw new ApiRefusal('no-such-log', `Boot ${boot} has no log "${name.slice(0, 80)}"`);
  return kept;
}

/** The lines come from memory, unless more are wanted than that holds. */
async function linesOfThisBoot(
  api: InitApi,
  name: string,
  log: LogSource,
  { lines: count, since }: LineRange,
): Promise<LogLine[]> {
  const inMemory = log.last(MAX_LINES);
  const [first] = inMemory;
  if (first === undefined || first.seq === 0 || inMemory.length >= count || first.timeMs < since)
    return inMemory;
  await api.logKeeper.flush();
  const kept = await api.logKeeper.lines(0, name).catch(() => undefined);
  // The log is read again: reading the files took its time.
  return joinWithKept(kept ?? [], log.last(MAX_LINES));
}

async function listBoots(api: InitApi): Promise<BootRecord[]> {
  const logs = [...api.supervisor.logs.keys(), LOG_OF_INIT, LOG_OF_KERNEL];
  return [{ boot: 0, ...api.bootRecord(), logs }, ...(await api.logKeeper.boots())];
}

function readNumber(
  query: URLSearchParams,
  name: string,
  absent: number,
  least: number,
  most: number,
): number {
  const value = Number(query.get(name) ?? absent);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ApiRefusal('malformed', `"${name}" is not a number from ${least} to ${most}`);
}

function sendEvents(supervisor: Supervisor, response: ServerResponse): void {
  const stream = new NdjsonStream(response);
  const send = (event: InitEvent): void => stream.send(event);
  stream.sendAll(
    supervisor.list().map((service) => ({ type: 'service', status: service.status() }) satisfies InitEvent),
  );
  stream.onClose(supervisor.watch((status) => send({ type: 'service', status })));
}

function refuseDuringShutdown(api: InitApi): void {
  if (api.isShuttingDown()) throw new ApiRefusal('shutting-down', 'The device is shutting down');
}

function requireMethod(request: IncomingMessage, method: 'GET' | 'POST'): void {
  if (request.method !== method) throw new ApiRefusal('wrong-method', `Only ${method} is allowed here`);
}

function parseTarget(target: string): URL {
  const url = URL.parse(target, 'http://init');
  if (url === null) throw new ApiRefusal('malformed', 'The request target is malformed');
  return url;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiRefusal('malformed', 'The request target is malformed');
  }
}

function isServiceAction(text: string): text is ServiceAction {
  return (SERVICE_ACTIONS as readonly string[]).includes(text);
}
