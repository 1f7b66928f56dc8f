// A virtual machine that lives as long as the command in the terminal: says where the page is, waits for
// Ctrl-C (or for the machine to go down by itself), and powers it off in order.

import { openSecrets, shownPassword } from '../config/instance-secrets.ts';
import { type RunningInstance, runInstance, type RunOptions } from './run-instance.ts';

export async function runInForeground(
  options: RunOptions & { say: (text: string) => void; signal: AbortSignal },
): Promise<void> {
  const { say, signal, instance } = options;
  const secrets = options.secrets ?? (await openSecrets(instance, { for: 'virtual machine', notice: say }));
  const running = await runInstance({ ...options, secrets });
  const pages = describeRun(running, shownPassword(secrets), options);
  say(['', ...pages, '', 'Ctrl-C powers it off.'].join('\n'));
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  const what = await Promise.race([interrupted, running.vm.ended.then(() => 'ended' as const)]);
  if (what === 'ended') {
    await running.stop();
    say('The virtual machine has powered itself off.');
    return;
  }
  say('Powering off ...');
  const how = await running.stop();
  say(how === 'powered-off' ? 'Powered off.' : 'It did not power off in time, so QEMU was ended.');
}

/** Lines that say where the pages of device and apps are, and how long their data stays. */
export function describeRun(
  running: RunningInstance,
  password: string,
  { instance, keep }: Pick<RunOptions, 'instance' | 'keep'>,
): string[] {
  const { port, tls, tlsPort } = instance.config.web;
  // TLS is for tsk: a browser of this computer needs none.
  const ofPage = tls === 'off' ? [port] : [port, tlsPort];
  const forwards = [...running.ports]
    .filter(([guestPort]) => !ofPage.includes(guestPort))
    .map(([guestPort, hostPort]) => `  ${`port ${guestPort}`.padEnd(11)}  http://127.0.0.1:${hostPort}/`);
  return [
    `  Status page  ${running.url}`,
    `  Password     ${password}`,
    ...forwards,
    `  Data         ${keep ? 'on the disk that "--keep" uses each time' : 'on a new disk, gone when the machine stops; "--keep" has one that stays'}`,
  ];
}
