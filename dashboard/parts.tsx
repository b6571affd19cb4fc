// What panels are made of.

import type { ComponentChildren } from 'preact';

export function Card({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>
        {title}
        {note !== undefined && <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

/** A figure that is to be seen first. `tone`: how it is to be taken. */
export function Figure({
  name,
  value,
  note,
  tone,
}: {
  readonly name: string;
  readonly value: string;
  readonly note?: string | undefined;
  readonly tone?: 'good' | 'bad' | undefined;
}) {
  return (
    <div class={`figure ${tone ?? ''}`}>
      <span class="name">{name}</span>
      <span class="value">{value}</span>
      <span class="under">{note ?? ' '}</span>
    </div>
  );
}

export function Problem({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

type Cell = ComponentChildren;

export interface Column {
  readonly name: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Makes it a button that orders by this column. */
  readonly order?: () => void;
  readonly isOrdered?: boolean;
}

/** `label`: what it is a table of, for who cannot see it. */
export function Table({
  label,
  columns,
  rows,
}: {
  label: string;
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, order, isOrdered }) => (
              <th
                key={name}
                scope="col"
                class={isNumber ? 'number' : ''}
                aria-sort={isOrdered ? 'descending' : undefined}
              >
                {order === undefined ? (
                  name
                ) : (
                  <button type="button" class="order" onClick={order}>
                    {name}
                    {isOrdered ? ' ↓' : ''}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, at) => (
            <tr key={at}>
              {cells.map((cell, column) => (
                <td key={columns[column]?.name} class={columns[column]?.isNumber ? 'number' : ''}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** How much of something is taken. */
export function Bar({ part, label }: { readonly part: number; readonly label: string }) {
  return <meter class="bar" min={0} max={1} value={Math.min(1, Math.max(0, part))} aria-label={label} />;
}

export function UrlLink({ url }: { readonly url: string }) {
  return (
    <a class="url" href={`#/entries?url=${encodeURIComponent(url)}`} title={url}>
      {url.replace(/^https?:\/\//, '')}
    </a>
  );
}
