// Reads the text files of /proc, /sys and cgroup v2 that the meters use. Pure: text in, numbers out.
// Formats: proc(5) and the kernel's Documentation/admin-guide/cgroup-v2.rst.

/** `user_hz` of every architecture that Node.js runs on. */
const TICKS_PER_SEC = 100;

export interface CpuTimes {
  /** Ticks of all cores together, since boot. */
  busy: number;
  total: number;
  cores: number;
}

/** /proc/stat. `steal` is the host's time and counts as busy: the guest waited for it. */
export function parseCpuTimes(text: string): CpuTimes {
  const cores = text.match(/^cpu\d+ /gm)?.length ?? 1;
  const fields = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number);
  // user nice system idle iowait irq softirq steal; guest times are already in user and nice.
  const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: total - idle, total, cores };
}

/** /proc/meminfo and other files of `Name:  123 kB` lines; undefined: no such line. */
export function parseKibLine(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
  return match ? Number(match[1]) * 1024 : undefined;
}

/** /proc/PID/stat: CPU time of the process, in microseconds. */
export function parseProcessCpuUsec(text: string): number {
  // The second field is the program's name in parentheses, which may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime and stime are fields 14 and 15 of the file, 11 and 12 after the name.
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SEC;
}

/** `cpu.stat` of a cgroup. */
export function parseCgroupCpuUsec(text: string): number | undefined {
  const match = /^usage_usec (\d+)$/m.exec(text);
  return match ? Number(match[1]) : undefined;
}

export interface CgroupMemory {
  anonymousBytes: number;
  /** Files in memory: memfds, those of a tmpfs, shared mappings. */
  sharedBytes: number;
  /** Of the kernel, for sockets and the like; without what it can take back. */
  kernelBytes: number;
}

/** `memory.stat` of a cgroup, but for the pages of files on a disk. */
export function parseCgroupMemory(text: string): CgroupMemory {
  const read = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    anonymousBytes: read('anon'),
    sharedBytes: read('shmem'),
    kernelBytes: read('kernel') - read('slab_reclaimable') + read('sock'),
  };
}

/** /proc/PID/cgroup: the process's path in the cgroup v2 tree; undefined when it is in the root of it. */
export function parseCgroupPath(text: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  return path === undefined || path === '/' ? undefined : path;
}

export interface InterfaceCounters {
  interfaceName: string;
  receivedBytes: number;
  sentBytes: number;
}

/** /proc/net/dev, without the loopback interface. */
export function parseNetDev(text: string): InterfaceCounters[] {
  const counters: InterfaceCounters[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\S+):\s*(.*)$/.exec(line);
    const interfaceName = match?.[1];
    if (interfaceName === undefined || interfaceName === 'lo') continue;
    const fields = (match?.[2] ?? '').split(/\s+/).map(Number);
    counters.push({ interfaceName, receivedBytes: fields[0] ?? 0, sentBytes: fields[8] ?? 0 });
  }
  return counters;
}

export interface DataMount {
  device: string;
  mountPoint: string;
}

/** /proc/self/mounts: where a person's data may be, as opposed to the root image and the kernel's own. */
export function parseDataMounts(text: string): DataMount[] {
  const mountPoints = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [device = '', mountPoint = '', type = ''] = line.split(' ');
    const isData = mountPoint === '/perm' || (device.startsWith('/dev/') && type !== 'squashfs');
    // A device that is mounted twice is shown once.
    if (!isData || mountPoint === '/' || mountPoints.has(device)) continue;
    mountPoints.set(device, unescapeMount(mountPoint));
  }
  return Array.from(mountPoints, ([device, mountPoint]) => ({ device, mountPoint }));
}

/** fstab(5): space, tab, newline and backslash are octal there. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
