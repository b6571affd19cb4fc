// The gate of the files in this folder. ORIGIN_URL says where the application is.
export default {
  listen: { host: '0.0.0.0', port: 8080 },
  origins: { app: { url: process.env.ORIGIN_URL ?? 'http://127.0.0.1:3000' } },
  memory: { maxBytes: 256 * 1024 ** 2 },
  disk: { path: process.env.TIDEGATE_DISK ?? '/var/lib/tidegate', maxBytes: 8 * 1024 ** 3 },
  prober: { share: 0.01 },
};
