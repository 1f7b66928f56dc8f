// Asks for router advertisements when a cable is plugged in. The kernel does so only when the interface is switched on: after
// a cable was out, or this program was restarted, DNS servers and a new network's prefix would come with
// the next advertisement that a router sends by itself, which may take half an hour.

import type { Link } from '../../formats/netlink-message.ts';
import { solicitRouters } from '../sys/router-solicitation.ts';

/** RFC 4861 section 10. */
const MAX_SOLICITATIONS = 3;
const INTERVAL_MS = 4000;

export class RouterSearch {
  #timer: NodeJS.Timeout | undefined;

  start(link: Link): void {
    this.#ask(link, MAX_SOLICITATIONS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #ask(link: Link, count: number): void {
    this.stop();
    try {
      solicitRouters(link);
    } catch (error) {
      // No IPv6, or no address yet: the kernel makes one first, and asks then.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
    if (count > 1) this.#timer = setTimeout(() => this.#ask(link, count - 1), INTERVAL_MS);
  }
}
