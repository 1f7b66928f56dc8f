// Links to what a log said before the device started last, as far as it is kept.

import { useEffect, useState } from 'preact/hooks';

import type { BootRecord } from '../../shared/api/init-api.ts';
import { MAX_LOG_LINES, WEB_API } from '../../shared/api/web-api.ts';
import { formatDateTime } from '../format.ts';

const MAX_SHOWN = 5;

async function listBoots(): Promise<BootRecord[]> {
  try {
    const response = await fetch(WEB_API.boots);
    return response.ok ? ((await response.json()) as BootRecord[]) : [];
  } catch {
    // A failure is not worth a message: the live log says that the connection is gone.
    return [];
  }
}

function describeEnd({ end }: BootRecord): string {
  return end === null ? 'it was cut off: no power, or a crash' : end.how;
}

export function EarlierLogs({ name }: { name: string }) {
  const [all, setAll] = useState<readonly BootRecord[]>([]);
  useEffect(() => void listBoots().then(setAll), [name]);
  // Chosen here and not when the list came: that was maybe for another log.
  const boots = all.filter(({ boot, logs }) => boot < 0 && logs.includes(name)).slice(0, MAX_SHOWN);
  if (boots.length === 0) return null;
  return (
    <p class="service-facts">
      Earlier starts of the device:{' '}
      {boots.map((each, index) => (
        <>
          {index > 0 && ' · '}
          <a
            href={WEB_API.log(name, { boot: each.boot, lines: MAX_LOG_LINES })}
            target="_blank"
            title={describeEnd(each)}
          >
            {formatDateTime(each.bootedAtMs)}
          </a>
        </>
      ))}
    </p>
  );
}
