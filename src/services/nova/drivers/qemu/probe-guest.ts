// The probe guest: one boot sector that does what the kernel of a guest does, and says on the serial line how far it came.

/** What it says when it could do everything. */
export const probeDone = 'K'

/** At 0x7c00; after each instruction what it is in the assembler's words. */
const program = [
  // Real mode, as the BIOS left it: say "r". Page tables from 0x1000 on map the first 2 MiB onto themselves, for user mode too; then long mode.
  'fa', // cli
  '31c0', // xorw %ax, %ax
  '8ed8', // movw %ax, %ds
  '8ec0', // movw %ax, %es
  '8ed0', // movw %ax, %ss
  'bc007c', // movw $0x7c00, %sp
  'fc', // cld
  'bf0010', // movw $0x1000, %di
  'b90028', // movw $0x2800, %cx
  'f3ab', // rep stosw
  'c70600100720', // movw $0x2007, 0x1000
  'c70600200730', // movw $0x3007, 0x2000
  'c70600308700', // movw $0x0087, 0x3000
  'baf803', // movw $0x3f8, %dx
  'b072', // movb $'r', %al
  'ee', // outb %al, %dx
  '0f01165b7d', // lgdt gdtr
  '0f011e617d', // lidt idtr
  '66b820000000', // movl $0x20, %eax
  '0f22e0', // movl %eax, %cr4
  '66b800100000', // movl $0x1000, %eax
  '0f22d8', // movl %eax, %cr3
  '66b9800000c0', // movl $0xc0000080, %ecx
  '0f32', // rdmsr
  '0d0001', // orw $0x100, %ax
  '0f30', // wrmsr
  '0f20c0', // movl %cr0, %eax
  '660d01000080', // orl $0x80000001, %eax
  '0f22c0', // movl %eax, %cr0
  'ea677c0800', // ljmp $0x08, $long
  // Long mode with paging: say "l". Gates at 0x4000 for the timer (vector 0x20) and for calls from user mode (0x80), which come onto the stack at 0x7000.
  'b810000000', // long: movl $0x10, %eax
  '8ed8', // movl %eax, %ds
  '8ec0', // movl %eax, %es
  '8ed0', // movl %eax, %ss
  'baf8030000', // movl $0x3f8, %edx
  'b06c', // movb $'l', %al
  'ee', // outb %al, %dx
  '66c7042500420000127d', // movw $tick, 0x4200
  'c70425024200000800008e', // movl $0x8e000008, 0x4202
  '66c70425004800001c7d', // movw $back, 0x4800
  'c7042502480000080000ee', // movl $0xee000008, 0x4802
  '66c70425045000000070', // movw $0x7000, 0x5004
  'b828000000', // movl $0x28, %eax
  '0f00d8', // ltr %ax
  // The interrupt controllers: only the timer may interrupt, at a hundred times a second. Wait for ten of its interrupts: say "t".
  'b011', // movb $0x11, %al
  'e620', // outb %al, $0x20
  'b020', // movb $0x20, %al
  'e621', // outb %al, $0x21
  'b004', // movb $0x04, %al
  'e621', // outb %al, $0x21
  'b001', // movb $0x01, %al
  'e621', // outb %al, $0x21
  'b0fe', // movb $0xfe, %al
  'e621', // outb %al, $0x21
  'b0ff', // movb $0xff, %al
  'e6a1', // outb %al, $0xa1
  'b034', // movb $0x34, %al
  'e643', // outb %al, $0x43
  'b09c', // movb $0x9c, %al
  'e640', // outb %al, $0x40
  'b02e', // movb $0x2e, %al
  'e640', // outb %al, $0x40
  '31db', // xorl %ebx, %ebx
  'fb', // sti
  'f4', // wait: hlt
  '83fb0a', // cmpl $10, %ebx
  '72fa', // jb wait
  'b074', // movb $'t', %al
  'ee', // outb %al, %dx
  // Count to a hundred million as the kernel: say "c". Where the host plays a guest's kernel instruction by instruction this takes minutes.
  'b900e1f505', // movl $100000000, %ecx
  'ffc9', // kernel: decl %ecx
  '75fc', // jnz kernel
  'b063', // movb $'c', %al
  'ee', // outb %al, %dx
  // Go to user mode, count there too, call back.
  '6a1b', // pushq $0x1b
  '6800680000', // pushq $0x6800
  '6802020000', // pushq $0x202
  '6a23', // pushq $0x23
  '68077d0000', // pushq $user
  '48cf', // iretq
  'b900e1f505', // user: movl $100000000, %ecx
  'ffc9', // program: decl %ecx
  '75fc', // jnz program
  'cd80', // int $0x80
  // The timer interrupts.
  'ffc3', // tick: incl %ebx
  '50', // pushq %rax
  'b020', // movb $0x20, %al
  'e620', // outb %al, $0x20
  '58', // popq %rax
  '48cf', // iretq
  // User mode calls: say "K" and rest.
  'b04b', // back: movb $'K', %al
  'ee', // outb %al, %dx
  'fa', // rest: cli
  'f4', // hlt
  'ebfc', // jmp rest
  // Segments: none, code, data, data and code of user mode, the task (at 0x5000). Then where they lie, and where the gates lie.
  '0000000000000000', '00000000009a2000', '0000000000920000', '0000000000f20000', '0000000000fa2000', '6700005000890000', '0000000000000000',
  '3700237d0000', 'ff0f00400000',
]

/** A disk with the program in its first sector. It is longer than that: the BIOS refuses a disk without room for a cylinder. */
export function probeDisk(): Buffer {
  const disk = Buffer.alloc(1024 * 1024)
  disk.write(program.join(''), 'hex')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
