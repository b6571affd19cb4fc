// The files of deploy/: they are well formed, and what they name of the product exists.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';
import { validate } from 'dockerfile-utils';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { resolveConfig } from '../../src/node/config/config.ts';
import { exported } from './exported.ts';

const read = (name: string) => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: the test reads what it knows to be there
type Tree = Record<string, any>;

function yaml(name: string): [Tree, ...Tree[]] {
  return parseAllDocuments(read(name)).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  }) as unknown as [Tree, ...Tree[]];
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: { readonly summary: string };
  readonly labels?: { readonly severity: string };
}

const rules: readonly Rule[] = yaml('prometheus/tidegate.rules.yml')[0].groups.flatMap(
  (group: { rules: readonly Rule[] }) => group.rules,
);

/** Grafana's own variables in place of what they stand for. */
function board(): { readonly title: string; readonly expr: string }[] {
  const { panels } = JSON.parse(read('grafana/tidegate.json')) as {
    readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    })),
  );
}

interface Named {
  readonly metrics: Map<string, Set<string>>;
  readonly problems: string[];
}

/** Metrics with the labels by which they are selected or summed; and whether the expression is one. */
function namedIn(expr: string): Named {
  const metrics = new Map<string, Set<string>>();
  const problems: string[] = [];
  const labels: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expr.slice(from, to);
      if (type.isError) problems.push(`${expr} at ${from}`);
      if (type.name === 'VectorSelector') {
        const name = node.getChild('Identifier');
        const own = new Set<string>();
        if (name !== null) metrics.set(expr.slice(name.from, name.to), own);
      }
      if (type.name === 'LabelName') labels.push(text);
    },
  });
  for (const own of metrics.values()) for (const label of labels) own.add(label);
  return { metrics, problems };
}

/** Given by Prometheus itself to whatever it scrapes. */
const SCRAPED = ['instance', 'job'];

describe('alarms and boards', () => {
  test('name metrics and labels that a gate exports', { timeout: 60_000 }, async () => {
    const known = await exported();
    const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
    const wrong: string[] = [];
    for (const { expr } of [...rules, ...board()]) {
      const { metrics, problems } = namedIn(expr);
      wrong.push(...problems);
      for (const [name, labels] of metrics) {
        if (name === 'up' || recorded.has(name)) continue;
        const own = known.get(name);
        if (own === undefined) wrong.push(`${name}: no such metric`);
        for (const label of labels) {
          if (own !== undefined && !own.has(label) && !SCRAPED.includes(label))
            wrong.push(`${name}: no label ${label}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(board().length).toBeGreaterThan(20);
  });

  test('have a severity, a summary with labels that there are, and a section of the runbook each', () => {
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    const runbook = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const sections = [...runbook.matchAll(/^### (Tidegate\w+)$/gm)].map(([, name]) => name);
    expect(sections.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
    for (const { labels, annotations } of alerts) {
      expect(['page', 'ticket']).toContain(labels?.severity);
      expect(annotations?.summary).not.toBe('');
    }
  });

  test('a wrong name is found', () => {
    expect(namedIn('rate(tidegate_no_such_total{outcome="hit"}[5m])').metrics).toEqual(
      new Map([['tidegate_no_such_total', new Set(['outcome'])]]),
    );
    expect(namedIn('sum by (origin (rate(x[5m]))').problems).not.toEqual([]);
  });
});

describe('ways to run it', () => {
  test('the Dockerfile is in order, runs without root, and starts the program itself', () => {
    const text = read('Dockerfile');
    expect(validate(text).map(({ message, range }) => `${range.start.line}: ${message}`)).toEqual([]);
    expect(text).toMatch(/^USER node$/m);
    expect(text).toContain('CMD ["node_modules/.bin/tidegate", "serve"]');
  });

  test('Compose, Kubernetes and Fly have the same ports, paths and time to end', () => {
    const [compose] = yaml('compose.yaml');
    expect(compose.services.gate).toMatchObject({ ports: ['8080:8080'], stop_grace_period: '15s', read_only: true });
    expect(compose.services.gate.volumes).toEqual(['gate:/var/lib/tidegate']);
    const all = yaml('kubernetes/tidegate.yaml') as [Tree, Tree, Tree, Tree, Tree];
    expect(all.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      ...['apps/v1 StatefulSet', 'v1 ConfigMap', 'v1 Service', 'networking.k8s.io/v1 NetworkPolicy'],
      'policy/v1 PodDisruptionBudget',
    ]);
    const [container] = all[0].spec.template.spec.containers;
    const ports = new Set(container.ports.map(({ name }: { name: string }) => name));
    expect([
      container.readinessProbe.tcpSocket.port,
      container.livenessProbe.httpGet.port,
      all[2].spec.ports[0].targetPort,
    ]).toSatisfy((used: string[]) => used.every((port) => ports.has(port)));
    const volumes = [
      ...all[0].spec.template.spec.volumes,
      ...all[0].spec.volumeClaimTemplates.map((one: Tree) => one.metadata),
    ];
    for (const { name } of container.volumeMounts) expect(volumes.map((one) => one.name)).toContain(name);
    const fly = parseToml(read('fly.toml')) as Tree;
    expect(fly.http_service.internal_port).toBe(8080);
    expect(fly.mounts[0].destination).toBe('/var/lib/tidegate');
    expect(fly.build.dockerfile).toBe('Dockerfile');
  });

  test('their configurations are right', async () => {
    const { default: own } = await import(new URL('../../deploy/tidegate.config.mjs', import.meta.url).href);
    const config = resolveConfig(own, { env: {} });
    expect(config.disk?.path).toBe('/var/lib/tidegate');
    const [, { data }] = yaml('kubernetes/tidegate.yaml') as [Tree, Tree];
    const text = `data:text/javascript,${encodeURIComponent(data['tidegate.config.mjs'].replace('process.env.ORIGIN_URL', "'http://app:3000'"))}`;
    const { default: inCluster } = await import(text);
    expect(resolveConfig(inCluster, { env: { TIDEGATE_ADMIN_TOKEN: 'a-token-of-some-length' } }).admin.port).toBe(8081);
  });

  test('the unit of systemd is one, by systemd itself where it is there', () => {
    const text = read('systemd/tidegate.service');
    for (const [, name] of text.matchAll(/^\[(\w+)\]$/gm)) expect(['Unit', 'Service', 'Install']).toContain(name);
    expect(text.split('\n').filter((line) => !/^(?:$|#|\[\w+\]$|[A-Z][A-Za-z]+=)/.test(line))).toEqual([]);
    if (!existsSync('/usr/bin/systemd-analyze'))
      return console.log('left out: systemd-analyze verify, since systemd is not installed');
    const file = fileURLToPath(new URL('../../deploy/systemd/tidegate.service', import.meta.url));
    const found = execFileSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8', stdio: 'pipe' });
    expect(found).toBe('');
  });
});
