// Templates by text: analysed once, bounded, dropped with the catalogue.

import { expect, test } from 'vitest';
import { Templates } from '../../src/sql/analyse.ts';
import { parts } from './analyse-notation.ts';

test('a text is analysed once', () => {
  const templates = new Templates(parts);
  const first = templates.get('SELECT x FROM a');
  expect(templates.get('SELECT x FROM a')).toBe(first);
  expect(templates.size).toBe(1);
});

test('beyond the bound the one used longest ago goes', () => {
  const templates = new Templates(parts, { maxTemplates: 2 });
  const one = templates.get('SELECT 1');
  const two = templates.get('SELECT 2');
  templates.get('SELECT 1');
  templates.get('SELECT 3');
  expect(templates.size).toBe(2);
  expect(templates.get('SELECT 1')).toBe(one);
  expect(templates.get('SELECT 2')).not.toBe(two);
});

test('another catalogue, other templates', () => {
  const templates = new Templates(parts);
  expect(templates.get('SELECT x FROM a').kind).toBe('tracked');
  templates.replaceCatalogue({ source: 'empty', relation: () => null });
  expect(templates.size).toBe(0);
  expect(templates.get('SELECT x FROM a').kind).toBe('uncacheable');
});
