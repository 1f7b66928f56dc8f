// Rules of this house for oxlint (.oxlintrc.json), where no rule of its own says it. scripts/house-rules.test.ts proves each
// with files that must fail.

import { lazyCircleRule } from './lazy-circle-rule.ts';
import { noClockRule } from './no-clock-rule.ts';
import { roomsRule } from './rooms-rule.ts';

// oxlint takes plugins as ESLint does: by default export.
// oxlint-disable-next-line import/no-default-export
export default {
  meta: { name: 'house' },
  rules: { 'lazy-circle': lazyCircleRule, 'no-clock': noClockRule, rooms: roomsRule },
};
