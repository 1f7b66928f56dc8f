// What the verbs have in common that work in a break-glass session by a client of OpenSSH.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BreakglassSession, OpenedSession } from '../../shared/breakglass/breakglass-api.ts';
import { closeSession, openSession, type SessionWishes } from '../breakglass/open-session.ts';
import { knownHostsPath, pinHostKey, requireTool, type SshPlan } from '../breakglass/ssh-command.ts';
import type { SshKey } from '../breakglass/ssh-key.ts';
import type { Instance } from '../config/instance.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { type DeviceOptions, requireName } from './device-session.ts';
import type { Session } from './session.ts';

/** The session that the tsk which has started ssh has opened: the one that carries its bytes need not ask. */
export const SESSION_VARIABLE = 'TSK_BREAKGLASS_SESSION';

/** Nobody waits for longer at a prompt that is over. */
const LEAVE_LIMIT_MS = 10_000;

/** Throws a UserError unless the device has an app of that name. */
export function requireApp(act: string, name: string, { services }: WebStatus): void {
  const apps = services.filter(({ kind }) => kind !== 'system').map((each) => each.name);
  requireName(act, name, apps, 'the device has no app of that name');
}

export async function openFor(
  { output }: Session,
  device: OpenDevice,
  wishes: SessionWishes,
): Promise<OpenedSession> {
  return openSession(device, wishes, output.progress);
}

export async function planOf(
  { client, instance, status }: OpenDevice,
  key: SshKey,
  { hostKey }: OpenedSession,
  options: DeviceOptions,
): Promise<SshPlan> {
  const { hostname } = status.system;
  await pinHostKey(instance.stateDirectory, hostname, hostKey, client.address.tls);
  return planFor(instance, hostname, key, options);
}

export function planFor(
  { directory, stateDirectory }: Instance,
  hostname: string,
  key: SshKey,
  { host, insecureHttp }: DeviceOptions,
): SshPlan {
  return {
    instanceDirectory: directory,
    hostname,
    key,
    knownHostsPath: knownHostsPath(stateDirectory),
    deviceOptions: [
      ...(host === undefined ? [] : ['--host', host]),
      ...(insecureHttp === true ? ['--insecure-http'] : []),
    ],
  };
}

/** Resolves with its exit code. What ends tsk ends the client, too; a terminal's Ctrl-C goes to both by itself. */
export async function runClient(
  { signal }: Session,
  name: 'ssh' | 'scp',
  args: readonly string[],
  { id }: BreakglassSession,
): Promise<number> {
  const path = await requireTool(name);
  signal.throwIfAborted();
  const child = spawn(path, args, {
    stdio: 'inherit',
    env: { ...process.env, [SESSION_VARIABLE]: id },
  });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  const [code] = (await once(child, 'exit')) as [number | null];
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  return code ?? 255;
}

/** Closes the session unless others use it, also when tsk has been interrupted. Never rejects: one that stays ends by itself. */
export async function leaveSession(client: DeviceClient): Promise<void> {
  const signal = AbortSignal.timeout(LEAVE_LIMIT_MS);
  await closeSession(client.withSignal(signal), true).catch(() => {});
}
