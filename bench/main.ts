// npm run bench -- build|boot|start|device|update... [--json] [--runs N] [--against DIR]: figures for people as tables; with
// --json one object a bench on standard output. Nothing here is asserted: the machines differ, so compare what one run measured
// side by side. DIR is another checkout with its node_modules, such as a git worktree of an earlier commit; `build`,
// `boot` and `start` measure it in turn with this one.

import { parseArgs } from 'node:util';
import { benchBoot } from './boot.ts';
import { benchBuild } from './build.ts';
import { benchDevice } from './device.ts';
import { benchStart } from './start.ts';
import { benchUpdate } from './update.ts';
import { type Figures, formatTable } from './figures.ts';

const BENCHES: Readonly<Record<string, (runs: number, against: string | undefined) => Promise<Figures>>> = {
  build: benchBuild,
  boot: benchBoot,
  start: benchStart,
  device: benchDevice,
  update: benchUpdate,
};

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
    against: { type: 'string' },
  },
  allowPositionals: true,
});
const benches = positionals.map((name) => BENCHES[name]);
const runs = Number(values.runs);
if (
  benches.length === 0 ||
  !benches.every((bench) => bench !== undefined) ||
  !Number.isInteger(runs) ||
  runs < 1
) {
  console.error(
    `Usage: npm run bench -- ${Object.keys(BENCHES).join('|')}... [--json] [--runs N] [--against DIR]`,
  );
  process.exit(1);
}
for (const bench of benches) {
  const figures = await bench(runs, values.against);
  console.log(values.json ? JSON.stringify(figures) : formatTable(figures));
}
