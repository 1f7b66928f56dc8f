// A sandboxed app's command line: bwrap makes a file system and a process namespace of the app's own, and in
// there setpriv takes away root's rights and becomes the app. In this order, because without user namespaces
// (the amd64 kernel has none) only root can do the first. Where system calls are filtered, `confine` is between setpriv
// and the app. Pure.
//
// What the app sees: a root image, read-only, without other apps' directories in /app; /proc of its own processes; a
// /dev of its own (app-devices.ts); empty /tmp and /dev/shm; in /perm its data directory and nothing else, and what of /perm it
// may write to beside its code; in /run
// resolv.conf, machine-id and its socket; in /sys/fs/cgroup its own cgroup. The network is the device's, unless the app
// is to have none.

import { posix } from 'node:path';
import { appRunDirectory } from '../../../shared/services/app-contract.ts';
import { secretsDirectoryFor, secretsRunDirectory } from '../../../shared/services/app-secrets.ts';
import { CONFINE_PATH } from '../../../shared/services/confine.ts';
import { REPORTS_IN_SANDBOX } from '../../../shared/services/crash-reports.ts';
import { MACHINE_ID_PATH } from '../../../shared/services/machine-id.ts';
import { nodePath } from '../../../shared/services/node-lines.ts';
import { SHELL_DIRECTORY, SHELL_ROOT } from '../../../shared/services/shell.ts';
import { isOnMountPoint } from '../../../shared/services/mount-points.ts';
import { RESOLV_CONF_PATH } from '../../../shared/network/net-status.ts';
import { IO_URING_GROUP, type SandboxSpec, type ServiceUser } from '../../../shared/services/sandbox.ts';
import type { AppNetwork } from '../../../shared/services/services.ts';
import type { AppDirectory } from './app-devices.ts';
import { writableDirectory } from '../../../shared/services/writable.ts';

export interface SandboxedProgram {
  name: string;
  argv: readonly string[];
  /** Absent: root, with no privileges but those of the sandbox's capabilities. */
  user?: ServiceUser;
  sandbox: SandboxSpec;
  /** `none`: it has a network of its own with nothing but its loopback. Absent: the device's. */
  network?: AppNetwork;
  secrets?: readonly string[];
  /** The root image that it sees, with the device's own directories in it. */
  root: string;
  devices: AppDirectory;
  /** Absent while /perm is not there. */
  dataDir?: string;
  /** Directory of the device's where a crash leaves its report. */
  reports?: string;
  /** Directories below its own in /app; there is one in /perm for each once the data directory is there. */
  writable?: readonly string[];
  /** Absolute; absent on a kernel without cgroups. */
  cgroup?: string;
  /** Descriptors 3 and 4 have the filters of its system calls. A kernel without such filters has no use for them. */
  isFiltered: boolean;
  /** Size of /tmp, and as much again of /dev/shm: both are memory. */
  scratchBytes: number;
}

const BWRAP = '/tsk/bin/bwrap';
const SETPRIV = '/tsk/bin/setpriv';
const HIDDEN = ['/app', '/boot', '/etc/tskrazy', '/run', '/perm', SHELL_ROOT];
/**
 * Root may write there even without any capability, and name a program that the kernel then runs outside
 * (kernel/core_pattern). bwrap means to cover the first, but takes the directory's mode for its files'.
 */
const PROTECTED_FROM_ROOT = ['/proc/sys', '/proc/fs', '/proc/scsi', '/proc/acpi'];

export function sandboxArguments(program: SandboxedProgram): string[] {
  const confined = program.isFiltered ? [CONFINE_PATH, ...program.argv] : program.argv;
  return [BWRAP, ...namespaces(program), '--', SETPRIV, ...privileges(program), '--', ...confined];
}

function namespaces(program: SandboxedProgram): string[] {
  const { name, user, sandbox, network, root, devices, dataDir, reports, cgroup, isFiltered } = program;
  const scratch = ['--perms', '1777', '--size', String(program.scratchBytes), '--tmpfs'];
  // The options go in their order: what is shown covers what was hidden before.
  const options: string[][] = [
    // A session of its own: bwrap's watching process is then not in the group that gets SIGTERM.
    ['--new-session', '--unshare-pid', '--unshare-ipc', '--unshare-cgroup-try'],
    network === 'none' ? ['--unshare-net'] : [],
    // An app without a cgroup that can be killed has to end with the process that init can kill.
    cgroup === undefined ? ['--die-with-parent'] : [],
    ['--ro-bind', root, '/', '--proc', '/proc'],
    sandbox.hasShell === true ? shellOf(root) : [],
    user === undefined ? PROTECTED_FROM_ROOT.flatMap((path) => ['--ro-bind-try', path, path]) : [],
    cgroup === undefined ? [] : ['--ro-bind', cgroup, '/sys/fs/cgroup'],
    ['--dev-bind', devices.directory, '/dev', ...scratch, '/dev/shm'],
    devices.sysfs.flatMap((path) => show('--bind', path)),
    [...scratch, '/tmp'],
    HIDDEN.flatMap((path) => ['--tmpfs', path]),
    // A program without files of its own has none.
    show('--ro-bind-try', `/app/${name}`, posix.join(root, 'app', name)),
    writableOf(program),
    // The directory is shown: the file in it is replaced whenever the network changes.
    show('--ro-bind', posix.dirname(RESOLV_CONF_PATH)),
    show('--ro-bind-try', MACHINE_ID_PATH),
    show('--ro-bind-try', appRunDirectory(name)),
    secretsOf(program),
    dataDir === undefined ? [] : show('--bind', dataDir),
    reports === undefined ? [] : show('--bind', REPORTS_IN_SANDBOX, reports),
    Object.entries(sandbox.paths).flatMap(([path, mode]) =>
      show(
        mode === 'rw' ? '--bind' : '--ro-bind',
        path,
        isOnMountPoint(path) ? path : posix.join(root, path),
      ),
    ),
    HIDDEN.filter((path) => !(path in sandbox.paths)).flatMap((path) => ['--remount-ro', path]),
    ['--chdir', dataDir ?? '/'],
    isFiltered ? ['--seccomp', '3'] : [],
  ];
  return options.flat();
}

/** In place of the image's /bin, which has Node.js and nothing else. */
function shellOf(root: string): string[] {
  const node = nodePath(undefined);
  const commands = ['--ro-bind', posix.join(root, SHELL_DIRECTORY), posix.dirname(node)];
  return [...commands, '--ro-bind', posix.join(root, node), node];
}

/** The root image has empty directories there. */
function writableOf({ name, dataDir, writable = [] }: SandboxedProgram): string[] {
  if (dataDir === undefined) return [];
  return writable.flatMap((path) => ['--bind', writableDirectory(name, path), `/app/${name}/${path}`]);
}

function secretsOf(program: SandboxedProgram): string[] {
  const { name, secrets = [] } = program;
  const source = secretsRunDirectory(name);
  const target = secretsDirectoryFor(program);
  return secrets.length === 0 || target === source ? [] : ['--ro-bind', source, target];
}

/** bwrap would close the directories that it makes on the way to all but root, whose they are. */
function show(option: '--bind' | '--ro-bind' | '--ro-bind-try', path: string, source = path): string[] {
  const parts = path.split('/');
  const parents = parts.map((_part, index) => parts.slice(0, index).join('/'));
  const emptied = parents.filter((parent) => /^\/(?:app|run|perm)\//.test(parent));
  return [...emptied.flatMap((parent) => ['--dir', parent]), option, source, path];
}

function privileges({ user, sandbox, devices }: SandboxedProgram): string[] {
  // setpriv's names are those of capabilities(7) without their prefix.
  const given = sandbox.capabilities.map((name) => `+${name.slice('CAP_'.length).toLowerCase()}`);
  const set = ['-all', ...given].join(',');
  const groups = [
    ...(sandbox.syscalls?.includes('io_uring') === true ? [IO_URING_GROUP] : []),
    ...devices.groups,
  ];
  return [
    ...(user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.uid}`]),
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--no-new-privs',
    `--bounding-set=${set}`,
    `--inh-caps=${set}`,
    `--ambient-caps=${set}`,
  ];
}
