// What belongs to the image, the device and other apps: files, devices, processes, sockets.

import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { setPriority, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attempts, listen, reach } from './attempt.ts';

const { TSK_DATA_DIR = '', TSK_SOCKET = '', TSK_SERVICE = '' } = process.env;
const RETRY_MS = 200;
const DIRECTORIES_OF_PROGRAMS = ['/bin', '/tsk', '/tsk/bin', '/user', '/usr/bin', '/usr/sbin', '/sbin'];

const list = (path: string): string => readdirSync(path).toSorted().join(' ') || 'nothing';
const open = (path: string, flags: string) => (): undefined => closeSync(openSync(path, flags)) as undefined;
const read = (path: string) => (): undefined => void readFileSync(path);
const write = (path: string) => (): undefined => writeFileSync(path, 'x') as undefined;

function programsWithSetId(): string {
  const programs = DIRECTORIES_OF_PROGRAMS.flatMap((directory) => {
    try {
      return readdirSync(directory).map((name) => join(directory, name));
    } catch {
      return [];
    }
  });
  return programs.filter((path) => (statSync(path).mode & 0o6000) !== 0).join(' ') || 'nothing';
}

function percentOfMemory(path: string): string {
  const { blocks, bsize } = statfsSync(path);
  return `${Math.round((100 * blocks * bsize) / totalmem())} %`;
}

/** A file of the kernel's may be long, or never end. */
function beginningOf(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(16 * 1024);
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** The neighbour may still be starting: as long as nobody listens, nothing was kept away. */
async function reachOnceThere(name: string): Promise<undefined> {
  for (;;) {
    try {
      return await reach(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** What the page answers to `request`. */
async function statusOf(request: string): Promise<string | undefined> {
  const socket = connect(80, '127.0.0.1');
  socket.end(request);
  for await (const chunk of socket) return /^HTTP\/1.1 (\d+)/.exec(String(chunk))?.[1];
  return 'no answer';
}

export const fileAttempts: Attempts = {
  'list /perm': () => list('/perm'),
  'list /app': () => list('/app').replace(TSK_SERVICE, 'itself'),
  'list /run': () => list('/run'),
  'list /boot': () => list('/boot'),
  'list /etc/tskrazy': () => list('/etc/tskrazy'),
  'list devices': () =>
    readdirSync('/dev')
      .filter((name) => lstatSync(join('/dev', name)).isCharacterDevice())
      .join(' '),
  'programs that run as another user': programsWithSetId,
  'size of /tmp': () => percentOfMemory('/tmp'),
  'size of /dev/shm': () => percentOfMemory('/dev/shm'),

  'write own data': write(join(TSK_DATA_DIR, 'mine')),
  'write /tmp': write('/tmp/x'),
  'write /dev/shm': write('/dev/shm/x'),
  'write output by name': () => writeFileSync('/dev/stderr', 'by name\n') as undefined,
  'write own program': write(`/app/${TSK_SERVICE}/main.mjs`),
  'write the root': write('/x'),
  'write /etc': write('/etc/x'),
  'write /etc/machine-id': write('/etc/machine-id'),
  'write /user': write('/user/x'),

  'read data of another app': read('/perm/victim/secret'),
  'write data of another app': write('/perm/victim/x'),
  'data of another app by a link': () => {
    symlinkSync('/perm/victim', join(TSK_DATA_DIR, 'link'));
    return list(join(TSK_DATA_DIR, 'link'));
  },
  'hard link to what is the system’s': () => linkSync('/etc/machine-id', '/tmp/hard') as undefined,
  'secret of another app, where it lies': read('/run/tsk/secrets/victim/TOKEN'),
  'secret of another app, as that sees it': read('/run/secrets/TOKEN'),
  'secrets of another app in the image': read('/etc/tskrazy/secrets/victim.json'),
  'program of another app': read('/app/victim/main.cjs'),
  'state of tskrazy': read('/perm/tskrazy/updates.json'),
  'configuration of the device': read('/etc/tskrazy/device.json'),

  'socket of init': () => reach('/run/tsk/init.sock'),
  'own socket': () => reach(TSK_SOCKET),
  'socket of another app': () => reach('/run/tsk/app/victim.sock'),
  'abstract socket of another app': () => reachOnceThere('\0victim'),
  'port of the page': () => reach(80),
  'port of the page over TLS': () => reach(443),
  'listen on the port of the page': () => listen(80),
  'listen on the port of the page over TLS': () => listen(443),
  'listen on a low port': () => listen(81),
  'listen on a high port': () => listen(8080),
  'stop another app over the page': () =>
    statusOf('POST /api/v1/services/victim/stop HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),

  'memory of the device': open('/dev/mem', 'r'),
  'the disk': open('/dev/vda', 'r'),
  'log of the kernel': open('/dev/kmsg', 'r+'),
  'the console': open('/dev/console', 'r+'),
  'a serial port': open('/dev/ttyS1', 'r+'),
  'the power button': open('/dev/input/event0', 'r'),
  'a terminal': open('/dev/tty', 'r+'),
  'pattern of core dumps': write('/proc/sys/kernel/core_pattern'),
  'magic key': write('/proc/sysrq-trigger'),
  'memory of the kernel': read('/proc/kcore'),
  'addresses of the kernel': () =>
    /^(?!0{16})[\da-f]{16}/m.test(beginningOf('/proc/kallsyms')) ? 'told' : 'hidden',
  'own cgroup': write('/sys/fs/cgroup/cgroup.procs'),
  'power over /sys': write('/sys/power/state'),

  'processes that it sees': () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => /^Name:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '')
      .toSorted()
      .join(' '),
  'environment of process 1': read('/proc/1/environ'),
  'memory of process 1': read('/proc/1/mem'),
  'root of process 1': () => list('/proc/1/root'),
  'kill process 1': () => process.kill(1, 'SIGKILL') && undefined,
  'kill everybody': () => process.kill(-1, 0) && undefined,
  'become root': () => process.setuid?.(0) as undefined,
  'join a group': () => process.setgroups?.([0]) as undefined,
  'higher priority': () => {
    setPriority(-10);
    return undefined;
  },
};
