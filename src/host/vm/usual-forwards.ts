// Which ports of the device this computer reaches where nobody has said: those at which apps have their pages.

import type { InstanceConfig } from '../config/instance-config.ts';
import type { PortForward } from './qemu-command.ts';

/** Where the apps of our templates and most others listen. */
const USUAL_PORT = 8080;

export function usualForwards({ apps, web }: Pick<InstanceConfig, 'apps' | 'web'>): PortForward[] {
  const ofApps = apps.flatMap(({ health }) => (health === undefined ? [] : [portOf(health)]));
  // Ports of the status page are reached already.
  return [...new Set([USUAL_PORT, ...ofApps])]
    .filter((guestPort) => guestPort !== web.port && guestPort !== web.tlsPort)
    .map((guestPort) => ({ hostPort: 0, guestPort }));
}

function portOf(url: string): number {
  const { port } = new URL(url);
  return port === '' ? 80 : Number(port);
}
