// What tsk start, stop and restart do.

import type { ServiceAction } from '../../shared/api/init-api.ts';
import type { ServiceStatus } from '../../shared/services/services.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions, requireName, serviceNames } from './device-session.ts';
import type { Session } from './session.ts';

const DOING: Record<ServiceAction, string> = { start: 'Starting', stop: 'Stopping', restart: 'Restarting' };
const DONE: Record<ServiceAction, string> = { start: 'Started', stop: 'Stopped', restart: 'Restarted' };

export async function actOnServices(
  session: Session,
  action: ServiceAction,
  names: readonly string[],
  options: DeviceOptions,
): Promise<void> {
  const { output } = session;
  const { client, status } = await connect(session, options);
  // All names first: a slip in the second must not leave the first one stopped.
  for (const name of names) requireName(action, name, serviceNames(status));
  const services: ServiceStatus[] = [];
  for (const name of names) {
    const step = output.progress.start(`${DOING[action]} ${name}`);
    const service = await client.act(name, action);
    refuseFailure(action, service);
    step.done();
    services.push(service);
    const process = service.pid === null || action === 'stop' ? '' : ` (process ${service.pid})`;
    output.say(`${DONE[action]} ${name}${process}.`);
  }
  if (output.json) output.result({ services }, '');
}

/** The request was obeyed, but what was asked for did not come about. */
function refuseFailure(action: ServiceAction, { name, state, reason }: ServiceStatus): void {
  if (action === 'stop' ? state === 'stopped' : state !== 'failed' && state !== 'backoff') return;
  throw new UserError(`Cannot ${action} "${name}": ${reason ?? `it is ${state}`}`, {
    hint: `See "tsk logs ${name}".`,
  });
}
