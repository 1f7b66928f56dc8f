// Sentences that a person should see: what keeps the device from being well, and what just went wrong.

import type { ComponentChildren } from 'preact';

import type { WebStatus } from '../../shared/api/web-api.ts';
import { Icon } from './icons.tsx';

export function Notice({ kind, children }: { kind: 'warning' | 'note'; children: ComponentChildren }) {
  return (
    <p class={`notice ${kind}`}>
      <Icon name="warning" />
      <span>{children}</span>
    </p>
  );
}

export function DeviceNotices({ status }: { status: WebStatus }) {
  const { system, mayChange, network } = status;
  return (
    <div class="notices">
      {system.perm.state === 'tmpfs' && (
        <Notice kind="warning">
          <b>Nothing is kept.</b> /perm is in memory only and is empty after the next start.{' '}
          {system.perm.note ?? ''}
        </Notice>
      )}
      {system.warnings.map((warning) => (
        <Notice kind="warning" key={warning}>
          {warning}
        </Notice>
      ))}
      {(network?.interfaces ?? []).map(
        ({ name, problem }) =>
          problem !== null && (
            <Notice kind="warning" key={name}>
              {name}: {problem}
            </Notice>
          ),
      )}
      {!mayChange && (
        <Notice kind="note">
          This device has no password: everybody can look, and nobody can change anything here.
        </Notice>
      )}
    </div>
  );
}

/** Failures of acts; each can be put away. */
export function Failures({
  texts,
  onDismiss,
}: {
  texts: readonly string[];
  onDismiss: (index: number) => void;
}) {
  return (
    <div class="failures" role="alert">
      {texts.map((text, index) => (
        <p class="failure" key={text}>
          <span>{text}</span>
          <button
            type="button"
            class="button icon-button"
            aria-label="Dismiss"
            onClick={() => {
              onDismiss(index);
            }}
          >
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
