// Makes a PostgreSQL of PGlite and writes its data folder, as nobody has used it yet, to the file that is named.

import { rename, writeFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';

const [, , path] = process.argv;
if (path === undefined) throw new Error('expected the path of a file to write, got none');
const client = await PGlite.create();
const dump = await client.dumpDataDir('none');
await client.close();
// Whole or not there.
await writeFile(`${path}.part`, Buffer.from(await dump.arrayBuffer()));
await rename(`${path}.part`, path);
