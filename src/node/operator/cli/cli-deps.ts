// The command `deps`: the dependencies of an entry, and the entries that depend on a record or a table.
//
// It takes one of three questions, each in its own words; two at once are a wrong command line.

import type { Command } from 'commander';
import type { EntryDependencies } from '../../../admin/dependencies.ts';
import type { GroupedDependencies } from '../../../admin/deps-api.ts';
import { type AdminCommandIo, adminCommand, type CommonOptions, DEFAULT_IO, runAsked } from './cli-admin.ts';
import { clientUrl, fieldLine, recordName, several } from './cli-values.ts';
import { entryDepsText, groupsText } from './deps-text.ts';

interface DepsOptions extends CommonOptions {
  readonly table?: string;
  readonly record?: string;
  readonly source?: string;
  readonly header: readonly string[];
}

export function registerDepsCommand(program: Command, io: AdminCommandIo = {}): void {
  const ends = { ...DEFAULT_IO, ...io };
  adminCommand(program, ends, 'deps')
    .description('show what a URL, or whatever is stored, hangs on: records, conditions, tables')
    .argument('[url]', 'absolute URL as clients ask for it', clientUrl)
    .option('-t, --table <table>', 'URLs whose answers were read from the table')
    .option('-r, --record <table:key>', 'URLs whose answers show the record, e.g. users:7; prices:3,de', recordName)
    .option('-s, --source <name>', 'only of this source, as its tracker calls itself')
    .option('-H, --header <field>', '"Name: value" of the request for the URL; may be repeated', several(fieldLine), [])
    .action((url: string | undefined, options: DepsOptions, command: Command) => {
      const { table, record, source } = options;
      const given = Object.entries({ url, table, record }).filter((pair): pair is [string, string] => {
        return pair[1] !== undefined;
      });
      if (given.length !== 1) {
        const got = given.map(([name]) => (name === 'url' ? 'a URL' : `--${name}`)).join(' and ') || 'none';
        command.error(`error: expected one of a URL, --table and --record, got ${got}`);
      }
      if (url === undefined && options.header.length > 0)
        command.error('error: expected a URL with --header, got none');
      const headers = options.header.map((field) => ['header', field] as const);
      const only = source === undefined ? [] : [['source', source] as const];
      return runAsked<EntryDependencies | GroupedDependencies>(ends, options, {
        calls: (ask) => ask({ method: 'GET', path: '/deps', query: [...given, ...headers, ...only] }),
        text: (answer) => ('groups' in answer ? groupsText(answer) : entryDepsText(answer)),
      });
    });
}
