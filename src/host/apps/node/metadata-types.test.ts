import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loosenMetadataTypes } from './metadata-types.ts';

test('loosenMetadataTypes: types of other modules are looked for in the whole of them', () => {
  const code = [
    "import { Clock as Time, Named } from './clock.ts';",
    "import Bed, * as all from './bed.ts';",
    "import { use } from './use.ts';",
    'use(Named);',
    "__decorate([use(), __metadata('design:paramtypes', [typeof Time !== 'undefined' && Time, Bed, all.Named, String])], A);",
    "__metadata('design:type', x.Time);",
    "__metadata('other', Named);",
  ].join('\n');
  assert.deepEqual(loosenMetadataTypes(code).split('\n'), [
    'import * as __metadataTypes0 from "./clock.ts"; import { Clock as Time, Named } from \'./clock.ts\';',
    'import * as __metadataTypes51 from "./bed.ts"; import Bed, * as all from \'./bed.ts\';',
    "import { use } from './use.ts';",
    'use(Named);',
    "__decorate([use(), __metadata('design:paramtypes', [typeof __metadataTypes0[\"Clock\"] !== 'undefined' && " +
      '__metadataTypes0["Clock"], __metadataTypes51["default"], all.Named, String])], A);',
    "__metadata('design:type', x.Time);",
    "__metadata('other', Named);",
  ]);
});

test('loosenMetadataTypes: leaves alone what has no metadata, or is no JavaScript', () => {
  for (const code of ["import { a } from 'a';\na('design:type');", 'const a = <p></p>;'])
    assert.equal(loosenMetadataTypes(code), code);
});
