// How much one request may ask for, decided on the parsed document before anything runs. The reference limits mutations
// only; nested lists without a bound would let one request hold a node for minutes.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql'
import { Refusal } from '../refusal.ts'
import { mostPerPage } from './paging.ts'

export const limits = {
  /** Words and signs of the document. */
  tokens: 5000,
  /** Brackets of any kind within each other, values and types included. */
  brackets: 64,
  /** Mutation fields at the top (management §2.1). */
  mutations: 5,
  /** Levels of nesting; the usual introspection query has fifteen. */
  depth: 20,
  /** Fields that would be answered if every list were as long as asked or as is usual. */
  cost: 100_000,
}

/** Items expected of a list whose length depends on a user: identities, sessions. */
const usualList = 10

const opening: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/**
 * For a document that is not parsed yet: the parser goes down one call for each bracket, until there is no more room.
 * @throws Refusal `BadRequest`; GraphQLError for what is no word of the language.
 */
export function assertParsable(source: string): void {
  const lexer = new Lexer(new Source(source))
  let depth = 0
  for (let words = 0; words <= limits.tokens; words++) {
    const { kind } = lexer.advance()
    if (kind === TokenKind.EOF) return
    if (opening.has(kind)) depth += 1
    else if (closing.has(kind)) depth -= 1
    if (depth > limits.brackets) throw tooMuch(`brackets stand at most ${limits.brackets} deep within each other`)
  }
}

type Sum = { cost: number; depth: number }

/**
 * @param variables as sent, not yet checked.
 * @throws Refusal `BadRequest` naming the limit that the operation exceeds.
 */
export function assertWithinLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): void {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)

  const root = schema.getRootType(operation.operation) ?? undefined
  if (operation.operation === 'mutation') {
    const counted = countFields(operation.selectionSet, fragments)
    if (counted > limits.mutations)
      throw tooMuch(`at most ${limits.mutations} mutations in one request, not ${counted}`)
  }
  const known = new Map<string, Sum>()

  // Fragments are summed once: nested in each other, walking them anew would double at every level.
  function sumSelection(set: SelectionSetNode, parent: GraphQLNamedType | undefined, atRoot: boolean): Sum {
    const sum: Sum = { cost: 0, depth: 0 }
    for (const selection of set.selections) {
      let part: Sum
      if (selection.kind === Kind.FIELD) part = sumField(selection, parent, atRoot)
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        part = sumSelection(selection.selectionSet, typeNamed(selection.typeCondition?.name.value) ?? parent, atRoot)
      else {
        const name = selection.name.value
        const fragment = fragments.get(name)
        const key = `${name} ${atRoot}`
        part =
          known.get(key) ??
          (fragment === undefined
            ? { cost: 0, depth: 0 }
            : sumSelection(fragment.selectionSet, typeNamed(fragment.typeCondition.name.value), atRoot))
        known.set(key, part)
      }
      sum.cost += part.cost
      sum.depth = Math.max(sum.depth, part.depth)
    }
    return sum
  }

  function sumField(node: FieldNode, parent: GraphQLNamedType | undefined, atRoot: boolean): Sum {
    if (node.selectionSet === undefined) return { cost: 1, depth: 1 }
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined
    const type = field && getNamedType(field.type)
    const inner = sumSelection(node.selectionSet, type, false)
    // What introspection can list is the schema, and a rule of its own bounds how often.
    const times = type?.name.startsWith('__') ? 1 : lengthOf(node, field, parent, atRoot, variables)
    return { cost: 1 + times * inner.cost, depth: 1 + inner.depth }
  }

  const typeNamed = (name: string | undefined) => (name === undefined ? undefined : schema.getType(name))

  const { cost, depth } = sumSelection(operation.selectionSet, root, true)
  if (depth > limits.depth) throw tooMuch(`at most ${limits.depth} levels deep, not ${depth}`)
  if (cost > limits.cost) throw tooMuch(`the request would answer about ${cost} fields; the limit is ${limits.cost}`)
}

/** How many items a field is expected to give. A connection's own `edges` are counted where the connection is. */
function lengthOf(
  node: FieldNode,
  field: GraphQLField<unknown, unknown> | undefined,
  parent: GraphQLNamedType | undefined,
  atRoot: boolean,
  variables: Record<string, unknown>,
): number {
  if (field === undefined || parent?.name.endsWith('Connection')) return 1
  const argument = (name: string): unknown => {
    const value = node.arguments?.find((given) => given.name.value === name)?.value
    if (value?.kind === Kind.VARIABLE) return variables[value.name.value]
    if (value?.kind === Kind.INT) return Number(value.value)
    if (value?.kind === Kind.LIST) return value.values
    return undefined
  }
  if (getNamedType(field.type).name.endsWith('Connection')) {
    const asked = argument('first') ?? argument('last')
    const size = typeof asked === 'number' && asked >= 0 ? Math.min(asked, mostPerPage) : mostPerPage
    return atRoot ? size : Math.min(size, usualList)
  }
  if (!isListType(getNullableType(field.type))) return 1
  const ids = argument('ids')
  return Array.isArray(ids) ? ids.length : usualList
}

/** Top-level fields, through fragments; a fragment used twice counts twice. Cycles were refused by validation. */
function countFields(set: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): number {
  let count = 0
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) count += 1
    else if (selection.kind === Kind.INLINE_FRAGMENT) count += countFields(selection.selectionSet, fragments)
    else {
      const fragment = fragments.get(selection.name.value)
      if (fragment !== undefined) count += countFields(fragment.selectionSet, fragments)
    }
    if (count > limits.mutations) return count
  }
  return count
}

function tooMuch(message: string): Refusal {
  return new Refusal({ name: 'BadRequest', reason: 'BadRequest', message })
}
