// /api/v1/update and below (shared/update/update-api.ts, docs/update-protocol.md). What answers is loaded with the first
// request: most of the time nobody updates.

import type { WebRoute } from './exchange.ts';
import { lazyHandlers } from './lazy-handler.ts';

/** Size of an UpdateRequest as it is sent, compressed or not: update/read-request.ts. */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;

const lazy = lazyHandlers(() => import('./update-handlers.ts'));

const BASE = '/api/v1/update';

export const UPDATE_ROUTES: readonly WebRoute[] = [
  { method: 'GET', path: BASE, access: 'read', handler: lazy('showUpdate') },
  {
    method: 'POST',
    path: BASE,
    access: 'change',
    handler: lazy('beginUpdate'),
    maxBodyBytes: MAX_REQUEST_BYTES,
  },
  { method: 'POST', path: `${BASE}/confirm`, access: 'change', handler: lazy('confirmTrial') },
  { method: 'POST', path: `${BASE}/rollback`, access: 'change', handler: lazy('rollBack') },
  { method: 'DELETE', path: `${BASE}/:id`, access: 'change', handler: lazy('leaveUpdate') },
  {
    method: 'PUT',
    path: `${BASE}/:id/chunks`,
    access: 'change',
    handler: lazy('receiveChunks'),
    // Nobody keeps more than a chunk of it.
    maxBodyBytes: Infinity,
  },
  { method: 'POST', path: `${BASE}/:id/install`, access: 'change', handler: lazy('installUpdate') },
  { method: 'POST', path: `${BASE}/:id/try`, access: 'change', handler: lazy('tryUpdate') },
];
