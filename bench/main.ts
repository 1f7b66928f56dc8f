// npm run bench -- build|boot|start|device|update|panics|gpio|breakglass... [--json] [--runs N] [--against DIR]: figures for
// people as tables; with --json one object a bench on standard output. Nothing here is asserted: the machines differ, so compare
// what one run measured side by side. DIR is another checkout with its node_modules, such as a git worktree of an earlier
// commit; `build`, `boot` and `start` measure it in turn with this one.

import { benchBoot } from './boot.ts';
import { benchBreakglass } from './breakglass.ts';
import { benchBuild } from './build.ts';
import { benchDevice } from './device.ts';
import { benchGpio } from './gpio.ts';
import { benchPanics } from './panics.ts';
import { benchPiInRaspi3b, benchPiInVirt, benchRaspberryPi } from './raspberry-pi.ts';
import { benchStart } from './start.ts';
import { benchUpdate } from './update.ts';
import { parseOptions, usageError } from '../scripts/parse-options.ts';
import { type Figures, formatTable } from './figures.ts';

const BENCHES: Readonly<Record<string, (runs: number, against: string | undefined) => Promise<Figures>>> = {
  build: benchBuild,
  boot: benchBoot,
  start: benchStart,
  device: benchDevice,
  update: benchUpdate,
  'raspberry-pi': benchRaspberryPi,
  'raspberry-pi-virt': benchPiInVirt,
  'raspberry-pi-raspi3b': benchPiInRaspi3b,
  panics: benchPanics,
  gpio: benchGpio,
  breakglass: benchBreakglass,
};

const USAGE = `npm run bench -- ${Object.keys(BENCHES).join('|')}... [--json] [--runs N] [--against DIR]`;

const { values, positionals } = parseOptions(
  {
    options: {
      json: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      against: { type: 'string' },
    },
    allowPositionals: true,
  },
  USAGE,
);
const benches = positionals.map((name) => BENCHES[name]);
const runs = Number(values.runs);
if (
  benches.length === 0 ||
  !benches.every((bench) => bench !== undefined) ||
  !Number.isInteger(runs) ||
  runs < 1
) {
  usageError(USAGE);
}
for (const bench of benches) {
  const figures = await bench(runs, values.against);
  console.log(values.json ? JSON.stringify(figures) : formatTable(figures));
}
