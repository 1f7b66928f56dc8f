// The rule `house/no-clock`: refuses `new Date()` and `Date()`, which are the time of the computer that runs them. `Date.now()` is
// refused by a rule of oxlint's own; a Date made of an argument is a calendar, not a clock.

import type { Context, Node } from './plugin.ts';

export const noClockRule = {
  create(context: Context): Record<string, (node: Node) => void> {
    const report = (node: Node): void =>
      context.report({ node, message: 'nothing here has a clock: time comes with the arguments' });
    return {
      NewExpression: (node) => {
        if (node.callee?.name === 'Date' && node.arguments?.length === 0) report(node);
      },
      // Without `new`, Date gives the time of now whatever it is given.
      CallExpression: (node) => {
        if (node.callee?.name === 'Date') report(node);
      },
    };
  },
};
