// Rules of security groups as nftables sees them, for packets and for the replies to them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityGroupRuleSpec } from '../interface.ts'
import { compileAddressSet, compileSecurityGroup, ruleMatch } from './security-groups.ts'

const groupId = '11111111-1111-4111-8111-111111111111'
const rule = (changes: Partial<SecurityGroupRuleSpec>): SecurityGroupRuleSpec => ({
  id: 'r', direction: 'ingress', etherType: 'IPv4', protocol: null, portRangeMin: null, portRangeMax: null, remoteIpPrefix: null, remoteAddressSetId: null, ...changes,
})

test('a rule becomes a match of the packet, and one of its reply with the ends changed over', () => {
  const cases: [Partial<SecurityGroupRuleSpec>, string, string][] = [
    [{}, 'meta nfproto ipv4', 'meta nfproto ipv4'],
    [{ remoteIpPrefix: '0.0.0.0/0' }, 'meta nfproto ipv4', 'meta nfproto ipv4'],
    [{ protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 }, 'meta nfproto ipv4 meta l4proto 6 tcp dport 22', 'meta nfproto ipv4 meta l4proto 6 tcp sport 22'],
    [{ protocol: '17', portRangeMin: 1, portRangeMax: 9, remoteIpPrefix: '10.0.0.0/8' },
      'meta nfproto ipv4 ip saddr 10.0.0.0/8 meta l4proto 17 udp dport 1-9', 'meta nfproto ipv4 ip daddr 10.0.0.0/8 meta l4proto 17 udp sport 1-9'],
    [{ direction: 'egress', remoteAddressSetId: groupId }, `meta nfproto ipv4 ip daddr @m4-${groupId}`, `meta nfproto ipv4 ip saddr @m4-${groupId}`],
    [{ protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 }, 'meta nfproto ipv4 meta l4proto 1 icmp type 8 icmp code 0', 'meta nfproto ipv4 meta l4proto 1'],
    [{ etherType: 'IPv6', protocol: 'icmp', portRangeMin: 128 }, 'meta nfproto ipv6 meta l4proto 58 icmpv6 type 128', 'meta nfproto ipv6 meta l4proto 58'],
    [{ etherType: 'IPv6', remoteIpPrefix: 'FD00::/8' }, 'meta nfproto ipv6 ip6 saddr fd00::/8', 'meta nfproto ipv6 ip6 daddr fd00::/8'],
    [{ protocol: 'ip' }, 'meta nfproto ipv4', 'meta nfproto ipv4'],
    [{ protocol: 'hopopt', etherType: 'IPv6' }, 'meta nfproto ipv6', 'meta nfproto ipv6'],
    [{ protocol: 'vrrp' }, 'meta nfproto ipv4 meta l4proto 112', 'meta nfproto ipv4 meta l4proto 112'],
  ]
  for (const [changes, forward, reply] of cases) {
    assert.deepEqual([ruleMatch(rule(changes), 'forward'), ruleMatch(rule(changes), 'reply')], [forward, reply])
  }
})

test('a rule that cannot be understood is left out and reported, the others stay', () => {
  const bad: Partial<SecurityGroupRuleSpec>[] = [
    { remoteIpPrefix: '10.0.0.0/33' }, { remoteIpPrefix: 'fd00::/8' }, { remoteIpPrefix: '10.0.0.1; accept' }, { remoteIpPrefix: '10.0.0.1\naccept' },
    { protocol: 'nonsense' }, { protocol: '256' }, { protocol: 'toString' }, { portRangeMin: 1, portRangeMax: 2 },
    { protocol: 'gre', portRangeMin: 1 }, { protocol: 'tcp', portRangeMin: 9, portRangeMax: 1 }, { protocol: 'tcp', portRangeMin: 70000 },
    { protocol: 'icmp', portRangeMax: 1 }, { protocol: 'icmp', portRangeMin: 256 }, { etherType: 'IPX' as never }, { remoteAddressSetId: 'x }' },
  ]
  const good = { protocol: 'tcp', portRangeMin: 80, portRangeMax: 80 }
  const { commands, problems } = compileSecurityGroup({ id: groupId, stateful: true, rules: [...bad, good].map((changes, index) => rule({ ...changes, id: `r${index}` })) })
  assert.deepEqual(problems.map(({ subject }) => subject), bad.map((_, index) => `r${index}`))
  assert.match(commands, /add rule inet nimbo i-\S+ meta nfproto ipv4 meta l4proto 6 tcp dport 80 accept/)
  assert.equal(/nonsense|; accept|70000/.test(commands), false)
})

test('a stateless group asks nothing of connection tracking and passes no replies', () => {
  const { commands } = compileSecurityGroup({ id: groupId, stateful: false, rules: [rule({})] })
  assert.equal(/ct |rule inet nimbo (ir|er)-/.test(commands), false)
})

test('the members of a set are sorted by version, each once', () => {
  const { commands, problems } = compileAddressSet({ id: groupId, addresses: ['10.0.0.1', '10.0.0.1', 'fd00::1', '10.1.0.0/16', 'x', '1.2.3.4/'] })
  assert.deepEqual(commands.split('\n').filter((line) => line.startsWith('add element')), [
    `add element inet nimbo m4-${groupId} { 10.0.0.1, 10.1.0.0/16 }`, `add element inet nimbo m6-${groupId} { fd00::1 }`,
  ])
  assert.deepEqual(problems.map(({ subject }) => subject), ['x', '1.2.3.4/'])
})
