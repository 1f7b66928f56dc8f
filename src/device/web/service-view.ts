// What anybody who looks is shown of a service. Its arguments and its environment are no part of what init tells; what quotes
// them by the way loses the values that are called secret.

import type { ServiceStatus } from '../../shared/services/services.ts';
import { maskSecrets } from '../../shared/text/mask-secrets.ts';

export function serviceView(service: ServiceStatus): ServiceStatus {
  const { reason, health } = service;
  return {
    ...service,
    reason: reason === null ? null : maskSecrets(reason),
    ...(health && { health: { ...health, url: maskSecrets(health.url) } }),
  };
}
