// The checks that most rules of most services use. Roles imply one another: admin > manager > member > reader, and a
// token's roles include what they imply; so a check names the lowest role that may.

const ofProject = (role: string) => `role:${role} and project_id:%(project_id)s`

export const commonChecks = {
  anyone: '@',
  nobody: '!',
  admin: 'role:admin',
  projectManager: ofProject('manager'),
  projectMember: ofProject('member'),
  projectReader: ofProject('reader'),
  projectManagerOrAdmin: `role:admin or (${ofProject('manager')})`,
  projectMemberOrAdmin: `role:admin or (${ofProject('member')})`,
  projectReaderOrAdmin: `role:admin or (${ofProject('reader')})`,
  /** The user that the target belongs to: key pairs, application credentials. */
  userOrAdmin: 'role:admin or user_id:%(user_id)s',
  /** Another service of the cloud speaks for the user. */
  service: 'role:service',
  adminOrService: 'role:admin or role:service',
} as const
