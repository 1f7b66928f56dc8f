// The top of every view: which device this is, whether it is there, and the way out.

import type { WebStatus } from '../../shared/api/web-api.ts';
import { logOut } from '../device/ask.ts';
import { formatDuration } from '../parts/format.ts';
import { useAct } from '../parts/act.tsx';
import { Icon } from '../parts/icons.tsx';

interface HeaderProps {
  status: WebStatus;
  isLive: boolean;
  isOverview: boolean;
}

export function Header({ status, isLive, isOverview }: HeaderProps) {
  const { attempt, mayChange } = useAct();
  const { hostname, uptimeSec } = status.system;
  const name = (
    <>
      <img src="/assets/icon.svg" alt="" width="28" height="28" />
      <span>{hostname}</span>
    </>
  );
  return (
    <header class="header">
      <div class="header-inner">
        {isOverview ? (
          <h1 class="header-name">{name}</h1>
        ) : (
          <a class="header-name" href="#">
            {name}
          </a>
        )}
        <span class="header-live" data-live={isLive ? 'yes' : 'no'}>
          <span class="live-mark" aria-hidden="true" />
          {isLive ? `up ${formatDuration(uptimeSec)}` : 'away'}
        </span>
        {mayChange && (
          <button
            type="button"
            class="button quiet-button"
            aria-label="Log out"
            onClick={() => {
              attempt('Cannot log out', logOut());
            }}
          >
            <Icon name="leave" /> <span class="wide-only">Log out</span>
          </button>
        )}
      </div>
    </header>
  );
}

/** What the person asked the device to do, so that its silence is no surprise. */
export type Expectation = 'reboot' | 'poweroff' | undefined;

export function Banner({
  hostname,
  isLive,
  expectation,
}: {
  hostname: string;
  isLive: boolean;
  expectation: Expectation;
}) {
  let text = '';
  if (expectation === 'reboot') text = `${hostname} starts again. This page comes back by itself.`;
  else if (expectation === 'poweroff')
    text = isLive ? `${hostname} is powering off.` : `${hostname} does not answer any more: it is off.`;
  else if (!isLive)
    text = `${hostname} does not answer. What you see is old; this page tries again by itself.`;
  return (
    <div class="banner" role="alert" hidden={text === ''}>
      {text}
    </div>
  );
}
