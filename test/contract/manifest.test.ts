import { describe } from 'vitest';
import { MemoryManifest } from '../kit/memory-manifest.ts';
import { manifestContract } from './manifest-contract.ts';

describe('contract of Manifest: in memory', () => {
  manifestContract(() => new MemoryManifest());
});
