// The Debian packages that the test image is made of. They are downloaded and unpacked, never installed.

export const guestImagePackages = {
  /** Stands for the newest kernel of its kind; its dependency is what is downloaded. */
  kernel: 'linux-image-cloud-amd64',
  guest: [
    'busybox-static', // almost all commands; emulated, a shared one takes twice as long to start
    'dropbear-bin', // ssh server
    'openssh-sftp-server', // what today's scp talks to
    'sudo',
    'e2fsprogs', // mke2fs, resize2fs
    'libc6', 'libcrypt1', 'zlib1g', 'libtomcrypt1', 'libtommath1', 'libgmp10', // for dropbear
    'libext2fs2', 'libcom-err2', 'libblkid1', 'libuuid1', // for e2fsprogs
    'libaudit1', 'libcap-ng0', 'libselinux1', 'libpcre2-8-0', 'libpam0g', 'libpam-modules', // for sudo
  ],
  /** Programs and data that the building itself uses. */
  tools: ['syslinux', 'syslinux-common', 'mtools', 'dosfstools'],
} as const
