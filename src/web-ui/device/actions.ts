// What the page asks the device to do.

import type { ServiceAction } from '../../shared/api/init-api.ts';
import { UPDATE_API, type ConfirmRequest, type RollbackRequest } from '../../shared/update/update-api.ts';
import { WEB_API } from '../../shared/api/web-api.ts';
import { post } from './ask.ts';

export function actOnService(name: string, action: ServiceAction): Promise<void> {
  return post(WEB_API.serviceAction(name, action));
}

export function power(action: 'reboot' | 'poweroff'): Promise<void> {
  return post(WEB_API[action]);
}

/** Whom the history names for what is done here. */
const CLIENT = { id: 'page', name: 'the page' };

export function confirmTrial(buildId: string): Promise<void> {
  return post(UPDATE_API.confirm, { buildId, client: CLIENT } satisfies ConfirmRequest);
}

export function rollBack(): Promise<void> {
  return post(UPDATE_API.rollback, { client: CLIENT } satisfies RollbackRequest);
}
