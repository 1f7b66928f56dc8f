// /api/v1/wifi and below (shared/network/wifi-api.ts, docs/wifi.md). What answers is loaded with the first request: networks
// are changed rarely.

import { WIFI_API } from '../../shared/network/wifi-api.ts';
import type { WebRoute } from './exchange.ts';
import { lazyHandlers } from './lazy-handler.ts';

const lazy = lazyHandlers(() => import('./wifi-handlers.ts'));

export const WIFI_ROUTES: readonly WebRoute[] = [
  { method: 'GET', path: WIFI_API.networks, access: 'read', handler: lazy('listNetworks') },
  { method: 'POST', path: WIFI_API.add, access: 'change', handler: lazy('addNetwork') },
  { method: 'POST', path: WIFI_API.remove, access: 'change', handler: lazy('removeNetwork') },
  { method: 'POST', path: WIFI_API.confirm, access: 'change', handler: lazy('confirmNetwork') },
];
