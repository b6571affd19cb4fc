import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call, Refused, told } from './api.ts';

export interface Polled<Answer> {
  readonly data: Answer | undefined;
  /** Of the last call; `data` is then that of the one before. */
  readonly problem: string | undefined;
  readonly again: () => void;
}

/** Told when a call is refused for want of a login. */
export const loggedOut = new EventTarget();

/** Calls again and again while the page is looked at. Undefined: nothing is called. */
export function usePolled<Answer>(path: string | undefined, everyMs: number): Polled<Answer> {
  const [state, setState] = useState<Pick<Polled<Answer>, 'data' | 'problem'>>({ data: undefined, problem: undefined });
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    if (path === undefined) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      if (!document.hidden) {
        try {
          const data = await call<Answer>(path);
          if (!isOver) setState({ data, problem: undefined });
        } catch (error) {
          if (error instanceof Refused && error.status === 401) loggedOut.dispatchEvent(new Event('needed'));
          if (!isOver) setState(({ data }) => ({ data, problem: told(error) }));
        }
      }
      if (!isOver) timer = setTimeout(look, everyMs);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);
  return { ...state, again };
}

export interface Doing {
  readonly isBusy: boolean;
  readonly problem: string | undefined;
  /** One at a time. */
  readonly run: (work: () => Promise<void>) => void;
}

export function useDoing(): Doing {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const busy = useRef(false);
  const run = useCallback((work: () => Promise<void>) => {
    if (busy.current) return;
    busy.current = true;
    setBusy(true);
    setProblem(undefined);
    work()
      .catch((error: unknown) => setProblem(told(error)))
      .finally(() => {
        busy.current = false;
        setBusy(false);
      });
  }, []);
  return { isBusy, problem, run };
}
