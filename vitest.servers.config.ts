import { defineConfig, mergeConfig } from 'vitest/config'
import config from './vitest.config.ts'

/** The tests from outside once more, with JetStream, MongoDB and Redis under the servers they start. */
export default mergeConfig(
  config,
  defineConfig({ test: { setupFiles: ['test/support/on-servers.ts'], testTimeout: 180_000, hookTimeout: 120_000 } }),
)
