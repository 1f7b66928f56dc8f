// Who listens where, asked when the view opens and whenever other processes run than before.

import { useEffect, useState } from 'preact/hooks';

import { isOnDeviceOnly, WEB_API, type ListeningPort, type WebStatus } from '../../shared/api/web-api.ts';
import { askJson } from '../device/ask.ts';
import { logHref } from './route.ts';
import { Fact } from '../parts/fact.tsx';

/** An app may take its time until it listens. */
const ASK_EVERY_MS = 15_000;

function Place({ port }: { port: ListeningPort }) {
  const { service, protocol } = port;
  const isInside = isOnDeviceOnly(port);
  const page = `http://${location.hostname}:${port.port}/`;
  return (
    <>
      {service === null ? <span class="quiet">unknown</span> : <a href={logHref(service)}>{service}</a>}
      {isInside && <span class="quiet"> on the device only</span>}
      {protocol === 'tcp' && !isInside && service !== 'web' && (
        <>
          {' '}
          <a href={page} target="_blank" rel="noreferrer" aria-label={`Page at port ${port.port}`}>
            ↗
          </a>
        </>
      )}
    </>
  );
}

export function PortsCard({ status }: { status: WebStatus }) {
  const [ports, setPorts] = useState<readonly ListeningPort[]>([]);
  const processes = status.services.map(({ name, pid, state }) => `${name} ${pid} ${state}`).join();
  useEffect(() => {
    const read = () => {
      // What cannot be read now is read the next time; an older device never tells.
      askJson<ListeningPort[]>(WEB_API.ports).then(setPorts, () => undefined);
    };
    read();
    const timer = setInterval(read, ASK_EVERY_MS);
    return () => {
      clearInterval(timer);
    };
  }, [processes]);
  if (ports.length === 0) return null;
  return (
    <section class="card" aria-labelledby="ports">
      <h2 id="ports">Ports</h2>
      <dl class="facts">
        {ports.map((port) => (
          <Fact
            key={`${port.protocol} ${port.port} ${port.service}`}
            name={`${port.protocol.toUpperCase()} ${port.port}`}
          >
            <Place port={port} />
          </Fact>
        ))}
      </dl>
    </section>
  );
}
