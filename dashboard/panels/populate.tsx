import type { PopulateState } from '../../src/admin/contract.ts';
import { call } from '../api.ts';
import { countText, percentText, timeText } from '../format.ts';
import { useDoing, usePolled } from '../hooks.ts';
import { Bar, Card, Empty, Figure, Problem, Table } from '../parts.tsx';

interface ScheduleState {
  readonly name: string;
  readonly runs: number;
  readonly skipped: number;
  readonly running: boolean;
  readonly nextAt?: number;
}

type Shown = Omit<PopulateState, 'schedules'> & { readonly schedules: readonly ScheduleState[] };

const EACH_MS = 1_000;
const MOST_JOBS = 50;

export function Populate() {
  const { data, problem, again } = usePolled<Shown>('/populate', EACH_MS);
  const doing = useDoing();
  if (data === undefined) return <Problem text={problem} />;
  const { waiting, inFlight, queue, prediction, schedules, jobs } = data;
  const cancel = (job: string) =>
    doing.run(async () => {
      await call('/populate/cancel', { method: 'POST', body: { job } });
      again();
    });
  return (
    <>
      <Problem text={problem ?? doing.problem} />
      <div class="figures">
        <Figure
          name="Waiting"
          value={countText(waiting)}
          note={queue.map((one) => `${one.waiting} ${one.cause}`).join(', ')}
        />
        <Figure name="Under way" value={countText(inFlight)} />
        {prediction !== undefined && (
          <>
            <Figure
              name="Predicted fills"
              value={countText(prediction.predicted)}
              note={`${countText(prediction.open)} not known yet`}
            />
            <Figure
              name="Precision"
              value={percentText(prediction.precision)}
              note={`${countText(prediction.hits)} hits more`}
            />
          </>
        )}
      </div>
      <Card title="Jobs" note="the newest first">
        {jobs.length === 0 ? (
          <Empty>
            No job ran. <code>npx tidegate populate URL…</code> fills ahead of requests.
          </Empty>
        ) : (
          <Table
            label="Jobs"
            columns={[
              { name: 'Cause' },
              { name: 'Name' },
              { name: 'State' },
              { name: 'Done' },
              ...['Stored', 'Fresh', 'Refused', 'Failed'].map((name) => ({ name, isNumber: true })),
              { name: 'Cancel' },
            ]}
            rows={jobs
              .slice(0, MOST_JOBS)
              .map(({ id, cause, name, state, total, done, stored, fresh, refused, failed }) => [
                cause,
                name,
                state,
                <span key="done">
                  <Bar part={total === 0 ? 1 : done / total} label={`${name}: ${done} of ${total}`} /> {countText(done)}{' '}
                  of {countText(total)}
                </span>,
                ...[stored, fresh, refused, failed].map(countText),
                state === 'running' ? (
                  <button key="cancel" type="button" disabled={doing.isBusy} onClick={() => cancel(id)}>
                    Cancel
                  </button>
                ) : (
                  ''
                ),
              ])}
          />
        )}
      </Card>
      {schedules.length > 0 && (
        <Card title="Schedules">
          <Table
            label="Schedules"
            columns={[
              { name: 'Name' },
              { name: 'State' },
              { name: 'Next' },
              { name: 'Runs', isNumber: true },
              { name: 'Left out', isNumber: true },
            ]}
            rows={schedules.map(({ name, running, nextAt, runs, skipped }) => [
              name,
              running ? 'running' : 'waiting',
              nextAt === undefined ? '–' : timeText(nextAt),
              countText(runs),
              countText(skipped),
            ])}
          />
        </Card>
      )}
    </>
  );
}
