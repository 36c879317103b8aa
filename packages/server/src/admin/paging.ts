// Pages of a list (management §2.2): what `first`, `after`, `last` and `before` ask for, and which flags are true.
// Flags are exact: a client that follows them sees every item once and never asks for an empty page.
import { Refusal } from '../refusal.ts'

export type PageArgs = {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

/** A number, or how to find it out when somebody asks. */
type Lazy<T> = T | (() => T | Promise<T>)

export type Edge<T> = { cursor: string; node: T }
export type Page<T> = {
  edges: Edge<T>[]
  hasNextPage: Lazy<boolean>
  hasPreviousPage: Lazy<boolean>
  totalCount: Lazy<number>
}

export const mostPerPage = 100

/** A page read from its start or from its end; `last` of a page that was read from its start are kept. */
export type Window = { from: 'start' | 'end'; size: number; last: number | undefined }

/**
 * The window that is asked for: 100 items unless told, and never more.
 * @throws Refusal `InvalidQuery` for a negative size.
 */
export function windowOf({ first, last }: PageArgs): Window {
  for (const size of [first, last])
    if (size !== null && size !== undefined && size < 0)
      throw new Refusal({ name: 'BadRequest', reason: 'InvalidQuery', message: 'first and last cannot be negative' })
  if (first == null && last != null) return { from: 'end', size: Math.min(last, mostPerPage), last: undefined }
  return { from: 'start', size: Math.min(first ?? mostPerPage, mostPerPage), last: last ?? undefined }
}

export function invalidCursor(): Refusal {
  return new Refusal({ name: 'Invalid', reason: 'InvalidCursor', message: 'not a cursor of this list' })
}

/** A list that is in memory as a whole: the page asked for. @throws Refusal `InvalidCursor`, `InvalidQuery`. */
export function pageOfList<T>(list: readonly T[], args: PageArgs): Page<T> {
  const { from, size, last } = windowOf(args)
  const low = args.after == null ? 0 : Math.min(readCursor(args.after) + 1, list.length)
  const high = args.before == null ? list.length : Math.min(readCursor(args.before), list.length)
  let start = from === 'start' ? low : Math.max(low, high - size)
  const end = from === 'start' ? Math.min(high, low + size) : high
  if (last !== undefined) start = Math.max(start, end - last)
  return {
    edges: list.slice(start, Math.max(start, end)).map((node, index) => ({ cursor: cursorOf(start + index), node })),
    hasNextPage: Math.max(start, end) < list.length,
    hasPreviousPage: start > 0,
    totalCount: list.length,
  }
}

/** A list that is read by positions in its order. */
type Positioned<Row, T, Position> = {
  after: Position | undefined
  before: Position | undefined
  /** Rows between the two positions, in the list's order: the first ones, or the last. */
  read(from: Window['from'], limit: number): Promise<Row[]>
  edge(row: Row): Edge<T>
  /** Whether there is any row at the position or beyond it. */
  anyBeside(position: Position, side: 'after' | 'before'): Promise<boolean>
  count(): Promise<number>
}

/** A list of which only the page is read, with one more row that tells whether there is more. @throws Refusal `InvalidQuery`. */
export async function pageByPosition<Row, T, Position>(
  args: PageArgs,
  { after, before, read, edge, anyBeside, count }: Positioned<Row, T, Position>,
): Promise<Page<T>> {
  const { from, size, last } = windowOf(args)
  const found = await read(from, size + 1)
  const more = found.length > size
  const rows = from === 'start' ? found.slice(0, size) : found.slice(more ? 1 : 0)
  const kept = last === undefined ? rows : rows.slice(Math.max(0, rows.length - last))
  const moreAfter = from === 'start' && more
  const moreBefore = (from === 'end' && more) || kept.length < rows.length
  return {
    edges: kept.map(edge),
    hasNextPage: () => moreAfter || (before !== undefined && anyBeside(before, 'after')),
    hasPreviousPage: () => moreBefore || (after !== undefined && anyBeside(after, 'before')),
    totalCount: count,
  }
}

const cursorName = 'arrayconnection:'

function cursorOf(index: number): string {
  return Buffer.from(`${cursorName}${index}`).toString('base64')
}

function readCursor(text: string): number {
  const decoded = Buffer.from(text, 'base64').toString()
  const digits = decoded.startsWith(cursorName) ? decoded.slice(cursorName.length) : ''
  if (!/^\d{1,9}$/.test(digits)) throw invalidCursor()
  return Number(digits)
}
