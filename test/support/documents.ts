import { COLLECTIONS, type Collection, type Document, type DocumentStore } from '../../src/documents/index.ts'

/** Every document, by its collection and its id. */
export async function allDocuments(store: DocumentStore): Promise<Map<string, Document>> {
  const found: [string, Document][] = []
  for (const collection of Object.keys(COLLECTIONS) as Collection[]) {
    const documents = await store.find(collection, {})
    found.push(...documents.map((document): [string, Document] => [`${collection} ${document._id}`, document]))
  }
  return new Map(found)
}

export const idsOf = (documents: Document[]): string[] => documents.map(({ _id }) => _id).sort()
