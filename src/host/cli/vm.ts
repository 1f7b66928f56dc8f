// tsk vm: the instance in a virtual machine on this computer.

import { InvalidArgumentError, Option } from 'commander';
import { MIN_DISK_BYTES } from '../../shared/board/disk-layout.ts';
import type { PortForward } from '../vm/qemu-command.ts';
import { boardOption } from './choice-option.ts';
import { examples, type Session, type VerbAdder } from './session.ts';
import { parseSize } from './sizes.ts';
import type { VmRunOptions } from './run-vm.ts';

export const addVmVerb: VerbAdder = (program, action) => {
  const vm = program
    .command('vm')
    .summary('run it in a virtual machine')
    .description('Run the instance in a virtual machine (QEMU) on this computer')
    .addHelpText('after', examples(['tsk vm run', 'build and boot; Ctrl-C powers it off']));
  vm.command('run')
    .summary('build and boot')
    .description(
      'Build the instance, boot it in QEMU, print the address of its status page and wait for Ctrl-C.',
    )
    .addOption(boardOption("instead of the instance's board"))
    .option('--detach', 'leave it running in the background ("tsk vm stop" ends it)')
    .option('--keep', 'keep the disk with its data, and use it again the next time')
    .addOption(
      new Option('--memory <size>', 'memory of the machine')
        .argParser(parseMemory)
        .default(1024 ** 3, '1GiB'),
    )
    .option('--disk <size>', 'size of the disk (default: 2GiB); a kept one can grow', parseDisk)
    .addOption(
      new Option('--port <port>', 'port of the status page on this computer')
        .argParser(parsePort)
        .default(0, 'a free one'),
    )
    .option(
      '--forward <ports>',
      'reach a port of the device: GUEST or HOST:GUEST; repeatable (default: 8080, and those of "health" of apps)',
      collectForward,
    )
    .option('--offline', 'use the cache only, download nothing')
    .option('--json', 'with --detach: print the machine as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk vm run', 'boot it until Ctrl-C'],
        ['tsk vm run --keep --port 8000', 'with a lasting disk and a fixed address'],
        ['tsk vm run --forward 2222:22 --forward 1883', 'reach other ports of the device'],
        ['tsk vm run --detach --json', 'in the background, for a script'],
      ),
    )
    .action(action(runVmRun));
  // Started by "run --detach" of a board without firmware, and by nobody else.
  vm.command('keep', { hidden: true }).action(action(runVmKeep));
  vm.command('stop')
    .summary('power one off')
    .description('Power off the virtual machine of this instance, or the one with the given hostname.')
    .argument('[name]', 'hostname, as "tsk vm list" prints it')
    .addHelpText(
      'after',
      examples(['tsk vm stop', "this directory's"], ['tsk vm stop garden', 'by its name']),
    )
    .action(action(runVmStop));
  vm.command('list')
    .summary('list those that run')
    .description('List the virtual machines that run on this computer.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk vm list --json', 'for a script']))
    .action(action(runVmList));
};

/** Whoever gives less has left out the unit, or waits for minutes for a machine that cannot start. */
const MIN_MEMORY_BYTES = 128 * 1024 ** 2;

function parseMemory(text: string): number {
  const size = parseSize(text);
  if (size >= MIN_MEMORY_BYTES) return size;
  throw new InvalidArgumentError('Give 128MiB or more, with the unit.');
}

function parseDisk(text: string): number {
  const size = parseSize(text);
  if (size >= MIN_DISK_BYTES) return size;
  const least = Math.ceil(MIN_DISK_BYTES / 1024 ** 2);
  throw new InvalidArgumentError(`The partitions need ${least}MiB at least.`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535)
    throw new InvalidArgumentError('Give a port number from 0 to 65535.');
  return port;
}

function collectForward(text: string, previous: PortForward[] = []): PortForward[] {
  const [first = '', second, ...rest] = text.split(':');
  if (rest.length > 0) throw new InvalidArgumentError('Give GUEST or HOST:GUEST, such as 2222:22.');
  const forward = {
    hostPort: second === undefined ? 0 : parsePort(first),
    guestPort: parsePort(second ?? first),
  };
  if (forward.guestPort === 0) throw new InvalidArgumentError('The port of the device is from 1 to 65535.');
  return [...previous, forward];
}

async function runVmRun(session: Session, options: VmRunOptions): Promise<void> {
  const { runVm } = await import('./run-vm.ts');
  await runVm(session, options);
}

async function runVmKeep({ signal }: Session): Promise<void> {
  const { keepMachine } = await import('../vm/machine-keeper.ts');
  await keepMachine(signal);
}

async function runVmStop(session: Session, name: string | undefined): Promise<void> {
  const { stopVm } = await import('./run-vm.ts');
  await stopVm(session, name);
}

async function runVmList(session: Session): Promise<void> {
  const { printVms } = await import('./run-vm.ts');
  await printVms(session);
}
