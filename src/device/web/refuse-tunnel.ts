// What addresses of tunnels answer to a request that asks for none (upgrades.ts).

import { TUNNEL_PROTOCOL } from '../../shared/tunnel-protocol.ts';
import type { Handler } from './exchange.ts';
import { HttpError } from './http-error.ts';

export const refuseTunnel: Handler = () => {
  throw new HttpError('needs-upgrade', `This address takes "Upgrade: ${TUNNEL_PROTOCOL}" alone`, {
    headers: { Upgrade: TUNNEL_PROTOCOL },
  });
};
