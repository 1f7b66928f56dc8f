// Writes tskrazy.schema.json, by which editors complete and check tskrazy.json, from the one schema in
// src/shared/config/config.ts. Run it after a change there; a test compares.

import { writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from '../src/shared/config/config.ts';
import { RESERVED_APP_NAMES } from '../src/shared/config/app.ts';

export const SCHEMA_PATH = new URL('../tskrazy.schema.json', import.meta.url);

export function generateSchema(): string {
  const { $schema, ...schema } = toJsonSchema(configSchema, {
    // What has no word in JSON Schema, or none that the converter knows.
    overrideAction({ valibotAction, jsonSchema }) {
      if ('sources' in valibotAction) {
        const sources = valibotAction.sources as readonly string[];
        return { ...jsonSchema, oneOf: sources.map((key) => ({ required: [key] })) };
      }
      if ('pattern' in valibotAction) return { ...jsonSchema, pattern: valibotAction.pattern as string };
      if (valibotAction.type === 'not_values')
        return { ...jsonSchema, not: { enum: [...RESERVED_APP_NAMES] } };
      // Checked when the file is read: JSON Schema has no word for them, and editors need none.
      if (['excludes', 'ip', 'check', 'raw_check'].includes(valibotAction.type)) return jsonSchema;
      return undefined;
    },
  });
  const head = {
    $schema,
    title: 'tskrazy.json',
    description: 'One appliance: see docs/config.md of tskrazy',
    allowComments: true,
    allowTrailingCommas: true,
  };
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(SCHEMA_PATH, generateSchema());
