// The person's own ssh, told how to get to a session: by a tsk that carries the bytes (ProxyCommand), with the session's key,
// to a host whose key is pinned. Nothing of the person's configuration is changed. ssh_config(5)

import { join } from 'node:path';
import { replacePrivateFile, readFileIfPresent } from '../files/private-file.ts';
import { opensshFingerprint } from '../../formats/openssh-key.ts';
import { findTool } from '../run-tool.ts';
import { UserError } from '../user-error.ts';
import type { SshKey } from './ssh-key.ts';

export interface SshPlan {
  instanceDirectory: string;
  hostname: string;
  knownHostsPath: string;
  key: SshKey;
  /** `--host` and `--insecure-http`, as they were given. */
  deviceOptions: readonly string[];
  /** Default: root. */
  user?: string;
}

/** Throws a UserError that says what to install. */
export async function requireTool(name: 'ssh' | 'scp'): Promise<string> {
  const path = await findTool(name, process.env);
  if (path !== undefined) return path;
  throw new UserError(`Cannot find "${name}" on this computer`, {
    hint:
      process.platform === 'linux'
        ? 'Install OpenSSH\'s client: "apt install openssh-client", "dnf install openssh-clients", "apk add openssh-client".'
        : 'It comes with macOS; in Windows it is an optional feature called "OpenSSH Client".',
  });
}

/** Keywords of ssh_config and their values. */
function sshOptions(plan: SshPlan): [keyword: string, value: string][] {
  return [
    ['HostKeyAlias', hostAlias(plan.hostname)],
    ['UserKnownHostsFile', quote(plan.knownHostsPath)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', 'yes'],
    ['UpdateHostKeys', 'no'],
    ['CheckHostIP', 'no'],
    ['User', plan.user ?? 'root'],
    ['IdentityFile', quote(plan.key.path)],
    ['IdentitiesOnly', 'yes'],
    ['PasswordAuthentication', 'no'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['ProxyCommand', proxyCommand(plan)],
  ];
}

export function sshArguments(plan: SshPlan): string[] {
  // A configuration of the person's for all hosts could say otherwise to any of them; the command line comes first.
  return sshOptions(plan).flatMap(([keyword, value]) => ['-o', `${keyword}=${value}`]);
}

/** For ~/.ssh/config. */
export function sshConfig(plan: SshPlan): string {
  const lines = sshOptions(plan).map(([keyword, value]) => `  ${keyword} ${value}`);
  return [`Host ${plan.hostname}`, ...lines, ''].join('\n');
}

/** Of ed25519, as devices make them: with more words or commas the line would say something of other hosts, too. */
const HOST_KEY = /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/;

function hostAlias(hostname: string): string {
  return `tskrazy-${hostname}`;
}

/** ssh has the person's shell execute it, after it has put its own in the place of %. */
function proxyCommand({ instanceDirectory, deviceOptions }: SshPlan): string {
  const words = [
    process.execPath,
    ...process.execArgv,
    process.argv[1] ?? '',
    '-i',
    instanceDirectory,
    'ssh',
    '--proxy',
    ...deviceOptions,
  ];
  return words.map(shellWord).join(' ').replaceAll('%', '%%');
}

export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Values with blanks in them; a path with a double quote cannot be said. */
function quote(path: string): string {
  const escaped = path.replaceAll('%', '%%');
  return /\s/.test(escaped) ? `"${escaped}"` : escaped;
}

export function knownHostsPath(stateDirectory: string): string {
  return join(stateDirectory, 'ssh-known-hosts');
}

/**
 * Notes whose key is to be expected at the device. `isProved`: the device has proved who it is (TLS), and its word is good;
 * in clear, another key than before may be another device's.
 */
export async function pinHostKey(
  stateDirectory: string,
  hostname: string,
  hostKey: string,
  isProved: boolean,
): Promise<void> {
  if (!HOST_KEY.test(hostKey))
    throw new UserError(`Cannot trust "${hostname}": what it sends as its SSH key is no key of ed25519`, {
      hint: 'No device of ours sends that. See that its address is right, and that what answers there is yours.',
    });
  const path = knownHostsPath(stateDirectory);
  const line = `${hostAlias(hostname)} ${hostKey}`;
  const lines = ((await readFileIfPresent(path)) ?? '').split('\n').filter((each) => each !== '');
  const known = lines.find((each) => each.startsWith(`${hostAlias(hostname)} `));
  if (known === line) return;
  if (known !== undefined && !isProved) {
    const before = opensshFingerprint(known.slice(known.indexOf(' ') + 1));
    throw new UserError(
      `Cannot trust "${hostname}": its SSH key is ${opensshFingerprint(hostKey)}, and was ${before}`,
      {
        hint:
          'It is made anew when /perm is, and otherwise stays. If that is what has happened, delete the line of\n' +
          `${hostname} from "${path}".`,
      },
    );
  }
  await replacePrivateFile(path, [...lines.filter((each) => each !== known), line].join('\n'));
}
