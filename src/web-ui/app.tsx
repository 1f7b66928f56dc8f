// The page: who looks, what the device said last, which view shows it, and what the person is being asked or told.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { WebStatus } from '../shared/api/web-api.ts';
import { login, readLoginInfo } from './device/ask.ts';
import { Connection } from './device/connection.ts';
import { History } from './device/history.ts';
import { ActContext, type Act } from './parts/act.tsx';
import { ConfirmDialog, type Question } from './parts/dialog.tsx';
import { Failures } from './parts/notice.tsx';
import { parseView, type View } from './views/route.ts';
import { Banner, Header, type Expectation } from './views/header.tsx';
import { LogView } from './views/log-view.tsx';
import { LoginView } from './views/login-view.tsx';
import { Overview } from './views/overview.tsx';
import { UpdatesView } from './views/updates.tsx';

const FAILURE_MS = 12_000;
const RETRY_MS = 2_000;

type Access = { name: 'looking'; isAway: boolean } | { name: 'in' } | { name: 'out'; hostname: string };

/** By the token that this tab has or another one gives it, by none where the device wants none, or by a login. */
function useAccess(): Access {
  const [access, setAccess] = useState<Access>({ name: 'looking', isAway: false });
  useEffect(() => {
    const look = async () => {
      if (login.token !== undefined) {
        setAccess({ name: 'in' });
        return;
      }
      setAccess((last) => (last.name === 'in' ? { name: 'looking', isAway: false } : last));
      try {
        const { hostname, needsPassword } = await readLoginInfo();
        if (login.token === undefined) setAccess(needsPassword ? { name: 'out', hostname } : { name: 'in' });
      } catch {
        if (login.token !== undefined) return;
        setAccess({ name: 'looking', isAway: true });
        setTimeout(() => void look(), RETRY_MS);
      }
    };
    login.onChange = () => void look();
    void login.find().then(look);
  }, []);
  return access;
}

function useView(): View {
  const [view, setView] = useState(() => parseView(location.hash));
  useEffect(() => {
    const onChange = () => {
      setView(parseView(location.hash));
      scrollTo(0, 0);
    };
    addEventListener('hashchange', onChange);
    return () => {
      removeEventListener('hashchange', onChange);
    };
  }, []);
  return view;
}

function useDevice() {
  const [status, setStatus] = useState<WebStatus>();
  const [isLive, setLive] = useState(true);
  const history = useRef(new History());
  useEffect(() => {
    let buildId: string | undefined;
    const connection = new Connection({
      onStatus: (next) => {
        // Another build brings another page.
        buildId ??= next.system.buildId;
        if (buildId !== next.system.buildId) location.reload();
        history.current.add(next);
        setStatus(next);
      },
      onService: (service) => {
        setStatus(
          (last) =>
            last && {
              ...last,
              services: last.services.map((each) =>
                each.name === service.name
                  ? { ...service, usage: service.pid === each.pid ? each.usage : null }
                  : each,
              ),
            },
        );
      },
      onLive: setLive,
    });
    return () => {
      connection.close();
    };
  }, []);
  return { status, isLive, history: history.current };
}

function useAsking(mayChange: boolean) {
  const [question, setQuestion] = useState<Question>();
  const [failures, setFailures] = useState<string[]>([]);
  const act = useMemo<Act>(
    () => ({
      mayChange,
      ask: setQuestion,
      attempt: (failure, promise) => {
        promise.catch((error: unknown) => {
          const text = `${failure}: ${error instanceof Error ? error.message : String(error)}`;
          setFailures((texts) => [...texts.filter((each) => each !== text), text]);
          setTimeout(() => {
            setFailures((texts) => texts.filter((each) => each !== text));
          }, FAILURE_MS);
        });
      },
    }),
    [mayChange],
  );
  const dismiss = (index: number) => {
    setFailures((texts) => texts.filter((_, each) => each !== index));
  };
  return { act, question, setQuestion, failures, dismiss };
}

function placeOf(view: View): string {
  if (view.name === 'log') return `${view.of} · `;
  return view.name === 'updates' ? 'Updates · ' : '';
}

function useTitle(status: WebStatus | undefined, view: View, isLive: boolean): void {
  useEffect(() => {
    if (!status) return;
    const place = placeOf(view);
    document.title = `${isLive ? '' : '(away) '}${place}${status.system.hostname}`;
  }, [status?.system.hostname, view, isLive]);
}

const AWAY = 'The device does not answer. Trying again …';

function Waiting({ text }: { text: string }) {
  return (
    <p class="loading" role="status">
      {text}
    </p>
  );
}

export function App() {
  const access = useAccess();
  if (access.name === 'in') return <Device />;
  if (access.name === 'out') return <LoginView hostname={access.hostname} />;
  return <Waiting text={access.isAway ? AWAY : ''} />;
}

function Device() {
  const view = useView();
  const { status, isLive, history } = useDevice();
  const { act, question, setQuestion, failures, dismiss } = useAsking(status?.mayChange ?? false);
  const [expectation, setExpectation] = useState<Expectation>();
  useTitle(status, view, isLive);
  // A device that is back has rebooted.
  const bootId = status?.bootId;
  useEffect(() => {
    setExpectation(undefined);
  }, [bootId]);

  if (!status) return <Waiting text={isLive ? '' : AWAY} />;
  return (
    <ActContext.Provider value={act}>
      <Header status={status} isLive={isLive} isOverview={view.name === 'overview'} />
      <Banner hostname={status.system.hostname} isLive={isLive} expectation={expectation} />
      <main class={`main view-${view.name}`} data-away={isLive ? undefined : 'yes'}>
        {view.name === 'log' && <LogView name={view.of} boot={view.boot} status={status} history={history} />}
        {view.name === 'updates' && <UpdatesView status={status} />}
        {view.name === 'overview' && <Overview status={status} history={history} onPower={setExpectation} />}
      </main>
      <Failures texts={failures} onDismiss={dismiss} />
      <ConfirmDialog
        question={question}
        onClose={() => {
          setQuestion(undefined);
        }}
      />
    </ActContext.Provider>
  );
}
