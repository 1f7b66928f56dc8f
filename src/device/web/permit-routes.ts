// Challenges for permits (shared/permit/permit-api.ts, docs/permits.md). What a permit is for has an address of its own.

import { PERMITS_PATH } from '../../shared/permit/permit-api.ts';
import type { Handler, WebRoute } from './exchange.ts';
import { sendJson } from './respond.ts';

const drawChallenge: Handler = async ({ permits }, { response }) => {
  sendJson(response, 201, (await permits()).draw());
};

export const PERMIT_ROUTES: readonly WebRoute[] = [
  { method: 'POST', path: PERMITS_PATH, access: 'change', handler: drawChallenge },
];
