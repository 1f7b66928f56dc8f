// Asks for the password. What was in the address stays there, so that the view that was wanted comes next.

import { useEffect, useRef, useState } from 'preact/hooks';

import { logIn } from '../device/ask.ts';

export function LoginView({ hostname }: { hostname: string }) {
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `Log in: ${hostname}`;
    // Not by `autofocus`, which counts while the page loads only.
    input.current?.focus();
  }, [hostname]);
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    const password = new FormData(form).get('password');
    try {
      await logIn(typeof password === 'string' ? password : '');
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
      input.current?.select();
    }
  };
  return (
    <div class="plain">
      <main class="plain-card">
        <img class="plain-mark" src="/assets/icon.svg" alt="" width="40" height="40" />
        <h1>{hostname}</h1>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          <input type="text" name="username" value="tskrazy" autocomplete="username" hidden />
          <label for="password">Password</label>
          <input
            ref={input}
            type="password"
            id="password"
            name="password"
            autocomplete="current-password"
            maxLength={512}
            required
            aria-invalid={problem !== undefined}
            aria-describedby={problem === undefined ? undefined : 'problem'}
          />
          {problem !== undefined && (
            <p class="plain-problem" id="problem" role="alert">
              {problem}
            </p>
          )}
          <button type="submit" class="button primary" disabled={isBusy}>
            Log in
          </button>
        </form>
        <p class="plain-hint">
          It is kept with the instance, in the file <code>.tskrazy/password</code>.
        </p>
      </main>
    </div>
  );
}
