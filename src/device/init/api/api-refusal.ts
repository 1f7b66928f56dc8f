// What is not done, and why. Its message and details go to the client.

import type { ApiError } from '../../../shared/api/init-api.ts';

export class ApiRefusal extends Error {
  readonly status: number;
  readonly details: Omit<ApiError, 'error'>;

  constructor(status: number, message: string, details: Omit<ApiError, 'error'> = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
}
