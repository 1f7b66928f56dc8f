// An option with a fixed set of values: a wrong one is refused with the nearest right one.

import { InvalidArgumentError, Option } from 'commander';
import { BOARD_IDS } from '../../shared/board/boards.ts';
import { nearestName } from '../nearest-name.ts';

export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  // The parser comes after choices(), which would refuse in its own words but also serves the completion.
  return new Option(flags, description).choices(choices).argParser((value) => {
    if (choices.includes(value)) return value;
    const nearest = nearestName(value, choices);
    throw new InvalidArgumentError(
      `Choose from ${choices.join(', ')}.${nearest === undefined ? '' : `\n(Did you mean ${nearest}?)`}`,
    );
  });
}

export function boardOption(description: string): Option {
  return choiceOption('--board <board>', description, BOARD_IDS);
}
