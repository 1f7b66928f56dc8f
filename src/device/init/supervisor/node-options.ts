// Options that Node.js has for every app, in its environment, where its child processes get them too (NODE_OPTIONS). An
// app's own come later, and count.

import type { ServiceSpec } from '../../../shared/services/services.ts';

/**
 * SIGUSR1 opens an inspector on a free port, which nobody finds but who reads the app's standard error. The backslashes
 * are for `node:cluster`: where it sees such an option it gives its workers the ports after 0, which Node.js refuses to
 * take.
 */
const INSPECTOR = ['"--in\\spect-port=0"', '"--in\\spect-publish-uid=stderr"'];

/** Without what may be secret (environment), and what takes its time (names of the other ends of connections). */
const REPORTS = [
  '--report-uncaught-exception',
  '--report-on-fatalerror',
  '--report-exclude-env',
  '--report-exclude-network',
  '--report-compact',
];

/** `reports`: directory for them; undefined: it is to leave none. */
export function nodeOptions({ env }: Pick<ServiceSpec, 'env'>, reports: string | undefined): string {
  const own = env['NODE_OPTIONS'];
  return [
    ...INSPECTOR,
    ...(reports === undefined ? [] : [...REPORTS, `--report-directory=${reports}`]),
    ...(own === undefined ? [] : [own]),
  ].join(' ');
}
