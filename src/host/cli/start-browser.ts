// Starts the browser of this computer's user.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

type Environment = Readonly<Record<string, string | undefined>>;

/** undefined: there is no screen. The address has no character that a shell would take for its own. */
export function browserCommand(
  url: string,
  platform: NodeJS.Platform,
  environment: Environment,
): [string, ...string[]] | undefined {
  if (platform === 'darwin') return ['open', url];
  if (platform === 'win32') return ['cmd', '/c', 'start', '""', url];
  const { DISPLAY = '', WAYLAND_DISPLAY = '' } = environment;
  return DISPLAY === '' && WAYLAND_DISPLAY === '' ? undefined : ['xdg-open', url];
}

/** Whether it was started; what it makes of the address, nobody tells. */
export async function startBrowser(url: string): Promise<boolean> {
  const [program, ...args] = browserCommand(url, process.platform, process.env) ?? [];
  if (program === undefined) return false;
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  child.unref();
  try {
    await once(child, 'spawn');
    return true;
  } catch {
    // Not installed.
    return false;
  }
}
