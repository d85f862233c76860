// A public key that a user may put into servers.

export type KeypairType = 'ssh' | 'x509'

export interface Keypair {
  readonly rowId: number
  readonly name: string
  readonly userId: string
  readonly type: KeypairType
  readonly fingerprint: string
  readonly publicKey: string
  readonly createdAt: string
}
