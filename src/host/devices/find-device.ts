// Finds the device of an instance: the host that was named, else its virtual machine on this computer, else
// whoever answers to its hostname in the network.

import { isIP } from 'node:net';
import type { BoardId } from '../../shared/board/boards.ts';
import type { Instance } from '../config/instance.ts';
import { listVms } from '../vm/vm-registry.ts';
import { type DeviceAddress, parseDeviceAddress } from './device-address.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { resolveDeviceName } from './resolve-device-name.ts';

export interface FoundDevice {
  /** What it is called in messages: the instance's hostname, or what was given with --host. */
  name: string;
  foundBy: 'host' | 'virtual machine' | 'network';
  /** Addresses at which it may be reached, best first; never empty. */
  addresses: readonly DeviceAddress[];
  /** Of the virtual machine. */
  vmPid?: number;
  /** What the device should say of itself. */
  expected: { hostname: string; board: BoardId };
}

export interface FindOptions {
  instance: Instance;
  /** `--host`. */
  host?: string | undefined;
  signal: AbortSignal;
}

export async function findDevice({ instance, host, signal }: FindOptions): Promise<FoundDevice> {
  const { hostname, board, web } = instance.config;
  const expected = { hostname, board };
  if (host !== undefined) {
    const given = parseDeviceAddress(host, web.port);
    const hosts = isIP(given.host.replace(/%.*$/, ''))
      ? [given.host]
      : await resolveDeviceName(given.host, signal);
    if (hosts.length === 0)
      throw nameNotFound(given.host, 'Is the name right? An address works too: --host 192.168.1.20.');
    const addresses = hosts.map((address) => ({ host: address, port: given.port }));
    return { name: given.host, foundBy: 'host', addresses, expected };
  }
  const vm = (await listVms()).find(({ instanceDirectory }) => instanceDirectory === instance.directory);
  if (vm) {
    const addresses = [parseDeviceAddress(vm.url, 80)];
    return {
      name: hostname,
      foundBy: 'virtual machine',
      addresses,
      vmPid: vm.pid,
      expected: { hostname, board: vm.board },
    };
  }
  const hosts = await resolveDeviceName(hostname, signal);
  if (hosts.length === 0) {
    throw nameNotFound(
      hostname,
      'Is it switched on, and in the same network as this computer? If you know its address, give it with\n' +
        '--host ADDRESS. No virtual machine of this instance runs either; "tsk vm run" starts one.',
    );
  }
  const addresses = hosts.map((address) => ({ host: address, port: web.port }));
  return { name: hostname, foundBy: 'network', addresses, expected };
}

function nameNotFound(name: string, hint: string): NoAnswerError {
  const names = name.includes('.') ? `"${name}"` : `"${name}" or "${name}.local"`;
  return new NoAnswerError(`Cannot find "${name}": nobody in the network answers to the name ${names}`, {
    topic: 'not-found',
    hint,
  });
}
