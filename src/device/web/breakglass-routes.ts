// /api/v1/breakglass and below (shared/breakglass/breakglass-api.ts, docs/breakglass.md). What answers is loaded with the
// first request: most of the time there is no session.

import { MAX_PERMIT_BYTES } from '../../shared/permit/permit-api.ts';
import type { WebRoute } from './exchange.ts';
import { lazyHandlers } from './lazy-handler.ts';
import { refuseTunnel } from './refuse-tunnel.ts';

type HandlerName = 'showSession' | 'openSession' | 'receiveToolbox' | 'closeSession';
const lazy = lazyHandlers<HandlerName>(() => import('./breakglass-handlers.ts'));
const ofTerminals = lazyHandlers(() => import('./terminal-handlers.ts'));

const BASE = '/api/v1/breakglass';
const TERMINAL = `${BASE}/:id/terminals/:terminal`;
/** Asked for another protocol (upgrades.ts). */
export const CONNECTION_PATH = /^\/api\/v1\/breakglass\/([0-9a-f]{32})\/connection$/;

export const BREAKGLASS_ROUTES: readonly WebRoute[] = [
  { method: 'GET', path: BASE, access: 'read', handler: lazy('showSession') },
  {
    method: 'POST',
    path: BASE,
    access: 'change',
    handler: lazy('openSession'),
    maxBodyBytes: MAX_PERMIT_BYTES,
  },
  {
    method: 'PUT',
    path: `${BASE}/:id/toolbox`,
    access: 'change',
    handler: lazy('receiveToolbox'),
    // Nobody keeps more than a piece of it, and what it unpacks to has a bound of its own.
    maxBodyBytes: Infinity,
  },
  { method: 'GET', path: `${BASE}/:id/connection`, access: 'change', handler: refuseTunnel },
  { method: 'POST', path: `${BASE}/:id/terminals`, access: 'change', handler: ofTerminals('openTerminal') },
  { method: 'GET', path: TERMINAL, access: 'change', handler: ofTerminals('followTerminal') },
  { method: 'POST', path: `${TERMINAL}/input`, access: 'change', handler: ofTerminals('typeInTerminal') },
  { method: 'POST', path: `${TERMINAL}/size`, access: 'change', handler: ofTerminals('resizeTerminal') },
  { method: 'DELETE', path: BASE, access: 'change', handler: lazy('closeSession') },
];
