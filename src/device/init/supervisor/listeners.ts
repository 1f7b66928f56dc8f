// The sockets that services are handed (shared/services/listen.ts): opened once, before the first process starts, and
// closed only by the end of init.

import type { ServiceSpec } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';
import { describeError } from '../../describe-error.ts';

export interface Listener {
  name: string;
  fd: number;
}

export class Listeners {
  readonly #byService = new Map<string, readonly Listener[]>();

  /** A service whose socket cannot be opened starts without, and has to listen by itself. */
  open(sys: Sys, services: Iterable<ServiceSpec>, say: (text: string) => void): void {
    for (const { name: service, listen = [] } of services) {
      const opened = listen.flatMap(({ name, port }): Listener[] => {
        try {
          return [{ name, fd: sys.openListeningSocket(port) }];
        } catch (error) {
          say(`${service}: cannot listen on TCP port ${port} for it: ${describeError(error)}`);
          return [];
        }
      });
      this.#byService.set(service, opened);
    }
  }

  of(service: string): readonly Listener[] {
    return this.#byService.get(service) ?? [];
  }
}
