// The dashboard: a page of panels over the admin API that served it. A panel is a row of `PANELS`.

import { type ComponentType, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { StatsDocument } from '../src/admin/stats-contract.ts';
import { call } from './api.ts';
import { loggedOut, useDoing, usePolled } from './hooks.ts';
import { Entries } from './panels/entries.tsx';
import { Feeds } from './panels/feeds.tsx';
import { Invalidations } from './panels/invalidations.tsx';
import { Overview } from './panels/overview.tsx';
import { Populate } from './panels/populate.tsx';
import { Tenants } from './panels/tenants.tsx';
import { Traffic } from './panels/traffic.tsx';

interface PanelRow {
  readonly id: string;
  readonly name: string;
  readonly view: ComponentType<PanelParts>;
  /** Whether a Worker takes the calls of the panel. */
  readonly onWorkers?: true;
}

export interface PanelParts {
  readonly query: URLSearchParams;
  /** Whether the gate is one on Workers. */
  readonly isWorker: boolean;
}

const PANELS: readonly PanelRow[] = [
  { id: 'overview', name: 'Overview', view: Overview, onWorkers: true },
  { id: 'traffic', name: 'Traffic', view: Traffic },
  { id: 'entries', name: 'Entries', view: Entries, onWorkers: true },
  { id: 'invalidations', name: 'Invalidations', view: Invalidations, onWorkers: true },
  { id: 'populate', name: 'Populate', view: Populate },
  { id: 'feeds', name: 'Feeds', view: Feeds },
  { id: 'tenants', name: 'Tenants', view: Tenants },
];

/** A gate stays what it is, but another may be deployed. */
const KIND_MS = 60_000;

type Login = 'unknown' | 'none' | 'needed' | 'done';

function App() {
  const [login, setLogin] = useState<Login>('unknown');
  const [place, setPlace] = useState(location.hash);
  useEffect(() => {
    const moved = () => setPlace(location.hash);
    const needed = () => setLogin('needed');
    addEventListener('hashchange', moved);
    loggedOut.addEventListener('needed', needed);
    call<{ login: Login }>('/session').then(
      (answer) => setLogin(answer.login),
      () => setLogin('needed'),
    );
    return () => {
      removeEventListener('hashchange', moved);
      loggedOut.removeEventListener('needed', needed);
    };
  }, []);
  const isIn = login === 'none' || login === 'done';
  const first = usePolled<StatsDocument>(isIn ? '/v1/stats' : undefined, KIND_MS);
  if (login === 'needed') return <LoginForm entered={() => setLogin('done')} />;
  if (first.data === undefined && first.problem === undefined) return <main class="login" aria-busy="true" />;
  const isWorker = first.data?.lastMinute === null;
  const panels = PANELS.filter(({ onWorkers }) => onWorkers === true || !isWorker);
  const [path = '', query = ''] = place.replace(/^#\/?/, '').split('?', 2);
  const panel = panels.find(({ id }) => id === path) ?? (panels[0] as PanelRow);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        To the content
      </button>
      <header>
        <strong class="brand">Tidegate</strong>
        <Navigation at={panel.id} panels={panels} />
        <ThemeSwitch />
        {login === 'done' && (
          <button
            type="button"
            class="quiet"
            onClick={() => void call('/session', { method: 'DELETE' }).then(() => setLogin('needed'))}
          >
            Log out
          </button>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        <h1>{panel.name}</h1>
        <panel.view key={panel.id} query={new URLSearchParams(query)} isWorker={isWorker} />
      </main>
    </>
  );
}

function Navigation({ at, panels }: { readonly at: string; readonly panels: readonly PanelRow[] }) {
  const keyed = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const links = [...(event.currentTarget as HTMLElement).querySelectorAll('a')];
    const from = links.indexOf(document.activeElement as HTMLAnchorElement);
    links[(from + step + links.length) % links.length]?.focus();
  };
  return (
    <nav aria-label="Panels" onKeyDown={keyed}>
      {panels.map(({ id, name }) => (
        <a key={id} href={`#/${id}`} aria-current={id === at ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

function LoginForm({ entered }: { readonly entered: () => void }) {
  const [token, setToken] = useState('');
  const { isBusy, problem, run } = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    run(async () => {
      await call('/session', { method: 'POST', body: { token: token.trim() } });
      entered();
    });
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Tidegate</h1>
        <label for="token">Token of the admin API</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" disabled={isBusy}>
          Log in
        </button>
        <p class="problem" role="alert">
          {problem}
        </p>
        <p class="note">
          It is <code>admin.token</code> of the configuration, or <code>TIDEGATE_ADMIN_TOKEN</code>. The page keeps a
          cookie for 12 hours, not the token.
        </p>
      </form>
    </main>
  );
}

const THEME = 'tidegate-theme';

function isDark(): boolean {
  return (document.documentElement.dataset.theme ?? 'light') === 'dark';
}

function setTheme(theme: string): void {
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event('theme'));
}

function ThemeSwitch() {
  const [dark, setDark] = useState(isDark());
  const turn = () => {
    const theme = dark ? 'light' : 'dark';
    localStorage.setItem(THEME, theme);
    setTheme(theme);
    setDark(!dark);
  };
  return (
    <button type="button" class="quiet theme" onClick={turn} aria-label={dark ? 'Light colours' : 'Dark colours'}>
      {dark ? '☀' : '☾'}
    </button>
  );
}

setTheme(localStorage.getItem(THEME) ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
render(<App />, document.getElementById('app') as HTMLElement);
