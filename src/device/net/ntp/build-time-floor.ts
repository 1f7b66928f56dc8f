// What the image's build time is worth against time servers. A time before it is wrong where one server alone tells it. But
// the build time itself comes from a computer's clock or from SOURCE_DATE_EPOCH: servers that agree overrule it, once.

import { EARLIEST_TIME_MS, type TimeLimits, timeLimitsOf } from '../../../shared/manifest/build-time.ts';
import { formatMinute } from './describe-time.ts';

/** Clocks of computers that build are wrong by a time zone now and then. */
const TOLERANCE_MS = 24 * 3600 * 1000;
const ENOUGH_SERVERS = 2;

export class BuildTimeFloor {
  /** No answer counts outside of these. */
  readonly limits: TimeLimits;
  readonly #buildTimeMs: number;
  #floorMs: number;
  #isOverruled = false;
  /** The time that servers told was before the build. */
  #isAhead = false;

  constructor(buildTimeSec: number) {
    const { floorMs, ceilingMs } = timeLimitsOf(buildTimeSec);
    this.limits = { floorMs: EARLIEST_TIME_MS, ceilingMs };
    this.#buildTimeMs = buildTimeSec * 1000;
    this.#floorMs = Math.max(EARLIEST_TIME_MS, floorMs - TOLERANCE_MS);
  }

  /** Why a server is not to be believed on its own. */
  doubt(timeMs: number): string | null {
    if (timeMs >= this.#floorMs) return null;
    return `Its time, ${formatMinute(timeMs)}, is before this image was built (${formatMinute(this.#buildTimeMs)})`;
  }

  admits(timeMs: number, servers: number): boolean {
    return timeMs >= this.#floorMs || (servers >= ENOUGH_SERVERS && !this.#isOverruled);
  }

  /** The clock is set to a time that `admits` has let pass. A sentence where that is news about the build time. */
  take(timeMs: number): string | null {
    if (timeMs < this.#floorMs) {
      this.#isOverruled = true;
      this.#floorMs = Math.max(EARLIEST_TIME_MS, timeMs - TOLERANCE_MS);
    }
    const wasAhead = this.#isAhead;
    this.#isAhead = timeMs < this.#buildTimeMs;
    return this.#isAhead && !wasAhead ? this.note : null;
  }

  /** A sentence when the build time is wrong. */
  get note(): string | null {
    const built = formatMinute(this.#buildTimeMs);
    if (this.#buildTimeMs < EARLIEST_TIME_MS)
      return `The image does not know when it was built: it says ${built}`;
    if (!this.#isAhead) return null;
    return `The image says that it was built later than it is now, at ${built}: a clock was wrong then, or SOURCE_DATE_EPOCH is`;
  }
}
