// Inspectors of apps, and reports of their crashes (shared/debug/debug-api.ts, docs/debugging.md). What answers is loaded with
// the first request: most of the time nobody debugs.

import { DEBUG_API } from '../../shared/debug/debug-api.ts';
import type { WebRoute } from './exchange.ts';
import { lazyHandlers } from './lazy-handler.ts';
import { refuseTunnel } from './refuse-tunnel.ts';

const ofInspectors = lazyHandlers(() => import('./inspect-handlers.ts'));
const ofReports = lazyHandlers(() => import('./report-handlers.ts'));

export const DEBUG_ROUTES: readonly WebRoute[] = [
  { method: 'POST', path: DEBUG_API.inspect, access: 'change', handler: ofInspectors('beginInspection') },
  { method: 'GET', path: '/api/v1/inspect/:id/tunnel', access: 'change', handler: refuseTunnel },
  { method: 'GET', path: '/api/v1/reports/:app', access: 'read', handler: ofReports('listReports') },
  { method: 'GET', path: '/api/v1/reports/:app/:name', access: 'read', handler: ofReports('showReport') },
];
