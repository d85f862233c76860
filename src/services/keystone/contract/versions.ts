// Keystone has no microversions: one version, named in its discovery documents.

export const identityVersion = { id: 'v3.14', status: 'stable', updated: '2020-04-07T00:00:00Z' } as const
