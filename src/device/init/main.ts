// The device's PID 1.

import { linuxSys } from '../sys/linux.ts';
import { runInit } from './init.ts';

process.umask(0o022);
void runInit(linuxSys());
