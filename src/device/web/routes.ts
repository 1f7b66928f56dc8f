// Every address of the server, who may use it, and what it does. The API is described in shared/api/web-api.ts.

import type http from 'node:http';

import { APP_NAME } from '../../shared/app-name.ts';
import {
  INIT_API,
  SERVICE_ACTIONS,
  type BootRecord,
  type LogQuery,
  type PowerAccepted,
  type ServiceAction,
} from '../../shared/api/init-api.ts';
import { ACT_LIMIT_MS, type ServiceStatus } from '../../shared/services/services.ts';
import { MAX_LOG_LINES, WEB_API } from '../../shared/api/web-api.ts';
import { acceptance } from './accept.ts';
import { sendAsset } from './assets.ts';
import type { Exchange, Handler, WebRoute } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { DEBUG_ROUTES } from './debug-routes.ts';
import { PERMIT_ROUTES } from './permit-routes.ts';
import type { InitClient } from './init-client.ts';
import { followLog, logText } from './log-feed.ts';
import { listeningPorts } from './listening-ports.ts';
import { logError } from './log.ts';
import { oldLoginPage } from './plain-pages.ts';
import { sendJson, sendText } from './respond.ts';
import { serviceView } from './service-view.ts';
import { BREAKGLASS_ROUTES } from './breakglass-routes.ts';
import { SESSION_ROUTES } from './session-routes.ts';
import { UPDATE_ROUTES } from './update-routes.ts';
import { WIFI_ROUTES } from './wifi-routes.ts';

const DEFAULT_LOG_LINES = 500;

/** Throws HttpError 406 when the client would not read a page. */
function checkTakesPage({ headers }: http.IncomingMessage): void {
  if (acceptance(headers.accept, 'text/html') > 0) return;
  throw new HttpError(
    'not-acceptable',
    `Here is a page for people: programs read the same at ${WEB_API.status}`,
  );
}

/** Nothing of the device is in it: its script asks for the password, and then for the rest. */
const showPage: Handler = async ({ assets }, { request, response }) => {
  checkTakesPage(request);
  const page = assets.get('/');
  if (!page) throw new HttpError('failed', 'The page is missing in this build');
  await sendAsset(request, response, page);
};

/** Where the login was in earlier versions: bookmarks lead there, and tsk 0.1 reads the device's name in its title. */
const showOldLogin: Handler = ({ config }, { request, response }) => {
  checkTakesPage(request);
  sendText(response, 200, oldLoginPage(config), 'text/html; charset=utf-8');
};

const showAsset: Handler = async ({ assets }, { request, response, params }) => {
  const asset = assets.get(`/assets/${params['name'] ?? ''}`);
  if (!asset) throw new HttpError('no-such-address', 'There is nothing at this address');
  await sendAsset(request, response, asset);
};

const showStatus: Handler = async ({ status }, { response }) => {
  sendJson(response, 200, await status.read({ withRates: true }));
};

const followStatus: Handler = ({ feed, streams }, { response, query }) => {
  feed.add(streams.open(response), { isStatusOnce: query.get('status') === 'once' });
};

function serviceName({ params }: Exchange, absent: 'no-such-service' | 'no-such-log'): string {
  const name = params['name'] ?? '';
  if (!APP_NAME.test(name)) throw new HttpError(absent, `There is no service "${name.slice(0, 80)}"`);
  return name;
}

function lineCount(query: URLSearchParams): number {
  const text = query.get('lines') ?? String(DEFAULT_LOG_LINES);
  const lines = Number(text);
  if (!/^\d+$/.test(text) || lines > MAX_LOG_LINES)
    throw new HttpError('malformed', `lines must be a number from 0 to ${MAX_LOG_LINES}`);
  return lines;
}

/** The number of lines, since when, and of which boot. */
function logQuery(query: URLSearchParams): LogQuery {
  const since = query.get('since') ?? '0';
  if (!/^\d{1,15}$/.test(since))
    throw new HttpError('malformed', 'since must be a time in milliseconds since 1970');
  const boot = query.get('boot') ?? '0';
  if (!/^(?:0|-[1-9]\d{0,3})$/.test(boot))
    throw new HttpError('malformed', 'boot must be 0 or a negative number');
  return { lines: lineCount(query), since: Number(since), boot: Number(boot) };
}

const listBoots: Handler = async ({ init }, { response }) => {
  sendJson(response, 200, await init.get<BootRecord[]>(INIT_API.boots));
};

const listPorts: Handler = async ({ init }, { response }) => {
  sendJson(response, 200, listeningPorts(await init.get<ServiceStatus[]>(INIT_API.services)));
};

const showLog: Handler = async ({ init, streams, status }, exchange) => {
  const { request, response, query } = exchange;
  const name = serviceName(exchange, 'no-such-log');
  const wanted = logQuery(query);
  const format = query.get('format') ?? 'text';
  if (format !== 'text' && format !== 'ndjson')
    throw new HttpError('malformed', 'format must be text or ndjson');
  const follow = query.get('follow') === '1';
  const source = await init.stream(INIT_API.log(name, { ...wanted, follow }));
  if (follow) {
    const lastEventId = [request.headers['last-event-id'] ?? []].flat()[0];
    try {
      followLog(source, streams.open(response), { bootId: status.bootId, lastEventId });
    } catch (error) {
      source.destroy();
      throw error;
    }
    return;
  }
  if (query.get('download') === '1')
    response.setHeader(
      'Content-Disposition',
      `attachment; filename="${name}.${format === 'text' ? 'log' : format}"`,
    );
  const type = format === 'text' ? 'text/plain' : 'application/x-ndjson';
  response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` });
  for await (const text of logText(source, format)) {
    // What init holds is bounded, and so is what may wait here for a slow reader.
    if (response.destroyed) break;
    response.write(text);
  }
  response.end();
};

const actOnService: Handler = async ({ init, status }, exchange) => {
  const { request, response, params } = exchange;
  const name = serviceName(exchange, 'no-such-service');
  const action = SERVICE_ACTIONS.find((known) => known === params['action']);
  if (!action) throw new HttpError('no-such-address', 'There is nothing at this address');
  if (name === 'web') {
    await restartMyself(init, response, action);
    return;
  }
  // A service may take its time to stop, and the socket is silent meanwhile.
  request.socket.setTimeout(ACT_LIMIT_MS);
  const service = await init.post<ServiceStatus>(INIT_API.serviceAction(name, action));
  status.expire();
  sendJson(response, 200, serviceView(service));
};

/** init would wait for this program to end, and this program for init's answer. */
async function restartMyself(
  init: InitClient,
  response: http.ServerResponse,
  action: ServiceAction,
): Promise<void> {
  if (action !== 'restart')
    throw new HttpError(
      'wrong-state',
      'web is what answers here: it can be restarted, but neither started nor stopped',
    );
  const services = await init.get<ServiceStatus[]>(INIT_API.services);
  response.once('finish', () => {
    init.post(INIT_API.serviceAction('web', 'restart')).catch((error: unknown) => {
      logError('Cannot restart web', error);
    });
  });
  sendJson(
    response,
    202,
    services.find((service) => service.name === 'web'),
  );
}

const power =
  (path: string): Handler =>
  async ({ init }, { response }) => {
    sendJson(response, 202, await init.post<PowerAccepted>(path));
  };

export const ROUTES: readonly WebRoute[] = [
  { method: 'GET', path: '/', access: 'open', handler: showPage },
  { method: 'GET', path: '/assets/:name', access: 'open', handler: showAsset },
  { method: 'GET', path: '/login', access: 'open', handler: showOldLogin },
  {
    method: 'GET',
    path: '/health',
    access: 'open',
    handler: (_context, { response }) => {
      sendText(response, 200, 'ok\n');
    },
  },
  { method: 'GET', path: '/api/v1/status', access: 'read', handler: showStatus },
  { method: 'GET', path: '/api/v1/events', access: 'read', handler: followStatus },
  { method: 'GET', path: '/api/v1/boots', access: 'read', handler: listBoots },
  { method: 'GET', path: '/api/v1/ports', access: 'read', handler: listPorts },
  { method: 'GET', path: '/api/v1/logs/:name', access: 'read', handler: showLog },
  { method: 'POST', path: '/api/v1/services/:name/:action', access: 'change', handler: actOnService },
  { method: 'POST', path: '/api/v1/reboot', access: 'change', handler: power(INIT_API.reboot) },
  { method: 'POST', path: '/api/v1/poweroff', access: 'change', handler: power(INIT_API.poweroff) },
  ...SESSION_ROUTES,
  ...UPDATE_ROUTES,
  ...WIFI_ROUTES,
  ...PERMIT_ROUTES,
  ...DEBUG_ROUTES,
  ...BREAKGLASS_ROUTES,
];
