// Asks before something that is not undone with one click. The browser's own modal dialog: it keeps the
// focus inside, closes with Escape and gives the focus back.

import { useEffect, useRef } from 'preact/hooks';

export interface Question {
  title: string;
  text: string;
  /** What the button says: the act, not "OK". */
  act: string;
  isDangerous?: boolean;
  run: () => void;
}

export function ConfirmDialog({
  question,
  onClose,
}: {
  question: Question | undefined;
  onClose: () => void;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (question) ref.current?.showModal();
    else ref.current?.close();
  }, [question]);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby="dialog-title"
      aria-describedby="dialog-text"
      onClose={onClose}
      onClick={(event) => {
        // A click on the backdrop hits the dialog itself.
        if (event.target === event.currentTarget) onClose();
      }}
    >
      {question && (
        <form
          method="dialog"
          class="dialog-body"
          onSubmit={() => {
            question.run();
          }}
        >
          <h2 id="dialog-title">{question.title}</h2>
          <p id="dialog-text">{question.text}</p>
          <div class="dialog-buttons">
            <button type="button" class="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class={`button ${question.isDangerous === true ? 'danger' : 'primary'}`}>
              {question.act}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}
