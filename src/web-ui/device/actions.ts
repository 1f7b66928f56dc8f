// What the page asks the device to do. Failures are sentences for a person.

import type { ServiceAction } from '../../shared/api/init-api.ts';
import { UPDATE_API, type ConfirmRequest, type RollbackRequest } from '../../shared/update/update-api.ts';
import type { WebError } from '../../shared/api/refusals.ts';
import { WEB_API } from '../../shared/api/web-api.ts';
import { goToLogin } from './connection.ts';

async function post(path: string, body?: object): Promise<void> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: 'POST',
      ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
  } catch (cause) {
    throw new Error('The device did not answer', { cause });
  }
  if (response.status === 401) goToLogin();
  if (!response.ok) throw new Error(await messageOf(response));
}

async function messageOf(response: Response): Promise<string> {
  try {
    return ((await response.json()) as WebError).error.message;
  } catch {
    return `The device answered ${response.status}`;
  }
}

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

export async function logOut(): Promise<void> {
  await post('/logout');
  goToLogin();
}
