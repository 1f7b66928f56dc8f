// What is not done, and why. Its message and details go to the client.

import type { ApiError } from '../shared/api/init-api.ts';
import type { RefusalCode } from '../shared/api/refusals.ts';

export type RefusalDetails = Omit<ApiError, 'error' | 'code'>;

export class ApiRefusal extends Error {
  readonly code: RefusalCode;
  readonly details: RefusalDetails;

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
