// During a trial, looks at what only a program that speaks to the network can: whether the page answers, in clear and as
// `tsk` would ask it, the apps' health URLs, and whether this image would take an update again. Init asks for nothing; it
// gets a report every few seconds (init-api.ts). Without a trial nothing runs.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { fairPauseMs } from '../../shared/api/fair-pause.ts';
import { INIT_API } from '../../shared/api/init-api.ts';
import type { ServiceStatus } from '../../shared/services/services.ts';
import type { TrialCheck, UpdateBrief } from '../../shared/update/update-state.ts';
import { monotonicMs } from '../monotonic.ts';
import { HttpError } from './http-error.ts';
import type { InitClient } from './init-client.ts';
import { logError } from './log.ts';
import { askOverTls, type TlsPage } from './tls-check.ts';

const HEALTH_OF = 'health of ';
/** Init takes a report of 15 s ago for none (init/update/reported-checks.ts). */
const LONGEST_PAUSE_MS = 6000;

export interface TrialWatchOptions {
  init: InitClient;
  intervalMs: number;
  /** What would keep this image from taking the next update. */
  lockOut: () => Promise<string | null>;
  /** A trial has come to its end, and this program is still here. */
  onEnd: () => Promise<void>;
  /** Time for one answer. */
  answerLimitMs: number;
}

export class TrialWatch {
  readonly #options: TrialWatchOptions;
  #port = 0;
  #tls: TlsPage | undefined;
  #work: AbortController | undefined;
  /** Something has happened since init was asked last. */
  #isAsked = false;

  constructor(options: TrialWatchOptions) {
    this.#options = options;
  }

  /** Called at the start of this program, which may be part of a trial. `port` is the page's; `tls`: so is that. */
  start(port: number, tls?: TlsPage): void {
    this.#port = port;
    this.#tls = tls;
    this.begin();
  }

  /** A trial begins, or may have begun. */
  begin(): void {
    this.#isAsked = true;
    if (this.#work) return;
    const work = new AbortController();
    this.#work = work;
    this.#watch(work.signal)
      .catch((error: unknown) => {
        if (!work.signal.aborted) logError('Cannot watch the trial', error);
      })
      .finally(() => {
        if (this.#work === work) this.#work = undefined;
      });
  }

  /**
   * Asked before a trial: what does not answer then does not have to in the trial, if the new build leaves it as it
   * is.
   */
  async unhealthyApps(): Promise<readonly string[]> {
    try {
      const services = await this.#options.init.get<ServiceStatus[]>(INIT_API.services);
      const checks = await Promise.all(this.#askHealth(services));
      return checks.filter(({ problem }) => problem !== null).map(({ name }) => name.slice(HEALTH_OF.length));
    } catch (error) {
      logError('Cannot look how the apps are before the trial', error);
      return [];
    }
  }

  get isWatching(): boolean {
    return this.#work !== undefined;
  }

  close(): void {
    this.#work?.abort();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false;
      let wasTrial = false;
      while (await this.#isTrial(signal)) {
        wasTrial = true;
        const lookedMs = monotonicMs();
        await this.#report();
        const pauseMs = fairPauseMs(monotonicMs() - lookedMs, this.#options.intervalMs, LONGEST_PAUSE_MS);
        await sleep(pauseMs, undefined, { signal });
      }
      if (wasTrial) await this.#options.onEnd();
    }
  }

  /** Asks until there is an answer. */
  async #isTrial(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      try {
        const { trial } = await this.#options.init.get<UpdateBrief>(INIT_API.updateBrief);
        return trial !== null;
      } catch (error) {
        // Init is one with this program: what it does not know it will not learn.
        if (error instanceof HttpError && error.code === 'no-such-address') return false;
      }
      await sleep(this.#options.intervalMs, undefined, { signal });
    }
  }

  /** A busy device may fail at this. Then the next round counts. */
  async #report(): Promise<void> {
    try {
      await this.#options.init.post(INIT_API.updateChecks, await this.#look());
    } catch (error) {
      logError('Cannot report how the trial goes', error);
    }
  }

  async #look(): Promise<TrialCheck[]> {
    // Services as they run now: in a live trial they are not the ones of this program's own image.
    const services = await this.#options.init.get<ServiceStatus[]>(INIT_API.services);
    const page = `http://127.0.0.1:${this.#port}/`;
    const lockOut = await this.#lockOut();
    const answers = await Promise.all([
      this.#ask('page', page, { 'Accept-Encoding': 'gzip' }),
      ...this.#askTls(),
      ...this.#askHealth(services),
    ]);
    return lockOut === null ? answers : [...answers, { name: 'the next update', problem: lockOut }];
  }

  /** A build whose key or certificate is broken would look well in clear, and take no update any more. */
  #askTls(): Promise<TrialCheck>[] {
    const tls = this.#tls;
    if (tls === undefined) return [];
    const { answerLimitMs } = this.#options;
    return [check('page over HTTPS', () => askOverTls(tls, answerLimitMs), answerLimitMs)];
  }

  #askHealth(services: readonly ServiceStatus[]): Promise<TrialCheck>[] {
    return services.flatMap(({ name, state, health }) =>
      health && state === 'running' ? [this.#ask(`${HEALTH_OF}${name}`, health.url, {})] : [],
    );
  }

  async #lockOut(): Promise<string | null> {
    try {
      return await this.#options.lockOut();
    } catch (error) {
      // What cannot be found out is held against nobody.
      logError('Cannot read the signatures of this image', error);
      return null;
    }
  }

  #ask(name: string, url: string, headers: http.OutgoingHttpHeaders): Promise<TrialCheck> {
    const { answerLimitMs } = this.#options;
    return check(name, () => askStatus(url, headers, answerLimitMs), answerLimitMs);
  }
}

async function check(name: string, ask: () => Promise<number>, limitMs: number): Promise<TrialCheck> {
  try {
    const status = await ask();
    return { name, problem: status >= 200 && status < 300 ? null : `answers ${status}` };
  } catch (error) {
    return { name, problem: describe(error as NodeJS.ErrnoException, limitMs) };
  }
}

/** The answer's body is of no interest, and redirects are answers like any other. */
function askStatus(url: string, headers: http.OutgoingHttpHeaders, limitMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, headers, signal: AbortSignal.timeout(limitMs) });
    request.once('response', (response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    request.on('error', reject);
  });
}

function describe(error: NodeJS.ErrnoException, limitMs: number): string {
  const { cause, code } = error;
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `does not answer within ${limitMs / 1000} s`;
  if (code === 'ECONNREFUSED') return 'refuses the connection';
  // Errors of Node.js itself say more than their code, those of the system do not.
  const isOfSystem = code !== undefined && !code.startsWith('ERR_');
  return isOfSystem ? `does not answer: ${code}` : error.message.slice(0, 150);
}
