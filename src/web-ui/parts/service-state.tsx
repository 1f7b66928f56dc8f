// The state of a service in words and as a mark whose shape differs, not only its colour.

import type { ServiceState, ServiceStatus } from '../../shared/services/services.ts';
import { formatDuration } from './format.ts';

const WORDS: Readonly<Record<ServiceState, string>> = {
  waiting: 'Waiting',
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  backoff: 'Crashed',
  failed: 'Failed',
};

/** How the last process ended: `exit code 1`, `SIGKILL`. */
export function exitText({ code, signal }: { code: number | null; signal: string | null }): string {
  return signal ?? `exit code ${code ?? '?'}`;
}

function stateDetail(service: ServiceStatus, nowMs: number): string {
  switch (service.state) {
    case 'running':
      return service.startedAtMs === null ? '' : formatDuration((nowMs - service.startedAtMs) / 1000);
    case 'backoff':
      return service.nextStartAtMs === null
        ? ''
        : `next try in ${formatDuration(Math.max(1, (service.nextStartAtMs - nowMs) / 1000))}`;
    case 'stopped':
    case 'failed':
      return service.lastExit ? `${formatDuration((nowMs - service.lastExit.atMs) / 1000)} ago` : '';
    default:
      return '';
  }
}

export function StateMark({ state }: { state: ServiceState }) {
  return <span class="state-mark" data-state={state} aria-hidden="true" />;
}

export function StateText({ service, nowMs }: { service: ServiceStatus; nowMs: number }) {
  const detail = stateDetail(service, nowMs);
  return (
    <span class="state-text" data-state={service.state}>
      <span class="state-word">{WORDS[service.state]}</span>
      {detail !== '' && (
        <span class="state-detail">
          {service.state === 'backoff' ? ', ' : ' '}
          {detail}
        </span>
      )}
    </span>
  );
}
