// What the charts draw: the last minutes of each figure, as far as this page has seen them. The device
// keeps no such history.

import type { WebStatus } from '../../shared/api/web-api.ts';

export const HISTORY_SEC = 300;
/** A page that was just opened does not show five minutes of nothing. */
const SHORTEST_SEC = 60;

export interface Point {
  /** The device's uptime, which does not jump when its clock is set. */
  atSec: number;
  value: number;
}

export class History {
  readonly #series = new Map<string, Point[]>();
  #previous: WebStatus | undefined;
  nowSec = 0;
  #firstSec = 0;

  /** How far back the charts reach. */
  get spanSec(): number {
    return Math.min(HISTORY_SEC, Math.max(SHORTEST_SEC, this.nowSec - this.#firstSec));
  }

  series(name: string): readonly Point[] {
    return this.#series.get(name) ?? [];
  }

  last(name: string): number | undefined {
    const point = this.series(name).at(-1);
    return point && point.atSec === this.nowSec ? point.value : undefined;
  }

  add(status: WebStatus): void {
    // Another boot's uptime starts again.
    if (this.#previous && this.#previous.bootId !== status.bootId) {
      this.#series.clear();
      this.#previous = undefined;
    }
    this.nowSec = status.system.uptimeSec;
    if (!this.#previous) this.#firstSec = this.nowSec;
    const { usage } = status;
    this.#push('cpu', usage.cpu.busyFraction);
    this.#push('memory', usage.memory.totalBytes - usage.memory.availableBytes);
    for (const service of status.services) {
      this.#push(`cpu:${service.name}`, service.usage?.cpuCores ?? null);
      this.#push(`memory:${service.name}`, service.usage?.memoryBytes ?? null);
    }
    this.#addTraffic(status);
    this.#previous = status;
  }

  #addTraffic(status: WebStatus): void {
    const before = this.#previous;
    if (!before) return;
    const seconds = status.system.uptimeSec - before.system.uptimeSec;
    if (seconds <= 0) return;
    const total = (key: 'receivedBytes' | 'sentBytes') => {
      let bytes = 0;
      for (const now of status.usage.traffic) {
        const then = before.usage.traffic.find((each) => each.interfaceName === now.interfaceName);
        // A counter that starts again belongs to an interface that was replaced.
        if (then) bytes += Math.max(0, now[key] - then[key]);
      }
      return bytes / seconds;
    };
    this.#push('received', total('receivedBytes'));
    this.#push('sent', total('sentBytes'));
  }

  #push(name: string, value: number | null): void {
    if (value === null) return;
    const series = this.#series.get(name) ?? [];
    this.#series.set(name, series);
    series.push({ atSec: this.nowSec, value });
    while ((series[0]?.atSec ?? this.nowSec) < this.nowSec - HISTORY_SEC - 10) series.shift();
  }
}
