import { joinedWork, type Work } from '../observe/work.ts'
import type { Bridge } from './index.ts'

/** The long work under way in this process and in the partitions, wherever these are. */
export const underWay = ({ works, directory }: Pick<Bridge, 'works' | 'directory'>): Work[] =>
  joinedWork([...works.list, ...directory.states.flatMap(({ work }) => work ?? [])])
