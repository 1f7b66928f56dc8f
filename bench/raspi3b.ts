// The first and the second boot of a disk in QEMU's `raspi3b`, a Raspberry Pi 3 B with its own drivers, until the page
// answers. QEMU's SD card and USB network are slow in ways of their own, its cores take turns, and what its card reads it does
// not count: what says something are processor seconds beside those of another commit.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answers } from '../src/host/vm/answers.ts';
import { RASPI3B } from '../test/support/raspberry-pi/pi-machines.ts';
import { piModel } from '../test/support/raspberry-pi/pi-models.ts';
import { StandIn } from '../test/support/raspberry-pi/stand-in.ts';
import type { Lifetime, UpdateLab } from '../test/support/updates/update-lab.ts';
import { cpuSecondsOf } from './cpu-time.ts';

const PAGE_PORT = 80;

export interface PageFigures {
  pageSeconds: number;
  cpuSeconds: number;
}

/** Two boots of a copy of the lab's disk, which was not started from. Each is told as soon as it is known. */
export async function measureRaspi3b(
  t: Lifetime,
  lab: UpdateLab,
  tell: (figures: PageFigures) => void,
): Promise<PageFigures[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-bench-pi-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const card = join(directory, 'card.img');
  lab.copyDisk(card);
  const boots: PageFigures[] = [];
  for (let boot = 0; boot < 2; boot += 1) {
    boots.push(await bootUntilPage(card));
    tell(boots[boot]!);
  }
  return boots;
}

async function bootUntilPage(diskPath: string): Promise<PageFigures> {
  const started = performance.now();
  const standIn = await StandIn.powerOn({
    machine: RASPI3B,
    model: piModel('3-b'),
    diskPath,
    guestPorts: [PAGE_PORT],
  });
  try {
    const failed = standIn.ended.then((how) =>
      Promise.reject(new Error(`It is ${how}: ${standIn.console()}`)),
    );
    failed.catch(() => undefined);
    await Promise.race([pageAnswers(standIn), failed]);
    return {
      pageSeconds: (performance.now() - started) / 1000,
      cpuSeconds: cpuSecondsOf(standIn.pid ?? 0),
    };
  } finally {
    await standIn.dispose();
  }
}

async function pageAnswers({ ports }: StandIn): Promise<void> {
  while (!(await answers(`http://127.0.0.1:${ports.get(PAGE_PORT)}/health`))) await delay(100);
}
