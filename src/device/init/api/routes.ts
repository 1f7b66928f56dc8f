// The routes of init's control API. See shared/init-api.ts for what they mean.

import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  LOG_OF_INIT,
  LOG_OF_KERNEL,
  SERVICE_ACTIONS,
  type InitEvent,
  type PowerAccepted,
  type ServiceAction,
  type SystemStatus,
} from '../../../shared/init-api.ts';
import type { LogLine } from '../../../shared/services.ts';
import type { LogFollower } from '../log/log-ring.ts';
import type { Service } from '../supervisor/service.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { sendJson } from './send-json.ts';
import { NdjsonStream } from './ndjson-stream.ts';

const DEFAULT_LINES = 100;
const MAX_LINES = 10_000;

export interface LogSource {
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
  isShuttingDown(): boolean;
  shutDown(how: 'reboot' | 'poweroff', why: string): void;
}

/** Its message goes to the client. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function route(api: InitApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = parseTarget(request.url ?? '');
  const [version, resource, name, action, ...rest] = url.pathname.split('/').slice(1).map(decodeSegment);
  if (version !== 'v1' || rest.length > 0) throw new ApiRefusal(404, `There is no "${url.pathname}"`);
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
      return sendLog(findLog(api, name ?? ''), url.searchParams, response);
    case 'events':
      requireMethod(request, 'GET');
      return sendEvents(api.supervisor, response);
    case 'reboot':
    case 'poweroff':
      requireMethod(request, 'POST');
      refuseDuringShutdown(api);
      sendJson(response, 202, { accepted: endpoint } satisfies PowerAccepted);
      return api.shutDown(endpoint, 'asked to by the control API');
    default:
      throw new ApiRefusal(404, `There is no "${url.pathname}"`);
  }
}

async function actOnService(api: InitApi, name: string, action: string): Promise<unknown> {
  const service = api.supervisor.get(name);
  if (service === undefined) throw new ApiRefusal(404, `There is no service "${name}"`);
  if (!isServiceAction(action)) throw new ApiRefusal(404, `A service cannot be told to "${action}"`);
  refuseDuringShutdown(api);
  await act(service, action);
  return service.status();
}

async function act(service: Service, action: ServiceAction): Promise<void> {
  const { name } = service.spec;
  if (action === 'stop') return service.stop();
  if (service.state === 'stopping')
    throw new ApiRefusal(409, `Cannot ${action} "${name}": it is being stopped`);
  if (service.state === 'waiting') {
    throw new ApiRefusal(409, `Cannot ${action} "${name}": it ${service.status().reason ?? 'waits'}`);
  }
  return action === 'start' ? service.start('request') : service.restart();
}

function findLog(api: InitApi, name: string): LogSource {
  if (name === LOG_OF_INIT) return api.initLog;
  if (name === LOG_OF_KERNEL) return api.kernelLog;
  const service = api.supervisor.get(name);
  if (service === undefined) throw new ApiRefusal(404, `There is no log "${name}"`);
  return service.log;
}

function sendLog(log: LogSource, query: URLSearchParams, response: ServerResponse): void {
  const count = Number(query.get('lines') ?? DEFAULT_LINES);
  if (!Number.isInteger(count) || count < 0 || count > MAX_LINES) {
    throw new ApiRefusal(400, `"lines" is not a number from 0 to ${MAX_LINES}`);
  }
  const stream = new NdjsonStream(response);
  const lines = log.last(count);
  stream.sendAll(lines);
  if (query.get('follow') === '1') {
    stream.onClose(log.follow((line) => stream.send(line), lines.at(-1)?.seq));
  } else {
    stream.end();
  }
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
  if (api.isShuttingDown()) throw new ApiRefusal(409, 'The device is shutting down');
}

function requireMethod(request: IncomingMessage, method: 'GET' | 'POST'): void {
  if (request.method !== method) throw new ApiRefusal(405, `Only ${method} is allowed here`);
}

function parseTarget(target: string): URL {
  const url = URL.parse(target, 'http://init');
  if (url === null) throw new ApiRefusal(400, 'The request target is malformed');
  return url;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiRefusal(400, 'The request target is malformed');
  }
}

function isServiceAction(text: string): text is ServiceAction {
  return (SERVICE_ACTIONS as readonly string[]).includes(text);
}
