// The device's PID 1.

import { LOCKED_MEMORY_BYTES } from '../../shared/services/app-limits.ts';
import { limitLockedMemory } from '../sys/locked-memory.ts';
import type { PowerCommand } from '../sys/sys.ts';
import { linuxSys } from '../sys/linux.ts';
import { Init } from './init.ts';
import { keepReapingOrphans } from './supervisor/reap-orphans.ts';

/** SIGINT is Ctrl-Alt-Del, once the boot list has asked the kernel for it; the others are as gokrazy has them. */
const POWER_SIGNALS: readonly (readonly [NodeJS.Signals, PowerCommand])[] = [
  ['SIGTERM', 'restart'],
  ['SIGINT', 'restart'],
  ['SIGUSR1', 'halt'],
  ['SIGUSR2', 'poweroff'],
];

function main(): void {
  // Both are inherited by all programs.
  process.umask(0o022);
  limitLockedMemory(LOCKED_MEMORY_BYTES);
  const sys = linuxSys();
  const init = new Init(sys);
  // A kernel whose PID 1 exits panics, and Node exits when there is nothing left to wait for.
  setInterval(() => {}, 2 ** 30);
  process.on('uncaughtException', (error) => void init.giveUp(error));
  process.on('unhandledRejection', (error) => void init.giveUp(error));
  for (const [signal, command] of POWER_SIGNALS) process.on(signal, () => void init.power(command, signal));
  // Programs made for gokrazy send it when addresses change; net and web see that themselves.
  process.on('SIGHUP', () => {});
  keepReapingOrphans(sys);
  void init.boot();
}

main();
