// Measures what the device and its services use. Reads /proc and /sys only when asked, so that nobody
// looking costs nothing; rates are over the time since the sample before.

import { readdirSync, statfs, type StatsFs } from 'node:fs';

import type { DeviceUsage, DiskUsage, ServiceUsage } from '../../shared/api/web-api.ts';
import { readDiskHealth } from './disk-health.ts';
import { readFan, readProcessorSensor } from './hardware.ts';
import { processesOf, tryRead } from '../service-processes.ts';
import { monotonicMs } from '../monotonic.ts';
import {
  parseCgroupCpuUsec,
  parseCgroupMemory,
  parseCpuTimes,
  parseDataMounts,
  parseKibLine,
  parseNetDev,
  parseProcessCpuUsec,
  type CpuTimes,
} from '../proc-format.ts';

/** Reading the files of more processes than this would be felt. */
const MAX_MEASURED_PROCESSES = 32;
/** What watches over an app's sandbox costs the app its memory, but is none of its processes. */
const OF_SANDBOX = /^Name:\tbwrap$/m;

export interface UsageSample {
  device: DeviceUsage;
  services: ReadonlyMap<string, ServiceUsage>;
}

interface ServiceCpu {
  pid: number;
  usec: number;
}

interface Baseline {
  atMs: number;
  cpu: CpuTimes;
  services: Map<string, ServiceCpu>;
}

export interface MeasuredService {
  name: string;
  pid: number | null;
}

/** What the status needs of a meter; FakeMeter in the tests is another. */
export type Meter = Pick<UsageMeter, 'ageMs' | 'sample'>;

/** smaps_rollup, whose proportional size would be fairer, walks all pages: 1.3 ms for one Node.js. */
function memoryOf(statuses: readonly string[]): number | null {
  let sum: number | null = null;
  for (const text of statuses) {
    const anonymous = parseKibLine(text, 'RssAnon');
    if (anonymous !== undefined) sum = (sum ?? 0) + anonymous + (parseKibLine(text, 'RssShmem') ?? 0);
  }
  return sum;
}

/** Where the kernel has a memory controller; that also sees what no process shows, such as files in memory. */
function countedMemory(stat: string | undefined): number | undefined {
  if (stat === undefined) return undefined;
  const { anonymousBytes, sharedBytes } = parseCgroupMemory(stat);
  return anonymousBytes + sharedBytes;
}

export class UsageMeter {
  readonly #proc: string;
  readonly #sys: string;
  #baseline: Baseline | undefined;

  constructor(options: { proc?: string; sys?: string } = {}) {
    this.#proc = options.proc ?? '/proc';
    this.#sys = options.sys ?? '/sys';
  }

  /** Age of the last sample; Infinity before the first. */
  get ageMs(): number {
    return this.#baseline ? monotonicMs() - this.#baseline.atMs : Infinity;
  }

  async sample(services: readonly MeasuredService[]): Promise<UsageSample> {
    const disks = await this.#disks();
    const previous = this.#baseline;
    const atMs = monotonicMs();
    const cpu = parseCpuTimes(tryRead(`${this.#proc}/stat`) ?? '');
    const current: Baseline = { atMs, cpu, services: new Map() };
    const usages = new Map<string, ServiceUsage>();
    for (const { name, pid } of services) {
      if (pid === null) continue;
      const { usage, usec } = this.#service(pid);
      const before = previous?.services.get(name);
      if (usec !== undefined) {
        current.services.set(name, { pid, usec });
        if (previous && before?.pid === pid && usec >= before.usec)
          usage.cpuCores = (usec - before.usec) / 1000 / (atMs - previous.atMs);
      }
      usages.set(name, usage);
    }
    this.#baseline = current;
    const ticks = previous ? cpu.total - previous.cpu.total : 0;
    return {
      device: {
        cpu: {
          cores: cpu.cores,
          busyFraction: previous && ticks > 0 ? (cpu.busy - previous.cpu.busy) / ticks : null,
        },
        memory: this.#memory(),
        temperatureCelsius: this.#temperature() ?? readProcessorSensor(this.#sys),
        fanRpm: readFan(this.#sys),
        disks,
        traffic: parseNetDev(tryRead(`${this.#proc}/net/dev`) ?? ''),
      },
      services: usages,
    };
  }

  /** Usage of the whole cgroup when the service has one of its own, else of its first process. */
  #service(pid: number): { usage: ServiceUsage; usec: number | undefined } {
    const { cgroup: group, pids } = processesOf(pid, { proc: this.#proc, sys: this.#sys });
    const groupUsec =
      group === undefined ? undefined : parseCgroupCpuUsec(tryRead(`${group}/cpu.stat`) ?? '');
    const stat = groupUsec === undefined ? tryRead(`${this.#proc}/${pid}/stat`) : undefined;
    const statuses = pids
      .slice(0, MAX_MEASURED_PROCESSES)
      .map((each) => tryRead(`${this.#proc}/${each}/status`) ?? '');
    const counted = group === undefined ? undefined : countedMemory(tryRead(`${group}/memory.stat`));
    const processes = pids.length - statuses.filter((text) => OF_SANDBOX.test(text)).length;
    return {
      usage: {
        memoryBytes: counted ?? memoryOf(statuses),
        cpuCores: null,
        processes: Math.max(1, processes),
      },
      usec: groupUsec ?? (stat === undefined ? undefined : parseProcessCpuUsec(stat)),
    };
  }

  #memory(): { totalBytes: number; availableBytes: number } {
    const text = tryRead(`${this.#proc}/meminfo`) ?? '';
    return {
      totalBytes: parseKibLine(text, 'MemTotal') ?? 0,
      availableBytes: parseKibLine(text, 'MemAvailable') ?? 0,
    };
  }

  #temperature(): number | null {
    let zones: string[];
    try {
      zones = readdirSync(`${this.#sys}/class/thermal`).filter((name) => name.startsWith('thermal_zone'));
    } catch {
      return null;
    }
    const degrees = zones
      .map((zone) => Number(tryRead(`${this.#sys}/class/thermal/${zone}/temp`) ?? Number.NaN) / 1000)
      // Sensors that are switched off say 0 or less.
      .filter((celsius) => celsius > 0);
    return degrees.length > 0 ? Math.max(...degrees) : null;
  }

  /** The only read that waits for a medium, which may be slow or dying: never in the event loop. */
  async #disks(): Promise<DiskUsage[]> {
    const mounts = parseDataMounts(tryRead(`${this.#proc}/self/mounts`) ?? '');
    const disks = await Promise.all(
      mounts.map(async ({ device, mountPoint }): Promise<DiskUsage[]> => {
        try {
          const { bsize, blocks, bfree, bavail, files, ffree } = await statFileSystem(mountPoint);
          return [
            {
              mountPoint,
              totalBytes: blocks * bsize,
              availableBytes: bavail * bsize,
              usedBytes: (blocks - bfree) * bsize,
              ...(files > 0 && { files: { total: files, free: ffree } }),
              health: readDiskHealth(this.#sys, device),
            },
          ];
        } catch {
          // Unmounted since, or the medium is gone: init's log says more than we could.
          return [];
        }
      }),
    );
    return disks.flat();
  }
}

/** The call of node:fs/promises would load readline and much else with it. */
function statFileSystem(path: string): Promise<StatsFs> {
  return new Promise((resolve, reject) => {
    statfs(path, (error, stats) => {
      if (error) reject(error);
      else resolve(stats);
    });
  });
}
