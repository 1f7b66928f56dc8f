// What the verbs that debug an app have in common: from a name to its inspector, and the end of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { AppGoneError } from '../debug/app-gone-error.ts';
import { UserError } from '../user-error.ts';
import { clientName } from '../client-name.ts';
import { type OpenInspector, openInspector } from '../debug/open-inspector.ts';
import type { Instance } from '../config/instance.ts';
import { permitKeys } from '../permit/permit-keys.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { connect, type DeviceOptions, requireName } from './device-session.ts';
import type { Session } from './session.ts';

const REASON_LIMIT_MS = 2000;

export interface DebuggedDevice {
  hostname: string;
  buildId: string;
  instance: Instance;
}

/** `use` has it for as long as it runs; Ctrl-C ends that, too, and is no error. */
export async function withInspector(
  session: Session,
  app: string,
  options: DeviceOptions,
  use: (inspector: OpenInspector, device: DebuggedDevice) => Promise<void>,
): Promise<void> {
  const { output, signal } = session;
  const { client, status, instance } = await connect(session, options);
  const keys = await permitKeys(instance, `debug "${app}"`);
  requireName('debug', app, appNames(status), 'the device has no app of that name');
  const step = output.progress.start(`Opening the inspector of ${app}`);
  const inspector = await openInspector({
    device: client,
    wanted: { app, client: clientName() },
    keys,
    signal,
  });
  step.done();
  const { hostname, buildId } = status.system;
  try {
    await use(inspector, { hostname, buildId, instance });
  } catch (error) {
    if (!(error instanceof AppGoneError)) throw error;
    // The connection may be gone before the news of why is here.
    const reason = await Promise.race([inspector.ended, sleep(REASON_LIMIT_MS, undefined, { ref: false })]);
    throw reason === undefined ? error : new UserError(`Cannot go on debugging "${app}": ${reason}`);
  } finally {
    await inspector.close();
  }
}

function appNames({ services }: WebStatus): string[] {
  return services.filter(({ kind }) => kind !== 'system').map(({ name }) => name);
}
