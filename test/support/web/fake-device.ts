// A device as one might meet it, for FakeInit and for looking at the page: a small garden controller with
// an app that works, one that crashes, one that was stopped.

import type { SystemStatus } from '../../../src/shared/api/init-api.ts';
import type { NetStatus } from '../../../src/shared/network/net-status.ts';
import type { TimeStatus } from '../../../src/shared/network/time-status.ts';
import type {
  DeviceConfig,
  LogStream,
  ServiceKind,
  ServiceState,
  ServiceStatus,
} from '../../../src/shared/services/services.ts';
import type { Hardware } from '../../../src/device/web/hardware.ts';
import type { MeasuredService, UsageSample } from '../../../src/device/web/usage-meter.ts';
import type { Trial, UpdateRecord, UpdateState } from '../../../src/shared/update/update-state.ts';
import type { DeviceUsage, ListeningPort, ServiceUsage } from '../../../src/shared/api/web-api.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const BUILD_ID = '6f1c0a9be27d4c35b8f2a1e09c7d5531f0b64a82d95e7c10aa3f4be8d2176c09';
const COMPONENTS = {
  kernel: '6.18.2',
  node: '26.10.0',
  libc: '2.36-9+deb12u13',
  'boot-loader': '252.39-1~deb12u1',
  e2fsprogs: '1.47.0-2',
};

export function exampleSystem(): SystemStatus {
  return {
    hostname: 'garden',
    board: 'pc-amd64',
    buildId: BUILD_ID,
    buildTimeSec: Math.floor((Date.now() - 31 * HOUR_MS) / 1000),
    tskrazyVersion: '0.1.0',
    components: COMPONENTS,
    slot: 'a',
    kernel: '6.18.2-gokrazy',
    bootedAtMs: Date.now() - 27.3 * HOUR_MS,
    uptimeSec: 27.3 * 3600,
    perm: { state: 'mounted', device: '/dev/vda4', note: null },
    loadAverage: [0.21, 0.18, 0.12],
    watchdog: 'fed',
    power: {
      underVoltage: { now: false, sinceStart: false },
      throttled: { now: false, sinceStart: false },
      softTemperatureLimit: { now: false, sinceStart: false },
    },
    warnings: [],
  };
}

/** A Raspberry Pi's: it tells most. */
export function exampleHardware(): Hardware {
  return {
    model: 'Raspberry Pi 4 Model B Rev 1.5',
    processor: null,
    revision: 'c03115',
    serialNumber: '10000000abcdef01',
    bootDisk: {
      path: '/dev/mmcblk0',
      kind: 'SD card',
      name: 'SC32G',
      madeIn: '08/2023',
      sizeBytes: 31_914_983_424,
      wearPercent: null,
    },
  };
}

export function exampleConfig(passwordHash: string | null): DeviceConfig {
  const { hostname, board, buildId, buildTimeSec, tskrazyVersion, components } = exampleSystem();
  return {
    formatVersion: 1,
    hostname,
    board,
    buildId,
    buildTimeSec,
    tskrazyVersion,
    components,
    web: { port: 0, passwordHash },
    services: [],
  };
}

function service(
  name: string,
  kind: ServiceKind,
  state: ServiceState,
  more: Partial<ServiceStatus> = {},
): ServiceStatus {
  const isUp = state === 'running';
  return {
    name,
    kind,
    state,
    pid: isUp ? 400 + name.length : null,
    startedAtMs: Date.now() - 27.2 * HOUR_MS,
    startCount: 1,
    lastExit: null,
    nextStartAtMs: null,
    reason: null,
    lastLine: null,
    ...more,
  };
}

export function exampleUpdateState(): UpdateState {
  return {
    running: 'a',
    committed: 'a',
    appsFrom: null,
    trialStart: 'efi-variable',
    trial: null,
    history: [],
  };
}

/** A build that crashed, newest first, and one that stayed. */
export function exampleHistory(): UpdateRecord[] {
  const endedAtMs = Date.now() - 3_600_000;
  const base = {
    toSlot: 'b',
    mode: 'reboot',
    who: 'michael@laptop',
    fromBuildId: BUILD_ID,
    bootId: null,
  } as const;
  return [
    {
      ...base,
      id: 'c2d9',
      startedAtMs: endedAtMs - 40_000,
      endedAtMs,
      toBuildId: '91cc03b7de5a2f48'.repeat(4),
      outcome: 'rolled back',
      reason: 'app sensor exited with code 1 three times in 30 s',
      lastLines: {
        of: 'sensor',
        lines: ["Error: Cannot find module './probe'", '    at main (src/sensor.ts:12:9)'],
      },
    },
    {
      ...base,
      id: 'a017',
      startedAtMs: endedAtMs - 86_460_000,
      endedAtMs: endedAtMs - 86_400_000,
      toBuildId: BUILD_ID,
      fromBuildId: 'e17a4c02f95b8d63'.repeat(4),
      toSlot: 'a',
      mode: 'live',
      outcome: 'confirmed',
      reason: null,
      lastLines: null,
    },
  ];
}

export function exampleTrial(): Trial {
  const startedAtMs = Date.now();
  return {
    id: '4f1c09d2a7b36e58',
    slot: 'b',
    buildId: BUILD_ID,
    mode: 'reboot',
    confirmBy: 'client',
    who: 'michael@laptop',
    fromBuildId: 'e17a4c02f95b8d63'.repeat(4),
    startedAtMs,
    deadlineAtMs: startedAtMs + 300_000,
    waitsFor: [],
  };
}

export function exampleServices(): ServiceStatus[] {
  return [
    service('irrigation', 'node', 'running'),
    service('sensor-hub', 'go', 'running', { startCount: 3, startedAtMs: Date.now() - 2.1 * HOUR_MS }),
    service('camera', 'binary', 'backoff', {
      startCount: 14,
      startedAtMs: Date.now() - 9_000,
      lastExit: { code: 1, signal: null, atMs: Date.now() - 8_000 },
      nextStartAtMs: Date.now() + 45_000,
      reason: 'It ended with exit code 1 and is started again after a pause',
      lastLine: 'open /dev/video0: no such file or directory',
    }),
    service('backup', 'node', 'stopped', {
      lastExit: { code: 0, signal: null, atMs: Date.now() - 5.5 * HOUR_MS },
      reason: 'It was stopped by hand',
      lastLine: 'backup of 214 files complete, 3.1 MB sent',
    }),
    service('net', 'system', 'running', { lastLine: 'eth0: lease of 192.168.1.37 renewed for 24 h' }),
    service('web', 'system', 'running', { lastLine: 'Listening on port 80' }),
  ];
}

export const KERNEL_LINES = [
  'Linux version 6.18.2-gokrazy (gokrazy@docker) #1 SMP PREEMPT',
  'Command line: root=PARTUUID=2e18c40c-02 init=/tsk/init panic=10',
  'Memory: 498172K/523880K available',
  'virtio_blk virtio1: [vda] 4194304 512-byte logical blocks (2.15 GB/2.00 GiB)',
  'squashfs: version 4.0 (2009/01/31) Phillip Lougher',
  'EXT4-fs (vda4): mounted filesystem with ordered data mode',
  'virtio_net virtio0 eth0: renamed from enp0s2',
];

export const INIT_LINES = [
  'tskrazy 0.1.0 on pc-amd64, slot a',
  'mounted /proc, /sys, /dev, /run, /tmp',
  'clock set to 2026-11-22 13:02:11 (time of the build)',
  '/perm: /dev/vda4 is clean, mounted',
  'watchdog: fed every 10 s',
  'services: 6 to start',
];

export function exampleLogLine(name: string, tick: number): { text: string; stream: LogStream } | undefined {
  const value = (base: number, swing: number) => (base + swing * Math.sin(tick / 7)).toFixed(1);
  switch (name) {
    case 'irrigation':
      if (tick % 23 === 0) return { text: 'valve 2 did not confirm, trying again', stream: 'stderr' };
      if (tick % 5 === 0)
        return { text: `\u001B[32mvalve 2 closed\u001B[0m after 90 s, 4.2 l`, stream: 'stdout' };
      return { text: `soil moisture bed 1: ${value(38, 4)} %, bed 2: ${value(41, 3)} %`, stream: 'stdout' };
    case 'sensor-hub':
      return tick % 2 === 0
        ? {
            text: `level=info msg="reading" sensor=greenhouse temp=${value(21, 5)} rh=${value(61, 8)}`,
            stream: 'stderr',
          }
        : undefined;
    default:
      return undefined;
  }
}

export function exampleTime(): TimeStatus {
  const agrees = { address: '192.168.1.1', state: 'agrees', stratum: 2, problem: null } as const;
  return {
    formatVersion: 1,
    synchronised: true,
    lastAdjustedAtMs: Date.now() - 12 * 60_000,
    lastOffsetMs: 0.412,
    pollIntervalSec: 1024,
    servers: [{ ...agrees, name: '192.168.1.1', offsetMs: 0.2, delayMs: 1.1 }],
    problem: null,
  };
}

/** In place of those of the computer that runs the tests. */
export function examplePorts(): ListeningPort[] {
  return [
    { protocol: 'tcp', port: 80, addresses: ['::'], service: 'web' },
    { protocol: 'tcp', port: 443, addresses: ['::'], service: 'web' },
    { protocol: 'udp', port: 5353, addresses: ['0.0.0.0'], service: 'net' },
    { protocol: 'tcp', port: 8080, addresses: ['::'], service: 'sensor-hub' },
    { protocol: 'tcp', port: 9000, addresses: ['127.0.0.1'], service: 'irrigation' },
  ];
}

export function exampleNetwork(): NetStatus {
  return {
    formatVersion: 1,
    hostname: 'garden',
    mdnsName: 'garden.local',
    online: true,
    interfaces: [
      {
        name: 'eth0',
        mac: '52:54:00:12:34:56',
        carrier: true,
        ipv4: 'dhcp',
        addresses: ['192.168.1.37/24', 'fd00:1234:5678:1:5054:ff:fe12:3456/64', 'fe80::5054:ff:fe12:3456/64'],
        dhcp: {
          state: 'bound',
          lease: {
            server: '192.168.1.1',
            obtainedAtMs: Date.now() - 2 * HOUR_MS,
            renewAtMs: Date.now() + 10 * HOUR_MS,
            expiresAtMs: Date.now() + 22 * HOUR_MS,
            leaseSec: 86_400,
          },
        },
        gateways: ['192.168.1.1'],
        dns: ['192.168.1.1'],
        search: ['home.arpa'],
        ntpServers: [],
        problem: null,
      },
    ],
  };
}

/** Measures the device that is not there: smooth, believable numbers. */
export class FakeMeter {
  #sampledAtMs = -Infinity;
  #tick = 0;

  get ageMs(): number {
    return performance.now() - this.#sampledAtMs;
  }

  sample(services: readonly MeasuredService[]): Promise<UsageSample> {
    this.#sampledAtMs = performance.now();
    const tick = this.#tick++;
    const seconds = this.#sampledAtMs / 1000;
    const wave = (period: number) => (Math.sin(tick / period) + Math.sin(tick / (period * 2.7))) / 2;
    const usages = new Map<string, ServiceUsage>();
    for (const [index, { name, pid }] of services.entries())
      if (pid !== null)
        usages.set(name, {
          memoryBytes: (14 + index * 9 + 2 * wave(5 + index)) * MIB,
          cpuCores: tick === 0 ? null : Math.max(0, 0.03 + index * 0.02 + 0.04 * wave(3 + index)),
          processes: 1,
        });
    const device: DeviceUsage = {
      cpu: { cores: 4, busyFraction: tick === 0 ? null : 0.14 + 0.09 * wave(4) },
      memory: { totalBytes: 498 * MIB, availableBytes: (372 + 12 * wave(9)) * MIB },
      temperatureCelsius: 47.2 + 2 * wave(11),
      fanRpm: null,
      disks: [
        { mountPoint: '/perm', totalBytes: 1630 * MIB, usedBytes: 214 * MIB, availableBytes: 1332 * MIB },
      ],
      traffic: [
        {
          interfaceName: 'eth0',
          receivedBytes: 812 * MIB + Math.round(seconds * 10_400 + 14_000 * Math.sin(seconds / 5)),
          sentBytes: 96 * MIB + Math.round(seconds * 3_100 + 4_000 * Math.sin(seconds / 8)),
        },
      ],
    };
    return Promise.resolve({ device, services: usages });
  }
}
