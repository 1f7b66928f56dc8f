// Start, stop and restart of one service. Their places never change, so that nothing moves under a finger.

import type { ServiceAction } from '../../shared/api/init-api.ts';
import type { ServiceStatus } from '../../shared/services/services.ts';
import { actOnService } from '../device/actions.ts';
import { useAct } from './act.tsx';
import { Icon, type IconName } from './icons.tsx';

interface ButtonProps {
  icon: IconName;
  text: string;
  name: string;
  withText: boolean;
  disabled: boolean;
  onClick: () => void;
}

function ActButton({ icon, text, name, withText, disabled, onClick }: ButtonProps) {
  return (
    <button
      type="button"
      class={withText ? 'button' : 'button icon-button'}
      aria-label={`${text} ${name}`}
      title={withText ? undefined : `${text} ${name}`}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
      {withText && <span>{text}</span>}
    </button>
  );
}

const SYSTEM_WARNINGS: Readonly<Record<string, string>> = {
  net: 'The device may be out of reach for some seconds.',
  web: 'This page goes away for some seconds, and you have to log in again.',
};

export function ServiceButtons({
  service,
  withText = false,
}: {
  service: ServiceStatus;
  withText?: boolean;
}) {
  const { ask, attempt, mayChange } = useAct();
  const { name, state, kind, pid } = service;
  if (!mayChange) return null;
  const run = (action: ServiceAction) => () => {
    attempt(`Cannot ${action} ${name}`, actOnService(name, action));
  };
  const warning = kind === 'system' ? SYSTEM_WARNINGS[name] : undefined;
  const restart =
    warning === undefined
      ? run('restart')
      : () => {
          ask({ title: `Restart ${name}?`, text: warning, act: 'Restart', run: run('restart') });
        };
  const stop = () => {
    ask({
      title: `Stop ${name}?`,
      text: 'It stays stopped until you start it or the device starts again.',
      act: 'Stop',
      run: run('stop'),
    });
  };
  const isDown = state === 'stopped' || state === 'failed';
  // One that does not say that it is ready may stay `starting`, with a process to be stopped.
  const isMoving = state === 'stopping' || (state === 'starting' && pid === null);
  return (
    <span class="service-buttons">
      {state === 'waiting' ? (
        <ActButton
          icon="start"
          text="Start now"
          disabled={false}
          onClick={run('start')}
          {...{ name, withText }}
        />
      ) : (
        <ActButton
          icon="restart"
          text="Restart"
          disabled={isDown || isMoving}
          onClick={restart}
          {...{ name, withText }}
        />
      )}
      {kind !== 'system' &&
        (isDown ? (
          <ActButton
            icon="start"
            text="Start"
            disabled={false}
            onClick={run('start')}
            {...{ name, withText }}
          />
        ) : (
          <ActButton icon="stop" text="Stop" disabled={isMoving} onClick={stop} {...{ name, withText }} />
        ))}
    </span>
  );
}
