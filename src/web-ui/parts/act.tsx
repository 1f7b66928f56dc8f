// What every part of the page may need to act on the device: ask a question first, and have a failure
// told to the person.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import type { Question } from './dialog.tsx';

export interface Act {
  /** False on a device without a password: nothing can be changed. */
  mayChange: boolean;
  ask: (question: Question) => void;
  /** Shows `Cannot ...: why` when the act fails. */
  attempt: (failure: string, act: Promise<void>) => void;
}

export const ActContext = createContext<Act>({
  mayChange: false,
  ask: () => {},
  attempt: () => {},
});

export function useAct(): Act {
  return useContext(ActContext);
}
