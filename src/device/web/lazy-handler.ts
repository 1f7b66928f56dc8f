// Handlers that are loaded with the first request for one of them: what they need costs the start of `web` its time and memory.

import type { Handler } from './exchange.ts';

/** `load`: imports the module whose exports are the handlers. */
export function lazyHandlers<Name extends string>(
  load: () => Promise<Readonly<Record<Name, Handler>>>,
): (name: Name) => Handler {
  return (name) => async (context, exchange) => {
    const handlers = await load();
    await handlers[name](context, exchange);
  };
}
