// A way to a server of PostgreSQL that does what poolers do to its clients: it tells them another identity than that of
// the connection that serves them. Made honest, it counts round trips.

import { connect, createServer, type Socket } from 'node:net';

export interface Pooler {
  readonly url: string;
  /** It tells the connection's own identity. */
  isHonest: boolean;
  /** Times that a client has sent something after the server had. */
  readonly roundTrips: number;
  close(): Promise<void>;
}

/** `BackendKeyData`: a letter, the length 12, and the two numbers. */
const KEY = Buffer.from([0x4b, 0, 0, 0, 12]);

export async function poolerTo(url: string): Promise<Pooler> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const pooler = { url: '', isHonest: false, roundTrips: 0, close: (): Promise<void> => Promise.resolve() };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isClients = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, upstream].map((one) => one.destroy()));
    }
    client.on('data', (bytes: Buffer) => {
      if (!isClients) pooler.roundTrips++;
      isClients = true;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => {
      const at = bytes.indexOf(KEY);
      if (!pooler.isHonest && at >= 0) bytes.writeUInt32BE(4711, at + KEY.length);
      // As over a network: what is sent in one go is sent before the answer to its first part has come.
      setTimeout(() => {
        isClients = false;
        client.write(bytes);
      }, 5);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const own = new URL(url);
  own.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  pooler.url = own.href;
  pooler.close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return pooler;
}
