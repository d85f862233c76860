import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Identity } from '../context/request.ts'
import { PolicySyntaxError, commonChecks, compilePolicy, type CheckList, type Rule, type Target } from './index.ts'

const member: Identity = {
  userId: 'u1', userName: 'ann', userDomainId: 'default', userDomainName: 'Default', projectId: 'p1', projectName: 'demo',
  projectDomainId: 'default', projectDomainName: 'Default', roles: ['Member', 'reader'],
}
const { projectId: _projectId, projectName: _projectName, ...unscoped } = member
const admin: Identity = { ...member, userId: 'u0', roles: ['ADMIN', 'manager', 'member', 'reader'] }
const system: Identity = { ...unscoped, system: true }
const domain: Identity = { ...unscoped, domainId: 'd1' }
const service: Identity = { ...member, serviceRoles: ['service'] }

const rule = (name: string, check: string, more: Partial<Rule> = {}): Rule => ({ name, check, description: name, ...more })

const rules = [
  rule('context_is_admin', 'role:admin'),
  rule('owner', 'project_id:%(project_id)s'),
  rule('admin_or_owner', 'rule:context_is_admin or rule:owner'),
]

function ask(check: string | CheckList, identity: Identity, target: Target): boolean {
  return compilePolicy([...rules, rule('asked', '!')], { asked: check }).allows('asked', identity, target)
}

describe('a check', () => {
  const cases: readonly [check: string | CheckList, identity: Identity, target: Target, allowed: boolean][] = [
    ['', member, {}, true],
    ['@', member, {}, true],
    ['!', admin, {}, false],
    ['not !', member, {}, true],
    ['role:member', member, {}, true],
    ['role:MEMBER', member, {}, true],
    ['role:admin', member, {}, false],
    ['role:admin', admin, {}, true],
    ['role:%(wanted)s', member, { wanted: 'Reader' }, true],
    ['role:%(wanted)s', member, {}, false],
    ['rule:admin_or_owner', member, { project_id: 'p1' }, true],
    ['rule:admin_or_owner', member, { project_id: 'p2' }, false],
    ['rule:admin_or_owner', admin, { project_id: 'p2' }, true],
    ['user_id:%(user_id)s', member, { user_id: 'u1' }, true],
    ['user_id:%(user_id)s', member, { user_id: 'u2' }, false],
    ['user_id:%(user_id)s', member, {}, false],
    ['user_id:%(user_id)s', member, { user_id: null }, false],
    ['project_id:%(target.project.id)s', member, { target: { project: { id: 'p1' } } }, true],
    ['project_id:%(target.project.id)s', member, { 'target.project.id': 'p1' }, true],
    ['project_id:%(target.project.id)s', member, { target: { project: null } }, false],
    ['project_id:%(project_id)s', system, { project_id: null }, false],
    ['project_id:%(project_id)s', system, {}, false],
    ['tenant:%(tenant_id)s', member, { tenant_id: 'p1' }, true],
    ['tenant_id:%(tenant_id)s', member, { project_id: 'p1' }, true],
    ['project_id:%(project_id)s', member, { tenant_id: 'p1' }, true],
    ['tenant_id:%(network:tenant_id)s', member, { 'network:tenant_id': 'p1' }, true],
    ["'public':%(visibility)s", member, { visibility: 'public' }, true],
    ["'public':%(visibility)s", member, { visibility: 'private' }, false],
    ['"public":%(visibility)s', member, { visibility: 'public' }, true],
    ['True:%(enabled)s', member, { enabled: true }, true],
    ['False:%(enabled)s', member, { enabled: true }, false],
    ['None:%(target.role.domain_id)s', member, { target: { role: { domain_id: null } } }, true],
    ['7:%(size)s', member, { size: 7 }, true],
    ['is_admin:True', admin, {}, true],
    ['is_admin:True', member, {}, false],
    ['is_admin:False', member, {}, true],
    ['is_admin_project:True', member, {}, true],
    ['system_scope:all', system, {}, true],
    ['system_scope:all', admin, {}, false],
    ['domain_id:%(target.domain.id)s', domain, { target: { domain: { id: 'd1' } } }, true],
    ['domain_id:%(target.domain.id)s', member, { target: { domain: { id: 'd1' } } }, false],
    ['roles:Member', member, {}, true],
    ['service_roles:service', service, {}, true],
    ['service_roles:service', member, {}, false],
    ['user_name:%(first)s%(second)s', member, { first: 'an', second: 'n' }, true],
    ['field:networks:shared=True', member, { shared: true }, true],
    ['field:networks:router:external=True', member, { 'router:external': false }, false],
    ['field:port:device_owner=~^network:', member, { device_owner: 'network:dhcp' }, true],
    ['field:port:device_owner=~^network:', member, { device_owner: 'compute:nova' }, false],
    ['! and ! or @', member, {}, true],
    ['@ or ! and !', member, {}, true],
    ['(@ or !) and !', member, {}, false],
    ['not ! and !', member, {}, false],
    ['not (! and !)', member, {}, true],
    ['NOT role:admin AND ( role:member Or ! )', member, {}, true],
    ['((role:admin) or (role:member and project_id:%(project_id)s))', member, { project_id: 'p1' }, true],
    [commonChecks.projectReaderOrAdmin, member, { project_id: 'p1' }, true],
    [commonChecks.projectReaderOrAdmin, admin, { project_id: 'p9' }, true],
    [commonChecks.projectManagerOrAdmin, member, { project_id: 'p1' }, false],
    [[], member, {}, true],
    [[[]], member, {}, false],
    [['role:admin', 'role:member'], member, {}, true],
    [[['role:admin', 'role:member'], ['!']], member, {}, false],
  ]
  for (const [check, identity, target, allowed] of cases) {
    test(`${JSON.stringify(check)} ${allowed ? 'allows' : 'refuses'} ${identity.roles.join('+')} on ${JSON.stringify(target)}`, () => {
      assert.equal(ask(check, identity, target), allowed)
    })
  }
})

test('what cannot be understood is refused with the rule and the position', () => {
  const cases: readonly [check: string, message: RegExp][] = [
    ['role:admin or', /rule asked is wrong at character 14: it ends/],
    ['role:admin role:member', /character 12: “role:member” where/],
    ['(role:admin', /character 12: the bracket of character 1 is not closed/],
    ['role:admin)', /character 11: “\)” where/],
    ['or role:admin', /character 1: “or”/],
    [' ', /character 2: it ends/],
    ['admin', /character 1: “admin” is no check/],
    ['role:', /is no check/],
    ['not  color:blue', /character 6: nothing is known of a caller under the name “color”/],
    ['constructor:x', /nothing is known/],
    ['rule:nothing', /there is no rule nothing/],
    ['user_id:%(user_id)x', /percent sign/],
    ['field:port:device_owner=~[', /field check/],
    ['http://host/%(user_id)s', /ask another server/],
    ['field:shared', /field check/],
  ]
  for (const [check, message] of cases) {
    assert.throws(() => ask(check, member, {}), (error) => error instanceof PolicySyntaxError && message.test(error.message), check)
  }
})

test('rules that refer to themselves are refused, and a name that no rule has is a mistake', () => {
  assert.throws(() => compilePolicy([rule('a', 'rule:b'), rule('b', '@ or rule:c'), rule('c', 'not rule:a')]), /c is wrong at character 5: .*a → b → c → a/)
  assert.throws(() => compilePolicy([rule('a', '@')], { x: 'rule:x' }), /x → x/)
  assert.throws(() => compilePolicy([rule('a', '@'), rule('a', '!')]), /twice: a/)
  assert.throws(() => compilePolicy(rules).allows('nothing', member, {}), /No policy rule/)
})

test('an override replaces a check, may name new rules, and is shown', () => {
  const policy = compilePolicy(rules, { owner: 'rule:friends', friends: [['user_id:u1']] })
  assert.equal(policy.allows('admin_or_owner', member, {}), true)
  assert.deepEqual(policy.rules.map((one) => one.check), ['role:admin', 'rule:friends', 'rule:context_is_admin or rule:owner'])
})

test('a rule with scopes refuses tokens of another scope', () => {
  const policy = compilePolicy([rule('p', '@', { scopes: ['project'] }), rule('s', '@', { scopes: ['system', 'domain'] })])
  assert.deepEqual([member, system, domain, unscoped].map((who) => policy.allows('p', who, {})), [true, false, false, true])
  assert.deepEqual([member, system, domain].map((who) => policy.allows('s', who, {})), [false, true, true])
})

test('any combination is decided as the same combination of truths', () => {
  type Sentence = { readonly text: string; readonly truth: boolean }
  const { sentence } = fc.letrec<{ sentence: Sentence }>((tie) => ({
    sentence: fc.oneof({ maxDepth: 5 },
      fc.constantFrom<Sentence>({ text: '@', truth: true }, { text: '!', truth: false }, { text: 'role:member', truth: true }, { text: 'user_id:%(no)s', truth: false }),
      tie('sentence').map((inner) => ({ text: `not (${inner.text})`, truth: !inner.truth })),
      fc.tuple(tie('sentence'), tie('sentence')).map(([a, b]) => ({ text: `(${a.text}) and (${b.text})`, truth: a.truth && b.truth })),
      fc.tuple(tie('sentence'), tie('sentence')).map(([a, b]) => ({ text: `( ${a.text}) or (${b.text} )`, truth: a.truth || b.truth })),
    ),
  }))
  fc.assert(fc.property(sentence, ({ text, truth }) => ask(text, member, {}) === truth), { numRuns: 300 })
})

test('no text makes the parser fail in another way, or take long', () => {
  const word = fc.constantFrom('(', ')', ' ', 'and', 'or', 'not', '@', '!', 'role:a', '%(x)s', "'a':", ':', '%')
  fc.assert(fc.property(fc.array(word, { maxLength: 30 }), (words) => {
    try {
      ask(words.join(''), member, {})
    } catch (error) {
      assert.ok(error instanceof PolicySyntaxError, String(error))
    }
  }), { numRuns: 500 })
})
