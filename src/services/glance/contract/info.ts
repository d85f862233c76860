// What clients ask about glance itself: the schemas of its nouns, stores, ways to import, usage.
import { authenticated, Closed, defineRoutes, Json, Type } from '#core/spec'

const Schema = Type.Object({ name: Type.String(), properties: Json })
const schemaOf = (noun: string) => ({
  method: 'GET', path: `/schemas/${noun}`, summary: `The JSON schema of ${noun}.`, policy: authenticated, reply: { 200: Schema }, faults: [],
}) as const

export const schemaRoutes = defineRoutes('glance', {
  showImageSchema: schemaOf('image'),
  showImagesSchema: schemaOf('images'),
  showMemberSchema: schemaOf('member'),
  showMembersSchema: schemaOf('members'),
})

const store = { id: Type.String(), description: Type.String(), default: Type.Optional(Type.Literal('true')) }

export const infoRoutes = defineRoutes('glance', {
  showImportInfo: {
    method: 'GET', path: '/info/import', summary: 'Which ways to import there are.', policy: authenticated,
    reply: { 200: Closed({ 'import-methods': Closed({ description: Type.String(), type: Type.Literal('array'), value: Type.Array(Type.String()) }) }) }, faults: [],
  },
  listStores: {
    method: 'GET', path: '/info/stores', summary: 'Which stores there are.', policy: authenticated,
    reply: { 200: Closed({ stores: Type.Array(Closed(store)) }) }, faults: [],
  },
  listStoreDetails: {
    method: 'GET', path: '/info/stores/detail', summary: 'The same with their properties, for administrators.', policy: 'stores_info_detail',
    reply: { 200: Closed({ stores: Type.Array(Closed({ ...store, type: Type.String(), weight: Type.Integer(), properties: Json })) }) }, faults: [403],
  },
  showUsage: {
    method: 'GET', path: '/info/usage', summary: 'What the project of the caller uses of its quota.', policy: authenticated,
    reply: { 200: Closed({ usage: Type.Record(Type.String(), Closed({ limit: Type.Integer(), usage: Type.Integer() })) }) }, faults: [],
  },
})
