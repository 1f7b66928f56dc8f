// The inspectors of apps that are open to somebody, and the connections to them.

import type { Duplex } from 'node:stream';
import type { InspectorEndpoint } from '../../shared/debug/debug-api.ts';

/** Each is two sockets. DevTools need two or three. */
const MAX_TUNNELS = 8;

/** An inspector that is open, and the connections to it. */
export class Inspection {
  readonly endpoint: InspectorEndpoint;
  readonly #tunnels = new Set<Duplex>();

  constructor(endpoint: InspectorEndpoint) {
    this.endpoint = endpoint;
  }

  get isFull(): boolean {
    return this.#tunnels.size >= MAX_TUNNELS;
  }

  add(tunnel: Duplex): void {
    this.#tunnels.add(tunnel);
    tunnel.once('close', () => this.#tunnels.delete(tunnel));
  }

  end(): void {
    for (const tunnel of this.#tunnels) tunnel.destroy();
  }
}

/** By the id that only who has opened it knows. */
export class Inspections extends Map<string, Inspection> {
  endAll(): void {
    for (const inspection of this.values()) inspection.end();
  }
}
