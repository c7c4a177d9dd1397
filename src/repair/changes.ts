/** Which settings differ from those the log was made with, as a sentence; '' if none does. */
export const changesOf = (recorded: Record<string, unknown>, configured: Record<string, string | number>): string =>
  Object.entries(configured)
    .filter(([name, value]) => recorded[name] !== value)
    .map(([name, value]) => `${name} was ${recorded[name]}, is ${value}`)
    .join('; ')
