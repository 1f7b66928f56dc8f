// What a log said before the device started last, as far as it is kept: links to it, and which start it was.

import { useEffect, useState } from 'preact/hooks';

import type { BootRecord } from '../../shared/api/init-api.ts';
import { WEB_API } from '../../shared/api/web-api.ts';
import { askJson } from '../device/ask.ts';
import { formatDateTime } from '../parts/format.ts';
import { logHref } from './route.ts';

const MAX_SHOWN = 5;

async function listBoots(): Promise<BootRecord[]> {
  try {
    return await askJson<BootRecord[]>(WEB_API.boots);
  } catch {
    // A failure is not worth a message: the live log says that the connection is gone.
    return [];
  }
}

function describeEnd({ end }: BootRecord): string {
  return end === null ? 'cut off, without power or by a crash' : end.how;
}

/** `boot`: the one whose log is shown; 0 is the device's present start. */
export function EarlierLogs({ name, boot }: { name: string; boot: number }) {
  const [all, setAll] = useState<readonly BootRecord[]>([]);
  useEffect(() => void listBoots().then(setAll), [name]);
  // Chosen here and not when the list came: that was maybe for another log.
  const boots = all.filter((each) => each.boot < 0 && each.logs.includes(name)).slice(0, MAX_SHOWN);
  const shown = all.find((each) => each.boot === boot);
  if (boot < 0)
    return (
      <p class="service-facts">
        {shown && `Start of ${formatDateTime(shown.bootedAtMs)}. Its end: ${describeEnd(shown)}. `}
        <a href={logHref(name)}>What it says now</a>
      </p>
    );
  if (boots.length === 0) return null;
  return (
    <p class="service-facts">
      Earlier starts of the device:{' '}
      {boots.map((each, index) => (
        <>
          {index > 0 && ' · '}
          <a href={logHref(name, each.boot)} target="_blank" title={describeEnd(each)}>
            {formatDateTime(each.bootedAtMs)}
          </a>
        </>
      ))}
    </p>
  );
}
