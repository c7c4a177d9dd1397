interface Skipped {
  what: string
  /** variables without which it is skipped */
  wants: string[]
}

const ALL: Skipped[] = [
  { what: 'the replays of real weeks', wants: ['ROLLCALL_TEST_LOGS (a folder with access logs)'] },
  { what: 'channels through Pusher itself', wants: ['PUSHER_APP_ID', 'PUSHER_KEY', 'PUSHER_SECRET', 'PUSHER_CLUSTER'] },
  {
    what: 'push through Firebase itself',
    wants: ['FIREBASE_PROJECT_ID', 'FIREBASE_CLIENT_EMAIL', 'FIREBASE_PRIVATE_KEY', 'FIREBASE_TEST_REGISTRATION'],
  },
]

/** Says at the end of a run which tests were skipped for want of something, and how to run them. */
export function teardown(): void {
  for (const { what, wants } of ALL) {
    if (wants.every(name => process.env[name.split(' ')[0]!])) continue
    console.log(`\nSkipped: ${what}. With ${wants.join(', ')} in the environment npm test runs them.`)
  }
}
