// The package's main entry: what a configuration file and a program that talks about entries need. Loads no platform.

export type { Selector } from './dependency/selector.ts';
export { ERROR_CODES, type ErrorCode, TidegateError } from './errors.ts';
export { defineConfig, type TidegateConfig } from './node/config/config-types.ts';
