// Finds the device of an instance: the host that was named, else its virtual machine on this computer, else
// whoever answers to its hostname in the network.

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { BoardId } from '../../shared/board/boards.ts';
import { readAuthorities } from '../config/known-authorities.ts';
import type { Instance } from '../config/instance.ts';
import { listVms, type VmRecord } from '../vm/vm-registry.ts';
import { type DeviceAddress, parseHost } from './device-address.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { resolveDeviceName, resolveEverywhere } from './resolve-device-name.ts';

export interface FoundDevice {
  /** What it is called in messages: the instance's hostname, or what was given with --host. */
  name: string;
  foundBy: 'host' | 'virtual machine' | 'network';
  /** Addresses at which it may be reached, best first; never empty. */
  addresses: readonly DeviceAddress[];
  /** Where else somebody answers to its name, when nobody at these addresses proves to be it. */
  others?: () => Promise<readonly DeviceAddress[]>;
  /** Of the virtual machine. */
  vmPid?: number;
  /** What the device should say of itself, and the authorities of which one has to vouch for it. */
  expected: { hostname: string; board: BoardId; authorities: readonly X509Certificate[] };
}

export interface FindOptions {
  instance: Instance;
  /** `--host`. */
  host?: string | undefined;
  /** `--insecure-http`: it may speak in clear, and so may whoever stands in for it. */
  insecureHttp?: boolean | undefined;
  signal: AbortSignal;
}

export async function findDevice(options: FindOptions): Promise<FoundDevice> {
  const { instance, host, signal } = options;
  const { hostname, board } = instance.config;
  const expected = { hostname, board, authorities: await readAuthorities(instance) };
  const vm = (await listVms()).find(({ instanceDirectory }) => instanceDirectory === instance.directory);
  const given = host === undefined ? undefined : parseHost(host);
  if (vm && (given === undefined || isPageOf(vm, given))) {
    return {
      name: hostname,
      foundBy: 'virtual machine',
      addresses: machineAddresses(vm, options),
      vmPid: vm.pid,
      expected: { ...expected, board: vm.board },
    };
  }
  const name = given?.host ?? hostname;
  const foundBy = given === undefined ? 'network' : 'host';
  const addressesOf = (hosts: readonly string[]): DeviceAddress[] =>
    hosts.flatMap((each) => networkAddresses(each, given?.port, options));
  if (isIP(name.replace(/%.*$/, '')) !== 0)
    return { name, foundBy, addresses: addressesOf([name]), expected };
  const hosts = await resolveDeviceName(name, signal);
  if (hosts.length === 0) throw nameNotFound(name, foundBy);
  const others = async (): Promise<DeviceAddress[]> =>
    addressesOf((await resolveEverywhere(name, signal)).filter((each) => !hosts.includes(each)));
  return { name, foundBy, addresses: addressesOf(hosts), others, expected };
}

/** Whether somebody has named the machine by the URL of its page, as `tsk vm run` prints it. */
function isPageOf(vm: VmRecord, { host, port }: { host: string; port: number | undefined }): boolean {
  const page = parseHost(vm.url);
  return page.port === port && (host === page.host || host === 'localhost');
}

/** Where devices may be in clear, they are asked for TLS first: one that has it proves itself whatever tskrazy.json says. */
function networkAddresses(
  host: string,
  port: number | undefined,
  { instance, insecureHttp = false }: FindOptions,
): DeviceAddress[] {
  const { web } = instance.config;
  const mayBeClear = insecureHttp || web.tls === 'off';
  const clear: DeviceAddress = { host, port: port ?? web.port, tls: false };
  // Who names the port of the page in clear says nothing against TLS beside it.
  const isUsual = port === undefined || (mayBeClear && port === web.port);
  if (mayBeClear && !isUsual) return [clear];
  const secure: DeviceAddress = {
    host,
    port: isUsual ? web.tlsPort : port,
    tls: true,
    plainPort: clear.port,
  };
  return mayBeClear ? [secure, clear] : [secure];
}

function machineAddresses(vm: VmRecord, { instance, insecureHttp = false }: FindOptions): DeviceAddress[] {
  const { web } = instance.config;
  const { host, port: plainPort = 80 } = parseHost(vm.url);
  const port = new Map(vm.ports).get(web.tlsPort);
  const secure: DeviceAddress[] = port === undefined ? [] : [{ host, port, tls: true, plainPort }];
  const clear: DeviceAddress = { host, port: plainPort, tls: false };
  if (insecureHttp || web.tls === 'off') return [...secure, clear];
  // One that was started by an older tsk has no way for TLS: it is refused at the page's port.
  return secure.length > 0 ? secure : [{ ...clear, tls: true, plainPort }];
}

function nameNotFound(name: string, foundBy: 'host' | 'network'): NoAnswerError {
  const names = name.includes('.') ? `"${name}"` : `"${name}" or "${name}.local"`;
  return new NoAnswerError(`Cannot find "${name}": nobody in the network answers to the name ${names}`, {
    topic: 'not-found',
    hint:
      foundBy === 'host'
        ? 'Is the name right? An address works too: --host 192.168.1.20.'
        : 'Is it switched on, and in the same network as this computer? If you know its address, give it with\n' +
          '--host ADDRESS. No virtual machine of this instance runs either; "tsk vm run" starts one.',
  });
}
