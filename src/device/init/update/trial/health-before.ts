// How things were before a trial: what was missing then may be missing now. Types; no I/O.

export interface NetworkQuality {
  /** Some interface has an address and a router. */
  ipv4: boolean;
  /** Some interface has a global address, which only a router gives. */
  ipv6: boolean;
}

export interface UnwellService {
  name: string;
  /** As in a sentence about it: `exited with code 1`. */
  why: string;
  /** The new build has it as it was, so that it does not decide about the trial. */
  isExcused: boolean;
}

export interface HealthBefore {
  network: NetworkQuality;
  /** Services that waited for something. */
  waiting: readonly string[];
  unwell: readonly UnwellService[];
}
