// What people of a simulation make and have.

export type Noun = 'server' | 'volume' | 'network' | 'subnet' | 'port' | 'router' | 'floatingip' | 'security-group' | 'security-group-rule' | 'image' | 'project' | 'user' | 'role' | 'server-group'
