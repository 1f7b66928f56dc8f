import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { WEB_API, type WebStatus } from '../shared/web-api.ts';

function Page() {
  const [status, setStatus] = useState<WebStatus>();
  useEffect(() => {
    const events = new EventSource(WEB_API.events);
    events.addEventListener('status', (event) => {
      setStatus(JSON.parse(event.data) as WebStatus);
    });
    return () => {
      events.close();
    };
  }, []);
  return (
    <main>
      <h1>{status?.system.hostname}</h1>
      <ul>
        {status?.services.map(({ name, state, lastLine }) => (
          <li key={name}>
            {name}: {state} {lastLine}
          </li>
        ))}
      </ul>
    </main>
  );
}

const root = document.getElementById('root');
if (root) render(<Page />, root);
