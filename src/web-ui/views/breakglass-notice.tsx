// That somebody has a root shell on this device: who, from where, until when, and a way to end it.

import { useState } from 'preact/hooks';

import type { BreakglassSession } from '../../shared/breakglass/breakglass-api.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { closeBreakglass } from '../device/actions.ts';
import { terminalKey } from '../device/terminal.ts';
import { useAct } from '../parts/act.tsx';
import { formatDuration } from '../parts/format.ts';
import { Notice } from '../parts/notice.tsx';
import { BreakglassTerminal } from './breakglass-terminal.tsx';

export function BreakglassNotice({ status }: { status: WebStatus }) {
  const { mayChange, ask, attempt } = useAct();
  /** Of which session the terminal is shown. It stays when that has ended, with the last of what was said. */
  const [shownOf, showOf] = useState<string>();
  const session = status.system.breakglass;
  const secret = terminalKey();
  const terminal = shownOf !== undefined && secret !== undefined && (
    <BreakglassTerminal sessionId={shownOf} secret={secret} />
  );
  const toggle = (
    <button
      type="button"
      class="button"
      onClick={() => {
        showOf(shownOf === undefined ? session?.id : undefined);
      }}
    >
      {shownOf === undefined ? 'Open terminal' : 'Close terminal'}
    </button>
  );
  if (!session)
    return (
      terminal && (
        <div class="notices">
          {terminal}
          <p>{toggle}</p>
        </div>
      )
    );
  const close = () => {
    ask({
      title: 'Close the break-glass session?',
      text: 'Its shells and all that was started in them end at once.',
      act: 'Close',
      run: () => {
        attempt('Cannot close the session', closeBreakglass());
      },
    });
  };
  return (
    <div class="notices">
      <Notice kind="warning">
        <b>A break-glass session is open.</b> {describe(session, status.timeMs)}{' '}
        {mayChange && session.phase !== 'ending' && (
          <button type="button" class="button" onClick={close}>
            Close session
          </button>
        )}{' '}
        {mayChange && secret !== undefined && session.phase === 'open' && toggle}
        {secret === undefined && 'A terminal here takes "tsk ssh --browser".'}
      </Notice>
      {terminal}
    </div>
  );
}

function describe({ who, from, endsAtMs, listensOn, connections }: BreakglassSession, nowMs: number): string {
  const left = formatDuration((endsAtMs - nowMs) / 1000);
  const ports = listensOn === null ? '' : ` sshd listens on port ${listensOn}.`;
  const count = connections === 1 ? '1 connection' : `${connections} connections`;
  return `Opened by ${who} from ${from}, for ${left} more at most; ${count}.${ports}`;
}
