// The kinds of value that Node's configuration alone holds. site/kinds.ts has the others.

import { isIP } from 'node:net';
import { Cron } from 'croner';
import { LOG_NAME, LOG_NAME_FORM, NODE_NAME, NODE_NAME_FORM } from '../../log/redis/terms.ts';
import { isIntegerIn, like, showSecret, value } from '../../options/sections.ts';

const MAX_WORKERS = 256;

export const workers = value<number | 'auto'>(
  `an integer from 1 to ${MAX_WORKERS}, or "auto"`,
  (given) => given === 'auto' || isIntegerIn(given, 1, MAX_WORKERS),
);

/** So many in a second on the average; less than one, too. */
export const perSecond = value<number>(
  'a number above 0, at most 1000',
  (given) => typeof given === 'number' && given > 0 && given <= 1_000,
);

/** For a part that may not be nothing. */
export const share = value<number>(
  'a number above 0, at most 1',
  (given) => typeof given === 'number' && given > 0 && given <= 1,
);

/** Names of databases: parts of tags. */
export const sourceName = like('a name (1 to 64 of a-z, 0-9, "-" and "_")', /^[a-z0-9_-]{1,64}$/);
/** A slot name that PostgreSQL accepts. */
export const slotName = like('the name of a replication slot (1 to 63 of a-z, 0-9 and "_")', /^[a-z0-9_]{1,63}$/);
/** A connection string of PostgreSQL; may hold a password. */
export const connection = value<string>(
  'a connection string such as "postgres://user@host:5432/database"',
  isConnection,
  showSecret,
);

function isConnection(given: unknown): given is string {
  if (typeof given !== 'string' || !/^postgres(?:ql)?:\/\//.test(given)) return false;
  // The query names a socket; the authority may then name no host.
  return URL.canParse(given) || URL.canParse(given.replace('@/', '@socket/'));
}

/** Where Redis or Valkey is; may hold a password. */
export const redisUrl = value<string>(
  'a URL such as "redis://host:6379" or "rediss://user@host:6379"',
  (given) => typeof given === 'string' && /^rediss?:\/\/./.test(given) && URL.canParse(given),
  showSecret,
);
export const logName = like(`a name (${LOG_NAME_FORM})`, LOG_NAME);
export const nodeName = like(`a name (${NODE_NAME_FORM})`, NODE_NAME);

/** A name that clients ask for in TLS (RFC 6066 §3), or a wildcard of one label (RFC 6125 §6.4.3). */
export const certificateHost = like('a host name or "*.host"', /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i);

/** What nobody guesses: as long as 16 random bytes in hexadecimal. */
export const sharedSecret = like(
  'a secret of 32 characters or more, without spaces',
  /^[\x21-\x7e]{32,1024}$/,
  showSecret,
);

/** A cron expression with an instant to come; one that names a day of no year has none. */
export const cronExpression = value<string>(
  'a cron expression (minute, hour, day of month, month, day of week; seconds may stand before them)',
  (given) => {
    try {
      return typeof given === 'string' && new Cron(given, { paused: true }).nextRun() !== null;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    }
  },
);

/** An IP address, or a network as address/bits. */
export const network = value<string>('an IP address or a network such as "10.0.0.0/8"', (given) => {
  if (typeof given !== 'string') return false;
  const [address = '', bits, ...rest] = given.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
});
