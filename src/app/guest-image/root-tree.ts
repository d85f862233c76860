// The guest's root file system as a directory: programs and libraries from the packages, the rest from files/.
import { chmod, copyFile, cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ProcessRunner } from '../../core/process/interface.ts'
import { dependencyFile, type KernelModule } from './kernel-modules.ts'
import type { Unpacked } from './unpack.ts'

/** The user to log in as; also the image property os_admin_user. */
export const guestUser = 'nimbo'
/** Of the word "nimbo". It opens the console only: ssh takes keys alone. */
const consolePassword = '$6$nimboguest$gcPNlyOz3tuqtc/3HcgUp5B10u1Lz9K5O/ABrxPaVwl2tEIA7heWPGWqEUqEs3EHuKzhAsW7iJ9qjM2Yk9.Qx0'

const programs = [
  'bin/busybox', 'usr/sbin/dropbear', 'usr/bin/dropbearkey', 'usr/bin/dbclient', 'usr/lib/openssh/sftp-server', 'usr/bin/sudo',
  'sbin/mke2fs', 'sbin/resize2fs', 'sbin/e2fsck',
]
const libraries = [
  'libc.so.6', 'libresolv.so.2', 'libtomcrypt.so.1', 'libtommath.so.1', 'libgmp.so.10', 'libz.so.1', 'libcrypt.so.1', 'libext2fs.so.2',
  'libe2p.so.2', 'libcom_err.so.2', 'libblkid.so.1', 'libuuid.so.1', 'libaudit.so.1', 'libcap-ng.so.0', 'libselinux.so.1',
  'libpcre2-8.so.0', 'libpam.so.0', 'libdl.so.2', 'libpthread.so.0', 'security/pam_permit.so',
]
const scripts = ['system-start', 'system-stop', 'cloud-start', 'interface-start', 'dhcp-event', 'hotplug']

/** Modes and owners that differ from 0:0 and the file's own; set in the image, since we may not own files as root. */
export const specialFiles: readonly { path: string; mode: number; owner: number }[] = [
  // For ping; busybox itself gives root up in all commands that do not need it.
  { path: '/bin/busybox', mode: 0o104755, owner: 0 },
  { path: '/usr/bin/sudo', mode: 0o104755, owner: 0 },
  { path: '/etc/sudoers', mode: 0o100440, owner: 0 },
  { path: '/etc/shadow', mode: 0o100600, owner: 0 },
  { path: '/root', mode: 0o040700, owner: 0 },
  { path: `/home/${guestUser}`, mode: 0o040755, owner: 1000 },
]

const textFiles: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n${guestUser}:x:1000:1000::/home/${guestUser}:/bin/sh\n`,
  'etc/group': `root:x:0:\ntty:x:5:\ndisk:x:6:\nsudo:x:27:${guestUser}\nnogroup:x:65534:\n${guestUser}:x:1000:\n`,
  'etc/shadow': `root:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n${guestUser}:${consolePassword}:19700:0:99999:7:::\n`,
  'etc/cloud-user': `${guestUser}\n`,
  'etc/hostname': 'nimbo\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 nimbo\n',
  'etc/resolv.conf': '',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
  'etc/issue': `Nimbo test guest \\n \\l\nLog in as "${guestUser}" with your ssh key; the password on this console is "${guestUser}".\n\n`,
  'etc/os-release': 'ID=nimbo-guest\nNAME="Nimbo test guest"\nPRETTY_NAME="Nimbo test guest (made of Debian packages)"\nID_LIKE=debian\n',
  'etc/profile': 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nexport PS1="\\u@\\h:\\w\\$ "\n',
  'etc/shells': '/bin/sh\n',
  'etc/fstab': '',
  'etc/pam.d/sudo': '#%PAM-1.0\nauth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n',
  'etc/pam.d/other': '#%PAM-1.0\nauth required pam_permit.so\naccount required pam_permit.so\npassword required pam_permit.so\nsession required pam_permit.so\n',
  'etc/mke2fs.conf': '[defaults]\n\tbase_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr\n\tblocksize = 4096\n\tinode_size = 256\n\tinode_ratio = 16384\n[fs_types]\n\text4 = {\n\t\tfeatures = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize\n\t}\n',
}

export async function makeRootTree(options: {
  runner: ProcessRunner
  unpacked: Unpacked
  target: string
  files: string
  modules: readonly KernelModule[]
}): Promise<void> {
  const { runner, unpacked, target, files } = options
  const copy = async (from: string, to: string, mode: number): Promise<void> => {
    await mkdir(dirname(join(target, to)), { recursive: true })
    await copyFile(from, join(target, to))
    await chmod(join(target, to), mode)
  }
  for (const directory of ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'lib/x86_64-linux-gnu', 'lib64', 'dev', 'proc', 'sys', 'run', 'tmp', 'mnt',
    'root', `home/${guestUser}`, 'var/lib/cloud', 'var/log', 'etc/dropbear', 'etc/init.d', 'etc/acpi/PWRF']) {
    await mkdir(join(target, directory), { recursive: true })
  }
  await symlink('../run', join(target, 'var/run'))

  for (const program of programs) await copy(join(unpacked.tree, program), program, 0o755)
  for (const library of libraries) await copy(await findLibrary(unpacked.tree, library), `lib/x86_64-linux-gnu/${library}`, 0o755)
  await copy(await findLibrary(unpacked.tree, 'ld-linux-x86-64.so.2'), 'lib64/ld-linux-x86-64.so.2', 0o755)
  await symlink('openssh/sftp-server', join(target, 'usr/lib/sftp-server'))
  for (const directory of ['sbin', 'bin']) await symlink('/sbin/mke2fs', join(target, directory, 'mkfs.ext4'))
  await cp(join(unpacked.tree, 'usr/libexec/sudo'), join(target, 'usr/libexec/sudo'), { recursive: true, verbatimSymlinks: true })

  const { stdout } = await runner.run(join(unpacked.tree, 'bin/busybox'), ['--list-full'], { timeoutSeconds: 10 })
  // Everything in bin too: the path of a command over ssh has no sbin.
  const applets = stdout.split('\n').filter((line) => line !== '' && !/dpkg|telnetd/.test(line))
  for (const path of new Set([...applets, ...applets.map((applet) => `bin/${basename(applet)}`)])) {
    await mkdir(dirname(join(target, path)), { recursive: true })
    await symlink('/bin/busybox', join(target, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error // a real program took the place
    })
  }

  for (const [path, text] of Object.entries(textFiles)) {
    await mkdir(dirname(join(target, path)), { recursive: true })
    await writeFile(join(target, path), text)
  }
  for (const script of scripts) await copy(join(files, script), `etc/init.d/${script}`, 0o755)
  await copy(join(files, 'inittab'), 'etc/inittab', 0o644)
  await copy(join(files, 'sudoers'), 'etc/sudoers', 0o440)
  await copy(join(files, 'power-button'), 'etc/acpi/PWRF/00000080', 0o755)

  const modules = `lib/modules/${unpacked.kernelVersion}`
  for (const { path } of options.modules) await copy(join(unpacked.tree, modules, path), join(modules, path), 0o644)
  await writeFile(join(target, modules, 'modules.dep'), dependencyFile(options.modules))
}

async function findLibrary(tree: string, name: string): Promise<string> {
  for (const directory of ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64']) {
    const found = await realpath(join(tree, directory, name)).catch(() => undefined)
    if (found?.startsWith(tree) === true) return found
  }
  throw new Error(`The packages hold no ${basename(name)}.`)
}
