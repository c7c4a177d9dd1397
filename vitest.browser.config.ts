import { defineConfig } from 'vitest/config'

/** The tests in a real browser. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.page.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
