/** Says at the end of a run which tests were skipped for want of something, and how to run them. */
export function teardown(): void {
  if (process.env.ROLLCALL_TEST_LOGS) return
  console.log('\nSkipped: the replays of real weeks. ROLLCALL_TEST_LOGS=<folder with access logs> npm test runs them.')
}
